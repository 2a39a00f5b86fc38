//! The wire protocol: parses clients' frames, and encodes responses and events.
//!
//! Pure: it converts between text and values.

mod admin;
pub mod dialect;
mod error_response;
mod event;
mod inbox;
mod request;
mod responses;
mod sessions;
mod topic;

pub use admin::{
    broadcast_sent, connection, connection_closed, connections, connections_cleaned, dead_letters,
    job_replayed, open_jobs, status_set,
};
pub use error_response::{ErrorCode, ErrorResponse};
pub use event::event_frame;
pub use inbox::{ack_confirmed, inbox_entry, message_sent, notifications, typing_indicator};
pub use request::{
    Action, AdminAction, ChatMessage, ClaimedIdentity, InboxAction, InboxCursor, InvalidFrame,
    JobListRequest, JobReference, PageRequest, Request, SessionReference, SessionStart, Submission,
    TopicAction, VoiceAction,
};
pub use responses::{
    authenticated, cancelling, job, jobs, jobs_that_fit, pong, subscribed, system, token_refreshed,
    unsubscribed,
};
pub use sessions::{session, session_ended, session_started, sessions, voice_ack, voice_started};
pub use topic::{notification, subscription_confirmed, subscription_ended};
