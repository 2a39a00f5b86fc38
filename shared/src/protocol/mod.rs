//! The wire protocol: reads the fields of clients' frames, and encodes
//! responses and events.
//!
//! Pure: it converts between text and values.

mod connection;
pub mod dialect;
mod error_response;
mod event;
mod inbox;
mod notification;
mod request;
mod responses;
mod session;

pub use connection::connection;
pub use error_response::{ErrorCode, ErrorResponse};
pub use event::event_frame;
pub use inbox::{inbox_entry, inbox_entry_parts};
pub use notification::notification;
pub use request::{ClaimedIdentity, Fields, JobReference, PageRequest, SessionReference};
pub use responses::{
    job_view, job_with_result, jobs_that_fit, response, rfc3339, subscribed, system,
};
pub use session::session_view;
