//! A WebSocket API as API Gateway runs it: routes, authorizer, events, limits, close codes, and the
//! `@connections` API.

mod authorizer;
mod authorizer_policy;
mod close_reason;
mod connection;
mod event;
mod gateway_request;
mod handshake;
mod handshake_request;
mod ids;
mod integration;
mod management;
mod message;
mod open_journal;
mod options;
mod peer;
mod rejection;
mod service;
mod socket;
mod state;
#[cfg(test)]
mod tests;
mod token_bucket;

pub use gateway_request::GatewayRequest;
pub use open_journal::OpenJournal;
pub use options::{FrameDelay, GatewayOptions, GatewayOverrides};
pub use service::Gateway;
