//! What a front end sees through its WebSocket.

mod admin_connections;
mod admin_jobs;
mod authentication;
mod connect_policy;
pub mod dialects;
pub mod direct_messages;
mod gateway;
mod identity_attacks;
mod invalid_frames;
mod jobs;
mod notifications;
mod quota;
mod results;
pub mod sessions;
mod topics;
pub mod voice_messages;
