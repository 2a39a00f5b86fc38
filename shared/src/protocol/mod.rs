//! The wire contract: what a client's frame asks for, and how answers and events are spelled.
//!
//! Pure: text in, values out, and back. Who may ask and what is then done is not known here.

mod answer;
mod event;
mod refusal;
mod request;

pub use answer::{
    authenticated, cancelling, job, jobs, jobs_that_fit, pong, subscribed, token_refreshed,
    unsubscribed,
};
pub use event::event;
pub use refusal::{Code, Refusal};
pub use request::{Action, Claimed, JobReference, Listing, Request, Submission, Unreadable};
