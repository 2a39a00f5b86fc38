//! The wire protocol: reads the fields of clients' frames, and encodes
//! responses, events and what else is pushed.
//!
//! Pure: it converts between text and values. Its types are the one source of the schemas in `spec/`, which the
//! feature `schema` derives.

pub mod dialect;
pub mod error_response;
pub mod event;
mod frame;
mod job_error_code;
pub mod push;
pub mod request;
pub mod response;
mod status;

pub use error_response::{ErrorCode, ErrorResponse};
pub use event::{event_frame, event_frame_with};
pub use frame::rfc3339;
pub use job_error_code::JobErrorCodeText;
pub use push::{inbox_entry, notification, system, typing_indicator};
pub use request::{ClaimedIdentity, Fields, JobReference, PageRequest, SessionReference};
pub use response::{
    JobResponse, JobView, Response, entries_that_fit, events_page, jobs_that_fit, subscribed,
};
