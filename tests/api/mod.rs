//! What front ends see through the WebSocket API.

mod admin_connections;
mod admin_jobs;
mod authentication;
mod connect_policy;
mod connection_places;
mod dialects;
mod direct_messages;
mod followers;
mod gateway;
mod identity_attacks;
mod identity_providers;
mod invalid_frames;
mod issuer_keys;
mod jobs;
mod notifications;
mod quota;
mod results;
mod sender_bounds;
mod sessions;
mod tenant_cursors;
mod token_claims;
mod token_expiry;
mod topics;
mod voice_messages;
mod web_pages;
