//! The actions of the WebSocket API: one module each, and the table that registers them.

mod acknowledge_notification;
mod authenticate;
mod broadcast;
mod cancel;
mod chat_message;
mod cleanup_connections;
mod close_connection;
mod direct_message;
mod end_session;
mod get_events;
mod get_job;
mod get_session;
mod list_connections;
mod list_dead_letters;
mod list_jobs;
mod list_notifications;
mod list_open_jobs;
mod list_sessions;
mod ping;
mod query;
mod query_turn;
mod refresh_token;
mod replay_job;
mod set_status;
mod start_session;
mod subscribe_job;
mod subscribe_topic;
mod typing_indicator;
mod unsubscribe_job;
mod unsubscribe_topic;
mod voice_data;
mod voice_end;
mod voice_start;

use crate::action::{Registration, register};

/// Every action. Of actions that share a name, the first that matches a frame is meant.
pub const TABLE: &[Registration] = &[
    register::<acknowledge_notification::AcknowledgeNotification>(),
    register::<authenticate::Authenticate>(),
    register::<broadcast::Broadcast>(),
    register::<cancel::Cancel>(),
    register::<cleanup_connections::CleanupConnections>(),
    register::<close_connection::CloseConnection>(),
    register::<direct_message::DirectMessage>(),
    register::<chat_message::ChatMessage>(),
    register::<end_session::EndSession>(),
    register::<get_events::GetEvents>(),
    register::<get_job::GetJob>(),
    register::<get_session::GetSession>(),
    register::<list_connections::ListConnections>(),
    register::<list_dead_letters::ListDeadLetters>(),
    register::<list_jobs::ListJobs>(),
    register::<list_notifications::ListNotifications>(),
    register::<list_open_jobs::ListOpenJobs>(),
    register::<list_sessions::ListSessions>(),
    register::<ping::Ping>(),
    register::<query_turn::QueryTurn>(),
    register::<query::Query>(),
    register::<refresh_token::RefreshToken>(),
    register::<replay_job::ReplayJob>(),
    register::<set_status::SetStatus>(),
    register::<start_session::StartSession>(),
    register::<subscribe_topic::SubscribeTopic>(),
    register::<subscribe_job::SubscribeJob>(),
    register::<typing_indicator::TypingIndicator>(),
    register::<unsubscribe_topic::UnsubscribeTopic>(),
    register::<unsubscribe_job::UnsubscribeJob>(),
    register::<voice_data::VoiceData>(),
    register::<voice_end::VoiceEnd>(),
    register::<voice_start::VoiceStart>(),
];

#[cfg(test)]
mod tests;
