//! What front ends see through the WebSocket API.

mod admin_connections;
mod admin_jobs;
mod authentication;
mod connect_policy;
mod dialects;
mod direct_messages;
mod gateway;
mod identity_attacks;
mod invalid_frames;
mod jobs;
mod notifications;
mod quota;
mod results;
mod sessions;
mod topics;
mod voice_messages;
