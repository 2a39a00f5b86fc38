//! Dialects: how a job's events are spelled for the connection that started it from a chat (PROTOCOL 6).
//!
//! Pure. Everyone else who follows hears PROTOCOL 3; [`told`] is the one place that decides who hears what.
//! Every stream dialect says the same few words, each in its own spelling: one file each. A dialect can't
//! take back what it has shown, so a retry that would ends it with an `error`, and the job goes on for those
//! who subscribe. What a session is, or an action, is not known here.

mod chat_message;
mod send_message;
#[cfg(test)]
mod tests;
mod text_message;

use std::cell::LazyCell;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::event::{Event, EventKind, HISTORY_TRUNCATED};
use crate::domain::ids::ConnectionId;
use crate::domain::job::{Job, JobResult};
use crate::protocol;

/// A dialect that a job can be started in, other than PROTOCOL 3's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    SendMessage,
    ChatMessage,
    TextMessage,
}

impl Dialect {
    pub const ALL: [Self; 3] = [Self::SendMessage, Self::ChatMessage, Self::TextMessage];

    /// As rows and the client's frames spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendMessage => "sendMessage",
            Self::ChatMessage => "chat_message",
            Self::TextMessage => "text_message",
        }
    }

    /// The reverse of [`Dialect::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.as_str() == text)
    }

    fn spell(self, word: DialectEvent<'_>, event: &Event) -> Vec<Value> {
        match self {
            Self::SendMessage => send_message::encode(word),
            Self::ChatMessage => chat_message::encode(word, event.job),
            Self::TextMessage => text_message::encode(word),
        }
    }
}

/// What one follower is told of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundFrames {
    pub to: ConnectionId,
    /// In their order; often one, in a dialect often none.
    pub frames: Vec<Arc<str>>,
    /// Whether its dialect ends with them: having heard them it follows no more.
    pub last: bool,
}

/// What each of the job's followers is told of its event.
pub fn outbound_frames(job: &Job, event: &Event) -> Vec<OutboundFrames> {
    // Often the only follower hears a dialect.
    let native = LazyCell::new(|| Arc::<str>::from(protocol::event(event)));
    let told = |follower: &ConnectionId| {
        let spoken = job.dialect_follower.as_ref();
        let spoken = spoken.filter(|spoken| spoken.connection == *follower);
        OutboundFrames {
            to: follower.clone(),
            frames: match spoken {
                None => vec![Arc::clone(&native)],
                Some(spoken) => frames(spoken.dialect, event, job),
            },
            last: spoken.is_some_and(|spoken| spoken.is_broken),
        }
    };
    job.followers.iter().map(told).collect()
}

/// What a stream dialect can say.
enum DialectEvent<'a> {
    /// The message was taken in.
    Begins,
    /// Said beside the answer.
    Notice(&'a str),
    /// The next piece of the answer.
    Piece(&'a str),
    /// The answer is whole.
    Ends,
    /// There will be no more of it.
    Breaks {
        code: &'a str,
        sentence: &'a str,
        retryable: bool,
    },
}

fn frames(dialect: Dialect, event: &Event, job: &Job) -> Vec<Arc<str>> {
    let mut frames = vec![];
    let mut say = |word: DialectEvent<'_>| {
        for fields in dialect.spell(word, event) {
            frames.push(frame(event, fields).into());
        }
    };
    if job
        .dialect_follower
        .as_ref()
        .is_some_and(|spoken| spoken.is_broken)
    {
        say(DialectEvent::Breaks {
            code: "STREAM_RESET",
            sentence: "A part of the answer no longer holds; subscribe to the job for the new one.",
            retryable: true,
        });
    } else {
        words(event, job.stream_seq > 0, &mut say);
    }
    frames
}

/// What an event is in words; `streamed` says whether any of the answer's text was said before it.
fn words(event: &Event, streamed: bool, say: &mut impl FnMut(DialectEvent<'_>)) {
    match &event.kind {
        EventKind::Queued { .. } => say(DialectEvent::Begins),
        EventKind::Progress { message, .. } if message == HISTORY_TRUNCATED => {
            say(DialectEvent::Notice(message))
        }
        EventKind::Progress { .. } | EventKind::Reset { .. } => {}
        EventKind::Chunk { content } => say(DialectEvent::Piece(content)),
        EventKind::Completed { result, .. } => {
            if !streamed {
                // In one frame, which takes the largest of results: a number that two pieces had would not
                // tell the second from the first said again.
                let response = response(result);
                if !response.is_empty() {
                    say(DialectEvent::Piece(&response));
                }
            }
            say(DialectEvent::Ends);
        }
        EventKind::Failed { error, .. } => say(DialectEvent::Breaks {
            code: &error.code,
            sentence: &error.message,
            retryable: error.retryable,
        }),
        EventKind::Cancelled { .. } => say(DialectEvent::Breaks {
            code: "CANCELLED",
            sentence: "The answer was cancelled.",
            retryable: true,
        }),
    }
}

/// The text of a result that was not streamed: its `response`, where it has one.
pub fn response(result: &JobResult) -> String {
    match result {
        JobResult::Inline(result) => {
            let result: Value = serde_json::from_str(result).unwrap_or_default();
            let response = result.get("response").and_then(Value::as_str);
            response.unwrap_or_default().to_owned()
        }
        JobResult::EventLog(_) => String::new(),
        JobResult::Object(stored) => format!(
            "The answer is {} bytes long: `getJob` says where it is.",
            stored.bytes
        ),
    }
}

/// The one shape of an `error` (PROTOCOL 5).
fn error(code: &str, sentence: &str) -> Value {
    json!({
        "type": "error",
        "content": sentence,
        "data": {"code": code, "message": sentence, "details": {}},
    })
}

/// A frame with what all frames of a job have.
fn frame(event: &Event, mut fields: Value) -> String {
    fields["jobId"] = event.job.to_string().into();
    fields["seq"] = event.seq.into();
    fields["timestamp"] = event.at.as_second().into();
    if let Some(request_id) = &event.request_id {
        fields["requestId"] = request_id.as_str().into();
    }
    fields.to_string()
}
