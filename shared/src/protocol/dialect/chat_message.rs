//! The `chat_message` dialect: `chat_response` frames between two `typing_indicator` frames, and `system` for
//! notices.

use super::DialectEvent;
use super::frame::{ChatMetadata, DialectFrame, error};
use crate::domain::ids::JobId;

pub(super) fn encode(event: DialectEvent<'_>, job: JobId) -> Vec<DialectFrame<'_>> {
    match event {
        DialectEvent::Started => vec![typing(true)],
        DialectEvent::Notice(content) => vec![DialectFrame::System { content }],
        DialectEvent::Text(text) => vec![response(text, false, job)],
        DialectEvent::Completed => vec![response("", true, job), typing(false)],
        DialectEvent::Failed {
            code,
            message,
            retryable,
        } => vec![typing(false), error(code, message, Some(retryable))],
    }
}

fn response(content: &str, done: bool, job: JobId) -> DialectFrame<'_> {
    let job_id = job.to_string();
    DialectFrame::ChatResponse {
        content,
        metadata: ChatMetadata { job_id, done },
    }
}

fn typing(is_typing: bool) -> DialectFrame<'static> {
    DialectFrame::TypingIndicator { is_typing }
}
