//! Dialects: the frames of a job's events for the connection that started the job from a chat. One module each.
//!
//! All other followers receive the native events. [`outbound_frames`] alone decides which frames a follower
//! receives. A dialect can't take back text, so a retry that would ends it with an `error`; the job continues
//! for its subscribers.

mod chat_message;
mod frame;
mod send_message;
#[cfg(test)]
mod tests;
mod text_message;

use std::cell::LazyCell;
use std::sync::Arc;

pub use frame::{DialectFrame, JobDialectFrame, TextFrame};
use serde_json::Value;

use crate::domain::dialect::Dialect;
use crate::domain::event::{Event, EventKind};
use crate::domain::ids::ConnectionId;
use crate::domain::job::{Job, JobResult};
use crate::protocol::event::event_frame;

/// The frames of one event for one follower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundFrames {
    pub to: ConnectionId,
    /// In order. Usually one; in a dialect often none.
    pub frames: Vec<Arc<str>>,
    /// Whether the dialect ends with these frames: after them the connection no longer follows the job.
    pub is_final: bool,
}

/// The frames of a job's event for each of its followers.
pub fn outbound_frames(job: &Job, event: &Event) -> Vec<OutboundFrames> {
    // Lazy, since often the only follower receives a dialect.
    let native = LazyCell::new(|| Arc::<str>::from(event_frame(event)));
    let frames_for = |follower: &ConnectionId| {
        let dialect_follower = job
            .dialect_follower
            .as_ref()
            .filter(|dialect_follower| dialect_follower.connection == *follower);
        OutboundFrames {
            to: follower.clone(),
            frames: match dialect_follower {
                None => vec![Arc::clone(&native)],
                Some(dialect_follower) => frames(dialect_follower.dialect, event, job),
            },
            is_final: dialect_follower.is_some_and(|dialect_follower| dialect_follower.is_broken),
        }
    };
    job.followers.iter().map(frames_for).collect()
}

/// The events that a dialect distinguishes.
enum DialectEvent<'a> {
    /// The message was accepted.
    Started,
    /// A notice that is not part of the answer.
    Notice(&'a str),
    /// The next piece of the answer.
    Text(&'a str),
    /// The answer is complete.
    Completed,
    /// The answer ends with an error.
    Failed {
        code: &'a str,
        message: &'a str,
        retryable: bool,
    },
}

/// The frames of a dialect's event, as JSON text.
fn encode(dialect: Dialect, shown: DialectEvent<'_>, event: &Event) -> Vec<String> {
    let frames = match dialect {
        Dialect::SendMessage => send_message::encode(shown),
        Dialect::ChatMessage => chat_message::encode(shown, event.job),
        Dialect::TextMessage => {
            let frames = text_message::encode(shown).into_iter();
            return frames.map(|frame| frame.of_event(event)).collect();
        }
    };
    frames.iter().map(|frame| frame.of_event(event)).collect()
}

fn frames(dialect: Dialect, event: &Event, job: &Job) -> Vec<Arc<str>> {
    let mut frames = vec![];
    let mut emit = |dialect_event: DialectEvent<'_>| {
        for frame in encode(dialect, dialect_event, event) {
            frames.push(frame.into());
        }
    };
    if job
        .dialect_follower
        .as_ref()
        .is_some_and(|dialect_follower| dialect_follower.is_broken)
    {
        emit(DialectEvent::Failed {
            code: "STREAM_RESET",
            message: "A part of the answer is no longer valid; subscribe to the job for the new one.",
            retryable: true,
        });
    } else {
        dialect_events(event, job.stream_seq > 0, &mut emit);
    }
    frames
}

/// The dialect events of an event. `streamed`: whether text of the answer was streamed before.
fn dialect_events(event: &Event, streamed: bool, emit: &mut impl FnMut(DialectEvent<'_>)) {
    match &event.kind {
        EventKind::Queued { .. } => emit(DialectEvent::Started),
        EventKind::Progress {
            message,
            is_notice: true,
            ..
        } => emit(DialectEvent::Notice(message)),
        EventKind::Progress { .. }
        | EventKind::Reset { .. }
        | EventKind::AttemptStarted { .. }
        | EventKind::AttemptFailed { .. }
        | EventKind::WorkerLost { .. }
        | EventKind::HandedOver { .. }
        | EventKind::StepSaved { .. } => {}
        EventKind::Chunk { content } => emit(DialectEvent::Text(content)),
        EventKind::Completed { result, .. } => {
            if !streamed {
                // In one frame, which can hold the largest inline result: of two frames with the same `seq`,
                // a client would drop the second as a repetition.
                let response = response(result);
                if !response.is_empty() {
                    emit(DialectEvent::Text(&response));
                }
            }
            emit(DialectEvent::Completed);
        }
        EventKind::Failed { error, .. } => emit(DialectEvent::Failed {
            code: &error.code,
            message: &error.message,
            retryable: error.retryable,
        }),
        EventKind::Cancelled { .. } => emit(DialectEvent::Failed {
            code: "CANCELLED",
            message: "The answer was cancelled.",
            retryable: true,
        }),
    }
}

/// The text of a result that was not streamed: its `response`, or empty.
pub fn response(result: &JobResult) -> String {
    match result {
        JobResult::Inline(result) => {
            let result: Value = serde_json::from_str(result).unwrap_or_default();
            let response = result.get("response").and_then(Value::as_str);
            response.unwrap_or_default().to_owned()
        }
        JobResult::EventLog(_) => String::new(),
        JobResult::Object(stored) => format!(
            "The answer has {} bytes; `getJob` returns its URL.",
            stored.bytes
        ),
    }
}
