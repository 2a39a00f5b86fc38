//! The embedded cloud: the AWS services that a deployed stack uses, on one machine and on loopback.
//!
//! It depends on none of the project's other crates: shared code would share mistakes between the product and
//! the emulator that tests it.

mod caller;
pub mod cloud;
mod console_host;
pub mod data_folder;
mod dynamodb;
mod endpoint;
mod event_source;
pub mod event_stream;
mod faults;
mod gateway;
mod in_process;
pub mod lambda;
mod loopback;
pub mod permissions;
mod publishing;
mod pushes;
mod s3;
mod schedule;
mod sqs;
pub mod stack_spec;
pub mod template;
mod watch;
mod wire_log;
mod wiring_endpoint;
