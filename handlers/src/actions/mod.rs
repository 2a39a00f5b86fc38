//! What a client can ask for: one file per action.

pub mod admin;
pub mod authenticate;
mod broadcast;
pub mod cancel;
mod cleanup_connections;
mod close_connection;
pub mod end_session;
pub mod get_job;
pub mod get_session;
mod list_connections;
pub mod list_jobs;
mod list_notifications;
pub mod list_sessions;
pub mod mail;
mod notification_ack;
pub mod query;
pub mod refresh_token;
pub mod say;
mod send_message;
mod sessions;
mod set_status;
pub mod start_session;
pub mod subscribe;
pub mod topics;
mod typing;
pub mod unsubscribe;
pub mod voice;
