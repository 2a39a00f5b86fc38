//! Who hears of which job: every job that a connection of this front has submitted, until it ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::ws::Message;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

const ENDS: [&str; 2] = ["job_completed", "job_failed"];

/// Where a connection's frames go.
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
    /// Until the submit is answered: what came meanwhile.
    early: Option<Vec<String>>,
}

/// An event, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
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

    /// To a connection that has ended, nothing is sent.
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

    /// The submit is answered: what has come since goes out, and all that comes.
    pub fn let_go(&self, job_id: &str) {
        let mut jobs = self.lock();
        let follower = jobs.get_mut(job_id);
        for event in follower
            .and_then(|follower| follower.early.take())
            .unwrap_or_default()
        {
            tell(&mut jobs, event);
        }
    }

    /// Tells of an event whoever follows its job.
    pub fn tell(&self, event: String) {
        tell(&mut self.lock(), event);
    }

    /// A connection has ended.
    pub fn forget(&self, outbox: &Outbox) {
        let other = |follower: &Follower| follower.outbox.connection != outbox.connection;
        self.lock().retain(|_, follower| other(follower));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Follower>> {
        // Nothing that is done under the lock leaves it half done.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(jobs: &mut HashMap<String, Follower>, event: String) {
    let Ok(told) = serde_json::from_str::<Told>(&event) else {
        eprintln!("this is no event: {event}");
        return;
    };
    let Some(follower) = jobs.get_mut(told.job_id) else {
        return;
    };
    if let Some(early) = &mut follower.early {
        early.push(event);
        return;
    }
    if told.seq <= follower.seq {
        return;
    }
    follower.seq = told.seq;
    // The event is an object, as the worker wrote it, and the frame is that with two fields more.
    let fields = event.strip_suffix('}').unwrap_or(&event);
    let (request_id, now) = (&follower.request_id, now());
    let frame = format!("{fields},\"requestId\":{request_id},\"timestamp\":{now}}}");
    follower.outbox.send(Message::text(frame));
    if ENDS.contains(&told.kind) {
        jobs.remove(told.job_id);
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
