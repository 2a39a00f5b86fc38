//! Acknowledged messages survive the end of the process, also by a kill.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::json;

use super::super::store::Store;
use super::{TestSqs, bodies, open, url};

/// The child process's data folder; set by the test that starts it.
const FOLDER: &str = "LONGHAUL_SQS_KILL_FOLDER";

#[tokio::test]
async fn a_restart_keeps_waiting_and_in_flight_messages_and_their_receipts() {
    let test_sqs = TestSqs::new().await;
    for body in ["one", "two", "three"] {
        test_sqs.send("orders", body).await;
    }
    let request = json!({"QueueUrl": url("orders"), "DelaySeconds": 900, "MessageBody": "later"});
    test_sqs.ok("SendMessage", request).await;
    let request =
        json!({"QueueUrl": url("orders"), "MaxNumberOfMessages": 2, "VisibilityTimeout": 600});
    let taken = test_sqs.ok("ReceiveMessage", request).await;
    let test_sqs = test_sqs.reopened();
    assert_eq!(test_sqs.counts("orders").await, [1, 2, 1]);
    test_sqs.delete("orders", &taken["Messages"][0]).await;
    assert_eq!(bodies(&test_sqs.receive("orders").await), ["three"]);
    assert_eq!(test_sqs.counts("orders").await, [0, 2, 1]);
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sqs::tests::durability::child",
            "--ignored",
            "--nocapture",
        ])
        .args(["--test-threads", "1"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    for line in lines {
        // The test harness writes to the same pipe, sometimes on the same line.
        if let Some((_, id)) = line.unwrap().rsplit_once("sent ") {
            acknowledged.push(id.to_owned());
        }
        if acknowledged.len() == 200 {
            child.kill().unwrap();
            break;
        }
    }
    child.wait().unwrap();

    let test_sqs = TestSqs {
        sqs: open(&folder),
        folder,
    };
    let mut found = Vec::new();
    loop {
        let received = test_sqs.receive("orders").await;
        if received.is_empty() {
            break;
        }
        let id = |message: &serde_json::Value| message["MessageId"].as_str().unwrap().to_owned();
        found.extend(received.iter().map(id));
    }
    let distinct: std::collections::BTreeSet<_> = found.iter().collect();
    assert_eq!(distinct.len(), found.len(), "a message was received twice");
    assert_eq!(acknowledged.len(), 200);
    for id in &acknowledged {
        assert!(distinct.contains(id), "{id} was acknowledged and is lost");
    }
}

/// The process that the test above kills: sends messages and prints the acknowledged ids.
#[tokio::test]
#[ignore = "runs as the child of another test"]
async fn child() {
    let folder = std::env::var_os(FOLDER).expect("only its parent runs it");
    let sqs = super::Sqs::open(folder.as_ref(), String::new()).unwrap();
    let create = json!({"QueueName": "orders"}).to_string();
    sqs.call("CreateQueue", create.as_bytes()).await.unwrap();
    loop {
        let request = json!({"QueueUrl": url("orders"), "MessageBody": "durable"}).to_string();
        let response = sqs.call("SendMessage", request.as_bytes()).await.unwrap();
        let response: serde_json::Value = serde_json::from_slice(&response).unwrap();
        println!("sent {}", response["MessageId"].as_str().unwrap());
    }
}

#[tokio::test]
async fn a_second_store_on_the_same_folder_is_refused() {
    let test_sqs = TestSqs::new().await;
    let second = super::Sqs::open(test_sqs.folder.path(), String::new());
    assert!(format!("{:#}", second.unwrap_err()).contains("another process"));
}

#[test]
fn a_transaction_is_synced_as_requested() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), String::new(), 0).unwrap();
    let level = |synced: bool| -> i64 {
        store.begin(synced).unwrap();
        let level = |row: &rusqlite::Row<'_>| row.get(0);
        let level = store.connection.query_row("PRAGMA synchronous", [], level);
        store.commit().unwrap();
        level.unwrap()
    };
    // SQLite's values of FULL and NORMAL.
    assert_eq!([level(true), level(false), level(true)], [2, 1, 2]);
}
