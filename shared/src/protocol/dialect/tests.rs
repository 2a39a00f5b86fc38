//! Whatever befalls a job: each dialect, as its usual client folds it, comes to the same text and the same end
//! as PROTOCOL 3; but where a retry takes text back, to an error.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::domain::ids::{JobId, Owner};
use crate::domain::job::{
    AttemptError, DialectFollower, JobError, JobInput, Lease, Outcome, Report, SubmitOptions,
};
use crate::domain::stream::{Stream, StreamContent, StreamEntry};

const LEASE: Duration = Duration::from_secs(120);

/// What a front end has of an answer.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    text: String,
    /// `complete`, or the code of the error.
    end: Option<String>,
    /// The number of the last frame with text.
    last: u64,
}

impl Heard {
    /// The text, but for what was said before.
    fn piece(&mut self, seq: u64, text: &Value) {
        if seq > self.last {
            self.last = seq;
            self.text.push_str(text.as_str().unwrap());
        }
    }

    /// As the usual client of a dialect takes a frame.
    fn take(&mut self, frame: &str) {
        let frame: Value = serde_json::from_str(frame).unwrap();
        let seq = frame["seq"].as_u64().unwrap();
        assert!(frame["jobId"].is_string() && frame["timestamp"].is_i64());
        match frame["type"].as_str().unwrap() {
            "chunk" => self.piece(seq, &frame["content"]),
            "chat_response" if frame["metadata"]["done"] == false => {
                self.piece(seq, &frame["content"]);
            }
            "text_response" if frame["data"]["done"] == false => {
                self.piece(seq, &frame["data"]["text"]);
            }
            "complete" | "chat_response" | "text_response" => self.ends("complete"),
            "error" => self.ends(frame["data"]["code"].as_str().unwrap()),
            "typing_indicator" => {}
            other => panic!("no dialect says {other}"),
        }
    }

    fn ends(&mut self, end: &str) {
        assert!(self.end.is_none() || self.end.as_deref() == Some(end));
        self.end = Some(end.to_owned());
    }
}

/// What befalls a job that runs.
#[derive(Debug, Clone)]
enum Act {
    Chunk(String),
    /// Takes back the chunks from the n-th last on.
    Reset(usize),
    Report,
    Retry,
    HandOver,
    /// Its worker dies, and the next says the latest chunk again.
    Crash,
}

#[derive(Debug, Clone)]
enum End {
    Completed(&'static str),
    Failed,
    Cancelled,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => "[ab\"ö]{1,5}".prop_map(Act::Chunk),
        1 => (1..3usize).prop_map(Act::Reset),
        1 => Just(Act::Report),
        1 => Just(Act::Retry),
        1 => Just(Act::HandOver),
        1 => Just(Act::Crash),
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

/// A job under way, the log of its stream, and what its followers hear.
struct Story {
    job: Job,
    now: Timestamp,
    log: Vec<StreamEntry>,
    heard: Heard,
    took_back: bool,
    left: bool,
}

impl Story {
    fn begin(dialect: Dialect) -> Self {
        let now = Timestamp::from_second(1000).unwrap();
        let owner = Owner {
            user: "alice".into(),
            tenant: None,
        };
        let input = JobInput::whole("q".into(), "{}".into());
        let terms = SubmitOptions {
            deadline: Duration::from_secs(86_400),
            retention: Duration::from_secs(1000),
        };
        let id = JobId::new(now, &[7; 10]);
        let mut job = Job::submitted(id, owner, "chat".into(), input, now, terms);
        let connection = ConnectionId("c=".into());
        job.followers.insert(connection.clone());
        job.followers.insert(ConnectionId("d=".into()));
        job.dialect_follower = Some(DialectFollower::new(dialect, connection));
        let mut story = Self {
            job,
            now,
            log: vec![],
            heard: Heard::default(),
            took_back: false,
            left: false,
        };
        story.say(&Event::queued(&story.job));
        story.claim();
        story
    }

    /// Tells of an event, as the worker does: once the last was said, nothing more is.
    fn say(&mut self, event: &Event) {
        for told in outbound_frames(&self.job, event) {
            if told.to.0 == "d=" {
                assert_eq!(told.frames.len(), 1, "one of PROTOCOL 3");
                assert!(!told.last);
                continue;
            }
            if !self.left {
                told.frames.iter().for_each(|frame| self.heard.take(frame));
            }
            self.left |= told.last;
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
        self.change(Job::claim("i", self.now, LEASE));
        self.say(&Event::progress(&self.job));
        let shown = self.job.dialect_follower.as_ref().unwrap().pushed_seq;
        if let Some(latest) = self.log.last().filter(|entry| entry.seq > shown).cloned() {
            self.say(&Event::streamed(&self.job, latest));
        }
    }

    fn stream(&mut self, content: StreamContent) {
        let entry = StreamEntry {
            seq: self.job.seq + 1,
            at: self.now,
            content,
        };
        self.change(self.lease().stream(entry.clone(), LEASE).change());
        self.log.push(entry.clone());
        self.say(&Event::streamed(&self.job, entry));
    }

    fn act(&mut self, act: Act) {
        let now = self.now;
        match act {
            Act::Chunk(text) => self.stream(StreamContent::Chunk(text)),
            Act::Reset(back) => {
                // A worker takes back only what there is.
                let Some(at) = self.log.len().checked_sub(back) else {
                    return;
                };
                self.took_back = true;
                self.stream(StreamContent::Reset {
                    attempt: self.job.attempt,
                    keep_through: self.log[at].seq - 1,
                });
            }
            Act::Report => {
                let half = Report {
                    percent: 50,
                    message: "half".into(),
                };
                self.change(self.lease().report(&[half], now, LEASE));
                self.say(&Event::progress(&self.job));
            }
            Act::Retry => {
                let mishap = AttemptError {
                    code: "X".into(),
                    message: "No.".into(),
                    at: now,
                    attempt: self.job.attempt,
                };
                self.change(self.lease().retry(now, mishap));
                self.claim();
            }
            Act::HandOver => {
                self.change(self.lease().hand_over(now));
                self.claim();
            }
            Act::Crash => self.claim(),
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
        self.say(&end);
        // Said again, as the sweep does that was not sure.
        self.say(&end);
    }

    /// What a client of PROTOCOL 3 has in the end.
    fn expected(&self, end: &End) -> (String, String) {
        let stream = Stream {
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
    fn every_dialect_comes_to_the_same_text_and_end(
        acts in prop::collection::vec(act(), 0..12),
        end in end(),
        dialect in (0..Dialect::ALL.len()).prop_map(|n| Dialect::ALL[n]),
    ) {
        let mut story = Story::begin(dialect);
        for act in acts {
            story.act(act);
        }
        story.end(&end);
        let heard = &story.heard;
        if story.took_back {
            prop_assert_eq!(heard.end.as_deref(), Some("STREAM_RESET"));
        } else {
            let (text, end) = story.expected(&end);
            prop_assert_eq!((&heard.text, heard.end.as_ref()), (&text, Some(&end)));
        }
    }
}

#[test]
fn the_longest_answer_that_was_not_streamed_is_one_frame() {
    for dialect in Dialect::ALL {
        let mut story = Story::begin(dialect);
        // JSON spells each letter of it in two bytes.
        let response = "\"ö\n".repeat(crate::domain::limits::RESULT_IN_FRAME_BYTES / 6 - 3);
        let result = serde_json::json!({"response": response}).to_string();
        assert!(result.len() <= crate::domain::limits::RESULT_IN_FRAME_BYTES);
        let finish = Outcome::Completed(JobResult::Inline(result));
        let finish = story.lease().finish(&[], finish, story.now, LEASE);
        story.change(finish);
        let end = Event::ended(&story.job).unwrap();
        for told in outbound_frames(&story.job, &end) {
            let longest = told.frames.iter().map(|frame| frame.len()).max();
            assert!(
                longest <= Some(128 * 1024),
                "API Gateway takes no larger frame"
            );
        }
        story.say(&end);
        assert_eq!(story.heard.text, response);
    }
}

#[test]
fn who_subscribes_hears_the_protocol() {
    let mut story = Story::begin(Dialect::ChatMessage);
    let connection = ConnectionId("c=".into());
    story.change(Job::follow(story.job.owner.clone(), connection.clone(), 32));
    assert_eq!(story.job.dialect_follower, None);
    let chunk = StreamEntry {
        seq: 9,
        at: story.now,
        content: StreamContent::Chunk("a".into()),
    };
    let event = Event::streamed(&story.job, chunk);
    let told = outbound_frames(&story.job, &event);
    assert_eq!(told[0].frames, told[1].frames);
    assert_eq!(told[0].frames[0].as_ref(), protocol::event(&event));
}
