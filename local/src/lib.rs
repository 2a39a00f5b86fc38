//! The small cloud: what a deployed stack gets from AWS, on one machine and on loopback.
//!
//! It imports none of the project's other crates: an emulator that shared code would share mistakes.

mod aws_call;
mod caller;
mod capacity;
pub mod cloud;
pub mod data;
mod dynamodb;
mod endpoint;
mod error_response;
mod event_source;
pub mod event_stream;
mod faults;
mod gateway;
mod in_process;
pub mod lambda;
mod loopback;
mod pages;
pub mod permissions;
pub mod plan;
mod publishing;
mod pushes;
mod s3;
mod schedule;
mod sqs;
pub mod template;
mod watch;
mod wire_log;
mod wiring;
