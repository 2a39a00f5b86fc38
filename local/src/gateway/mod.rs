//! A WebSocket API as API Gateway runs it: routes, authorizer, events, limits, close codes, and the
//! `@connections` API.

mod authorizer;
mod authorizer_policy;
mod close_reason;
mod connection;
mod event;
mod handshake;
mod handshake_request;
mod ids;
mod integration;
mod management;
mod message;
mod options;
mod peer;
mod rejection;
mod service;
mod socket;
mod state;
#[cfg(test)]
mod tests;
mod token_bucket;

pub use options::{FrameDelay, GatewayOptions, GatewayOverrides};
pub use service::Gateway;
