//! For any sequence of steps of a job, a client of each dialect ends with the same text and end as a client of
//! the native events, or with an error if a retry took back text.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::domain::ids::{JobId, Owner};
use crate::domain::job::{
    AttemptError, Claimant, DialectFollower, JobError, JobInput, Lease, LogWrite, Outcome, Report,
    SubmitOptions,
};
use crate::domain::log::{EntryContent, Log, LogEntry};

const LEASE: Duration = Duration::from_secs(120);

/// A dialect client's state of an answer.
#[derive(Debug, Default, PartialEq)]
struct ClientState {
    text: String,
    /// `complete`, or the code of the error.
    end: Option<String>,
    /// The sequence number of the last frame with text.
    last_seq: u64,
}

impl ClientState {
    /// Appends the text of a frame that was not received before.
    fn append(&mut self, seq: u64, text: &Value) {
        if seq > self.last_seq {
            self.last_seq = seq;
            self.text.push_str(text.as_str().unwrap());
        }
    }

    /// Applies a frame as the usual client of a dialect does.
    fn receive(&mut self, frame: &str) {
        let frame: Value = serde_json::from_str(frame).unwrap();
        let seq = frame["seq"].as_u64().unwrap();
        assert!(frame["jobId"].is_string());
        match frame["type"].as_str().unwrap() {
            "chunk" => self.append(seq, &frame["content"]),
            "chat_response" if frame["metadata"]["done"] == false => {
                self.append(seq, &frame["content"]);
            }
            "text_response" if frame["data"]["done"] == false => {
                self.append(seq, &frame["data"]["text"]);
            }
            "complete" | "chat_response" | "text_response" => self.finish("complete"),
            "error" => self.finish(frame["data"]["code"].as_str().unwrap()),
            "typing_indicator" => {}
            other => panic!("no dialect has the type {other}"),
        }
    }

    fn finish(&mut self, end: &str) {
        assert!(self.end.is_none() || self.end.as_deref() == Some(end));
        self.end = Some(end.to_owned());
    }
}

/// A step of a running job.
#[derive(Debug, Clone)]
enum Step {
    Chunk(String),
    /// Resets the stream to before the n-th last entry.
    Reset(usize),
    Report,
    Retry,
    HandOver,
    /// Its worker dies, and the next one pushes the latest chunk again.
    Crash,
}

#[derive(Debug, Clone)]
enum End {
    Completed(&'static str),
    Failed,
    Cancelled,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => "[ab\"ö]{1,5}".prop_map(Step::Chunk),
        1 => (1..3usize).prop_map(Step::Reset),
        1 => Just(Step::Report),
        1 => Just(Step::Retry),
        1 => Just(Step::HandOver),
        1 => Just(Step::Crash),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        Just(End::Completed(r#"{"response":"whole"}"#)),
        Just(End::Completed("[1]")),
        Just(End::Failed),
        Just(End::Cancelled),
    ]
}

/// A running job, the log of its stream, and the state of a client that follows it in a dialect.
struct Scenario {
    job: Job,
    now: Timestamp,
    log: Vec<LogEntry>,
    client: ClientState,
    has_reset: bool,
    is_finished: bool,
}

impl Scenario {
    fn new(dialect: Dialect) -> Self {
        let now = Timestamp::from_second(1000).unwrap();
        let owner = Owner {
            user: "alice".into(),
            tenant: None,
        };
        let input = JobInput::whole("q".into(), "{}".into());
        let options = SubmitOptions {
            deadline: Duration::from_secs(86_400),
            retention: Duration::from_secs(1000),
        };
        let id = JobId::new(now, &[7; 10]);
        let mut job = Job::submitted(id, owner, "chat".into(), input, now, options);
        let connection = ConnectionId("c=".into());
        job.followers.insert(connection.clone());
        job.followers.insert(ConnectionId("d=".into()));
        job.dialect_follower = Some(DialectFollower::new(dialect, connection));
        let mut scenario = Self {
            job,
            now,
            log: vec![],
            client: ClientState::default(),
            has_reset: false,
            is_finished: false,
        };
        scenario.push(&Event::queued(&scenario.job));
        scenario.claim();
        scenario
    }

    /// Pushes an event like the worker, which pushes nothing after the final frames.
    fn push(&mut self, event: &Event) {
        for outbound in outbound_frames(&self.job, event) {
            if outbound.to.0 == "d=" {
                assert_eq!(outbound.frames.len(), 1, "a native event");
                assert!(!outbound.is_final);
                continue;
            }
            if !self.is_finished {
                outbound
                    .frames
                    .iter()
                    .for_each(|frame| self.client.receive(frame));
            }
            self.is_finished |= outbound.is_final;
        }
    }

    fn change(&mut self, change: crate::domain::job::Change) {
        assert!(change.apply(&mut self.job), "{change:?}");
    }

    fn lease(&self) -> Lease {
        Lease::from_row(self.job.clone())
    }

    fn claim(&mut self) {
        self.now += Duration::from_secs(1000);
        let claimant = Claimant {
            invocation: "i",
            message: "m",
            now: self.now,
            lease: LEASE,
        };
        self.change(claimant.claim(&self.job));
        self.push(&Event::progress(&self.job));
        let pushed = self.job.dialect_follower.as_ref().unwrap().pushed_seq;
        if let Some(latest) = self.log.last().filter(|entry| entry.seq > pushed).cloned() {
            self.push(&Event::logged(&self.job, latest));
        }
    }

    fn stream(&mut self, content: EntryContent) {
        let entry = LogEntry {
            seq: self.job.seq + 1,
            at: self.now,
            content,
        };
        self.change(self.lease().stream(entry.clone(), LEASE).change());
        self.log.push(entry.clone());
        self.push(&Event::logged(&self.job, entry));
    }

    fn step(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Chunk(text) => self.stream(EntryContent::Chunk(text)),
            Step::Reset(back) => {
                // A worker resets only existing entries.
                let Some(at) = self.log.len().checked_sub(back) else {
                    return;
                };
                self.has_reset = true;
                self.stream(EntryContent::Reset {
                    attempt: self.job.attempt,
                    keep_through: self.log[at].seq - 1,
                });
            }
            Step::Report => {
                let half = Report {
                    percent: 50,
                    message: "half".into(),
                };
                let LogWrite::Row { change, .. } = self.lease().report(&[half], now, LEASE) else {
                    panic!("a report goes into the row");
                };
                self.change(change);
                self.push(&Event::progress(&self.job));
            }
            Step::Retry => {
                let error = AttemptError {
                    code: "X".into(),
                    message: "No.".into(),
                    at: now,
                    attempt: self.job.attempt,
                };
                self.change(self.lease().retry(now, error));
                self.claim();
            }
            Step::HandOver => {
                self.change(self.lease().hand_over(now));
                self.claim();
            }
            Step::Crash => self.claim(),
        }
    }

    fn end(&mut self, end: &End) {
        let (now, retention) = (self.now, Duration::from_secs(1000));
        let change = match end {
            End::Cancelled => Job::cancel(self.job.owner.clone(), now, retention),
            End::Completed(result) => {
                let result = JobResult::Inline((*result).into());
                self.lease()
                    .finish(&[], Outcome::Completed(result), now, retention)
            }
            End::Failed => {
                let error = JobError {
                    code: "FAILED".into(),
                    message: "No.".into(),
                    retryable: false,
                };
                self.lease()
                    .finish(&[], Outcome::Failed(error), now, retention)
            }
        };
        self.change(change);
        let end = Event::ended(&self.job).unwrap();
        self.push(&end);
        // Repeated, as by a sweep.
        self.push(&end);
    }

    /// What a client of the native events has in the end.
    fn expected(&self, end: &End) -> (String, String) {
        let stream = Log {
            entries: self.log.clone(),
            complete: true,
        };
        let streamed: String = stream.chunks().map(|(_, piece)| piece).collect();
        match end {
            End::Completed(result) if self.log.is_empty() => (
                response(&JobResult::Inline((*result).into())),
                "complete".into(),
            ),
            End::Completed(_) => (streamed, "complete".into()),
            End::Failed => (streamed, "FAILED".into()),
            End::Cancelled => (streamed, "CANCELLED".into()),
        }
    }
}

proptest! {
    #![proptest_config(crate::many_cases())]

    #[test]
    fn every_dialect_yields_the_same_text_and_end(
        steps in prop::collection::vec(step(), 0..12),
        end in end(),
        dialect in (0..Dialect::ALL.len()).prop_map(|n| Dialect::ALL[n]),
    ) {
        let mut scenario = Scenario::new(dialect);
        for step in steps {
            scenario.step(step);
        }
        scenario.end(&end);
        let client = &scenario.client;
        if scenario.has_reset {
            prop_assert_eq!(client.end.as_deref(), Some("STREAM_RESET"));
        } else {
            let (text, end) = scenario.expected(&end);
            prop_assert_eq!((&client.text, client.end.as_ref()), (&text, Some(&end)));
        }
    }
}

#[test]
fn the_longest_answer_that_was_not_streamed_is_one_frame() {
    for dialect in Dialect::ALL {
        let mut scenario = Scenario::new(dialect);
        // Each character takes two bytes in JSON.
        let response = "\"ö\n".repeat(crate::domain::limits::RESULT_IN_FRAME_BYTES / 6 - 3);
        let result = serde_json::json!({"response": response}).to_string();
        assert!(result.len() <= crate::domain::limits::RESULT_IN_FRAME_BYTES);
        let finish = Outcome::Completed(JobResult::Inline(result));
        let finish = scenario.lease().finish(&[], finish, scenario.now, LEASE);
        scenario.change(finish);
        let end = Event::ended(&scenario.job).unwrap();
        for outbound in outbound_frames(&scenario.job, &end) {
            let longest = outbound.frames.iter().map(|frame| frame.len()).max();
            assert!(longest <= Some(128 * 1024), "the limit of API Gateway");
        }
        scenario.push(&end);
        assert_eq!(scenario.client.text, response);
    }
}

#[test]
fn a_subscriber_receives_native_events() {
    let mut scenario = Scenario::new(Dialect::ChatMessage);
    let connection = ConnectionId("c=".into());
    scenario.change(Job::follow(
        scenario.job.owner.clone(),
        connection.clone(),
        32,
    ));
    assert_eq!(scenario.job.dialect_follower, None);
    let chunk = LogEntry {
        seq: 9,
        at: scenario.now,
        content: EntryContent::Chunk("a".into()),
    };
    let event = Event::logged(&scenario.job, chunk);
    let outbound = outbound_frames(&scenario.job, &event);
    assert_eq!(outbound[0].frames, outbound[1].frames);
    assert_eq!(
        outbound[0].frames[0].as_ref(),
        crate::protocol::event_frame(&event)
    );
}
