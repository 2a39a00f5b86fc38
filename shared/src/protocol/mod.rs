//! The wire contract: what a client's frame asks for, and how answers and events are spelled.
//!
//! Pure: text in, values out, and back. Who may ask and what is then done is not known here.

mod admin;
mod answer;
mod conversation;
pub mod dialect;
mod event;
mod mail;
mod refusal;
mod request;
mod topic;

pub use admin::{
    broadcast_sent, connection, connection_closed, connections, connections_cleaned, dead_letters,
    job_replayed, open_jobs, status_set,
};
pub use answer::{
    authenticated, cancelling, job, jobs, jobs_that_fit, pong, subscribed, system, token_refreshed,
    unsubscribed,
};
pub use conversation::{
    session, session_ended, session_started, sessions, voice_ack, voice_started,
};
pub use event::event;
pub use mail::{ack_confirmed, kept, message_sent, notifications, typing_indicator};
pub use refusal::{Code, Refusal};
pub use request::{
    Action, Admin, Beginning, Claimed, JobReference, Listing, Mail, Message, Pages, Request,
    SessionReference, Shelf, Submission, Topics, Unreadable, Voice,
};
pub use topic::{notification, subscription_confirmed, subscription_ended};
