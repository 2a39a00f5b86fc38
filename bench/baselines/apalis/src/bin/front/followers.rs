//! The follower of each job: the connection that submitted it, until the job ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::ws::Message;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

const ENDS: [&str; 2] = ["job_completed", "job_failed"];

/// The sender of a connection's frames.
#[derive(Clone)]
pub struct Outbox {
    connection: u64,
    sender: UnboundedSender<Message>,
}

#[derive(Default)]
pub struct Followers {
    jobs: Mutex<HashMap<String, Follower>>,
}

struct Follower {
    outbox: Outbox,
    request_id: Value,
    seq: u64,
    /// Events that came before the submit was answered; None afterwards.
    early: Option<Vec<String>>,
}

/// The fields of an event that decide about its push.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventHeader<'a> {
    job_id: &'a str,
    seq: u64,
    #[serde(rename = "type")]
    kind: &'a str,
}

impl Outbox {
    pub fn new(sender: UnboundedSender<Message>) -> Self {
        static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
        let connection = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        Self { connection, sender }
    }

    /// Sends a frame, unless the connection has ended.
    pub fn send(&self, frame: Message) {
        let _ = self.sender.send(frame);
    }

    pub fn answer(&self, mut frame: Value, request_id: &Value) {
        frame["requestId"] = request_id.clone();
        frame["timestamp"] = json!(now());
        self.send(Message::text(frame.to_string()));
    }
}

impl Followers {
    pub fn follow(&self, job_id: &str, outbox: &Outbox, request_id: &Value) {
        let follower = Follower {
            outbox: outbox.clone(),
            request_id: request_id.clone(),
            seq: 0,
            early: Some(vec![]),
        };
        self.lock().insert(job_id.to_owned(), follower);
    }

    pub fn leave(&self, job_id: &str) {
        self.lock().remove(job_id);
    }

    /// After the response to a submit: sends the events that came meanwhile, and later ones at once.
    pub fn release(&self, job_id: &str) {
        let mut jobs = self.lock();
        let follower = jobs.get_mut(job_id);
        for event in follower
            .and_then(|follower| follower.early.take())
            .unwrap_or_default()
        {
            send_event(&mut jobs, event);
        }
    }

    /// Sends an event to its job's follower.
    pub fn send_event(&self, event: String) {
        send_event(&mut self.lock(), event);
    }

    /// Removes the jobs of a connection that has ended.
    pub fn forget(&self, outbox: &Outbox) {
        let other = |follower: &Follower| follower.outbox.connection != outbox.connection;
        self.lock().retain(|_, follower| other(follower));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Follower>> {
        // No code under the lock can leave the map inconsistent.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn send_event(jobs: &mut HashMap<String, Follower>, event: String) {
    let Ok(header) = serde_json::from_str::<EventHeader>(&event) else {
        eprintln!("not an event: {event}");
        return;
    };
    let Some(follower) = jobs.get_mut(header.job_id) else {
        return;
    };
    if let Some(early) = &mut follower.early {
        early.push(event);
        return;
    }
    if header.seq <= follower.seq {
        return;
    }
    follower.seq = header.seq;
    // The frame is the worker's event, which is an object, with two more fields.
    let fields = event.strip_suffix('}').unwrap_or(&event);
    let (request_id, now) = (&follower.request_id, now());
    let frame = format!("{fields},\"requestId\":{request_id},\"timestamp\":{now}}}");
    follower.outbox.send(Message::text(frame));
    if ENDS.contains(&header.kind) {
        jobs.remove(header.job_id);
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
