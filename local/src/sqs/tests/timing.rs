//! Tests of long periods, on the store with an explicit clock.

use serde_json::json;
use tempfile::TempDir;

use super::super::error::SqsError;
use super::super::housekeeping::CHUNK_ROWS;
use super::super::messages::{NewMessage, ReceiveRequest, ReceivedMessage};
use super::super::requests::{AdminRequest, parse};
use super::super::store::{Counts, Store};
use super::{redrive_to, url};

/// A store with `orders`, which moves messages to `dead` after two receives.
fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path(), String::new(), 0).unwrap();
    create(
        &mut store,
        json!({"QueueName": "dead", "Attributes": {"MessageRetentionPeriod": "120"}}),
    );
    create(
        &mut store,
        json!({"QueueName": "orders", "Attributes":
            {"RedrivePolicy": redrive_to("dead", 2), "MessageRetentionPeriod": "60"}}),
    );
    (folder, store)
}

fn create(store: &mut Store, request: serde_json::Value) {
    let request = AdminRequest::CreateQueue(parse(request.to_string().as_bytes()).unwrap());
    store.administer(&request, 0).unwrap();
}

fn send(store: &mut Store, delay: i64, now: i64) {
    let message = NewMessage {
        message_id: [7; 16],
        body: "body".to_owned(),
        attributes: None,
        trace: None,
        group: String::new(),
        delay: Some(delay),
        bytes: 4,
    };
    store.send("orders", &message, now).unwrap();
}

fn receive(store: &mut Store, queue: &str, visibility: i64, now: i64) -> Vec<ReceivedMessage> {
    let request = ReceiveRequest {
        queue: queue.to_owned(),
        limit: 10,
        visibility: Some(visibility),
        wait: None,
    };
    store.receive(&request, now).unwrap()
}

fn counts(store: &Store, queue: &str) -> [i64; 3] {
    let Counts {
        ready,
        delayed,
        in_flight,
    } = store.counts(store.queue(queue).unwrap().id).unwrap();
    [ready, in_flight, delayed]
}

#[test]
fn delays_and_timeouts_end_to_the_millisecond() {
    let (_folder, mut store) = store();
    send(&mut store, 5, 1_000);
    assert!(receive(&mut store, "orders", 10, 5_999).is_empty());
    assert_eq!(store.next_due("orders").unwrap(), Some(6_000));
    assert_eq!(receive(&mut store, "orders", 10, 6_000).len(), 1);
    assert!(receive(&mut store, "orders", 10, 15_999).is_empty());
    assert_eq!(
        receive(&mut store, "orders", 10, 16_000)[0].receive_count,
        2
    );
}

#[test]
fn a_message_past_its_retention_is_deleted_in_flight_or_not() {
    let (_folder, mut store) = store();
    send(&mut store, 0, 0);
    assert_eq!(receive(&mut store, "orders", 300, 0).len(), 1);
    send(&mut store, 0, 1);
    assert!(!store.clean_up(60_000).unwrap());
    assert_eq!(counts(&store, "orders"), [1, 0, 0]);
    assert!(receive(&mut store, "orders", 0, 60_001).is_empty());
    assert_eq!(counts(&store, "orders"), [0, 0, 0]);
}

#[test]
fn a_dead_letter_ages_from_its_first_send() {
    let (_folder, mut store) = store();
    send(&mut store, 0, 0);
    for now in [50_000, 50_001, 50_002] {
        receive(&mut store, "orders", 0, now);
    }
    assert_eq!(counts(&store, "dead"), [1, 0, 0]);
    assert_eq!(receive(&mut store, "dead", 0, 119_999)[0].sent_at, 0);
    assert!(receive(&mut store, "dead", 0, 120_000).is_empty());
}

#[test]
fn a_dead_letter_queue_with_its_own_redrive_policy_delivers_first() {
    let (_folder, mut store) = store();
    create(&mut store, json!({"QueueName": "grave"}));
    let policy =
        json!({"QueueUrl": url("dead"), "Attributes": {"RedrivePolicy": redrive_to("grave", 1)}});
    let policy = parse(policy.to_string().as_bytes()).unwrap();
    store
        .administer(&AdminRequest::SetQueueAttributes(policy), 0)
        .unwrap();
    send(&mut store, 0, 0);
    for now in [0, 1, 2] {
        receive(&mut store, "orders", 0, now);
    }
    assert_eq!(receive(&mut store, "dead", 0, 3)[0].receive_count, 3);
    assert!(receive(&mut store, "dead", 0, 4).is_empty());
    assert_eq!(counts(&store, "grave"), [1, 0, 0]);
}

#[test]
fn a_message_is_hidden_for_at_most_twelve_hours() {
    let (_folder, mut store) = store();
    let retention =
        json!({"QueueUrl": url("orders"), "Attributes": {"MessageRetentionPeriod": "1209600"}});
    let retention = parse(retention.to_string().as_bytes()).unwrap();
    store
        .administer(&AdminRequest::SetQueueAttributes(retention), 0)
        .unwrap();
    send(&mut store, 0, 0);
    let receipt = receive(&mut store, "orders", 43_200, 0)[0].receipt;
    let hour = 3_600_000;
    let mut change = |seconds, now| -> Result<(), SqsError> {
        store.change_visibility("orders", receipt, seconds, now)
    };
    change(11 * 3_600, hour).unwrap();
    let error = change(11 * 3_600 + 1, hour).unwrap_err();
    assert_eq!(error.code, "InvalidParameterValue");
    assert!(error.message.contains("43200"));
    let late = change(60, 12 * hour).unwrap_err();
    assert_eq!(late.code, "AWS.SimpleQueueService.MessageNotInflight");
}

#[test]
fn the_number_of_messages_in_flight_is_limited() {
    let (_folder, mut store) = store();
    // Filling it by receives would take a minute; the limit is checked against this count.
    store
        .connection
        .execute("UPDATE counts SET in_flight = 119999", [])
        .unwrap();
    send(&mut store, 0, 0);
    send(&mut store, 0, 0);
    assert_eq!(receive(&mut store, "orders", 5, 0).len(), 1);
    let request = ReceiveRequest {
        queue: "orders".to_owned(),
        limit: 10,
        visibility: None,
        wait: None,
    };
    assert_eq!(store.receive(&request, 0).unwrap_err().code, "OverLimit");
    let long = ReceiveRequest {
        wait: Some(1),
        ..request
    };
    assert!(store.receive(&long, 0).unwrap().is_empty());
}

#[test]
fn a_purged_backlog_is_deleted_in_chunks_and_completely() {
    let (_folder, mut store) = store();
    store.begin(false).unwrap();
    for _ in 0..=CHUNK_ROWS {
        send(&mut store, 0, 0);
    }
    let purge = parse(json!({"QueueUrl": url("orders")}).to_string().as_bytes()).unwrap();
    store
        .administer(&AdminRequest::PurgeQueue(purge), 0)
        .unwrap();
    assert_eq!(counts(&store, "orders"), [0, 0, 0]);
    assert!(store.clean_up(0).unwrap());
    assert!(!store.clean_up(0).unwrap());
    store.commit().unwrap();
    for table in ["messages", "contents", "groups"] {
        let left: i64 = store
            .connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(left, 0, "{table}");
    }
}
