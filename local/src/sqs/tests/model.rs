//! Property test: for random operations, the store's counts equal those of a simple model.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::super::messages::{NewMessage, ReceiveRequest};
use super::super::receipt::Receipt;
use super::super::requests::{AdminRequest, parse};
use super::super::store::Store;

#[derive(Debug, Clone)]
enum Step {
    /// Group and delay in seconds.
    Send(u8, i64),
    /// Maximum number of messages, and the visibility timeout in seconds.
    Receive(usize, i64),
    /// An index into the receipts so far.
    Delete(usize),
    /// An index into the receipts so far, and the timeout in seconds.
    Change(usize, i64),
    /// Advances the clock by milliseconds.
    Advance(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4u8, prop_oneof![Just(0), 1..20i64]).prop_map(|(g, d)| Step::Send(g, d)),
        4 => (1..=10usize, 0..30i64).prop_map(|(n, v)| Step::Receive(n, v)),
        3 => any::<usize>().prop_map(Step::Delete),
        2 => (any::<usize>(), 0..30i64).prop_map(|(n, v)| Step::Change(n, v)),
        2 => (1..15_000i64).prop_map(Step::Advance),
    ]
}

/// The model of a message: until when it is hidden, whether by a receive, and its latest receipt.
#[derive(Debug, Clone, Copy)]
struct ModelMessage {
    hidden_until: i64,
    received: bool,
    receipt: Option<Receipt>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn counts_agree_with_the_model(steps in prop::collection::vec(step(), 1..80)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path(), String::new(), 0).unwrap();
        let request = parse(json!({"QueueName": "q"}).to_string().as_bytes()).unwrap();
        store.administer(&AdminRequest::CreateQueue(request), 0).unwrap();
        let queue = store.queue("q").unwrap().id;
        let mut model: BTreeMap<[u8; 16], ModelMessage> = BTreeMap::new();
        let mut receipts: Vec<([u8; 16], Receipt)> = Vec::new();
        let (mut now, mut serial) = (0, 0u128);

        for step in steps {
            match step {
                Step::Send(group, delay) => {
                    serial += 1;
                    let message_id = serial.to_be_bytes();
                    let group = if group == 0 { String::new() } else { group.to_string() };
                    let message = NewMessage {
                        message_id, group, body: "b".to_owned(), attributes: None, trace: None,
                        delay: Some(delay), bytes: 1,
                    };
                    store.send("q", &message, now).unwrap();
                    model.insert(message_id, ModelMessage {
                        hidden_until: now + delay * 1000, received: false, receipt: None,
                    });
                }
                Step::Receive(limit, visibility) => {
                    let request = ReceiveRequest {
                        queue: "q".to_owned(), limit, visibility: Some(visibility), wait: None,
                    };
                    let visible = model.values().filter(|m| m.hidden_until <= now).count();
                    let delivered = store.receive(&request, now).unwrap();
                    prop_assert_eq!(delivered.len(), visible.min(limit));
                    for message in delivered {
                        let known = model.get_mut(&message.message_id).expect("only what was sent comes");
                        prop_assert!(known.hidden_until <= now, "delivered while hidden");
                        *known = ModelMessage {
                            hidden_until: now + visibility * 1000,
                            received: true,
                            receipt: Some(message.receipt),
                        };
                        receipts.push((message.message_id, message.receipt));
                    }
                }
                Step::Delete(which) if !receipts.is_empty() => {
                    let (id, receipt) = receipts[which % receipts.len()];
                    store.delete("q", receipt).unwrap();
                    if model.get(&id).is_some_and(|known| known.receipt == Some(receipt)) {
                        model.remove(&id);
                    }
                }
                Step::Change(which, seconds) if !receipts.is_empty() => {
                    let (id, receipt) = receipts[which % receipts.len()];
                    let done = store.change_visibility("q", receipt, seconds, now);
                    match model.get_mut(&id) {
                        Some(known) if known.receipt == Some(receipt) && known.hidden_until > now => {
                            prop_assert!(done.is_ok());
                            known.hidden_until = now + seconds * 1000;
                        }
                        _ => prop_assert!(done.is_err()),
                    }
                }
                Step::Delete(_) | Step::Change(..) => {}
                Step::Advance(milliseconds) => now += milliseconds,
            }
            store.make_due_visible("q", now).unwrap();
            let counts = store.counts(queue).unwrap();
            let hidden = |received| {
                model.values().filter(|m| m.hidden_until > now && m.received == received).count() as i64
            };
            prop_assert_eq!(counts.in_flight, hidden(true));
            prop_assert_eq!(counts.delayed, hidden(false));
            let visible = model.values().filter(|m| m.hidden_until <= now).count() as i64;
            prop_assert_eq!(counts.ready, visible);
        }
    }
}
