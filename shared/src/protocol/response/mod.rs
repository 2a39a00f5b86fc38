//! Direct responses to a client's frame: one variant for each `type`.

mod administration;
mod events;
mod inbox;
mod job;
mod session;
mod subscribed;
mod voice;

pub use super::status::{ConnectionStatus, JobStatus};
pub use administration::{
    BroadcastCounts, CleanupCounts, ConnectionStatusSet, ConnectionView, DeadLetterView,
    ReplayedJob,
};
pub use events::{EventsPage, events_page};
pub use inbox::{Acknowledged, DeliveryStatus, NotificationView, ReadStatus, SentMessage};
use jiff::Timestamp;
pub use job::{Gone, GoneJob, JobResponse, JobView, JobWithResult, StatusOrGone};
use serde::Serialize;
pub use session::{SessionView, TurnStatus, TurnView};
pub use subscribed::{Subscribed, entries_that_fit, jobs_that_fit, subscribed};
pub use voice::{RecordedPiece, VoiceFrame, VoiceResponse, VoiceSession};

use super::frame::sorted_json;
use super::request::{Warning, are_none};

/// A direct response to a client's frame.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Response {
    /// The connection has an identity. The response to `authenticate`.
    Authenticated {
        /// A sentence for people.
        message: String,
        /// The user: the token's `sub`, or the claim that the deployment names. At most 256 bytes.
        user_id: String,
        /// The user's name for people.
        username: String,
        /// The connection's id, as admins see it.
        connection_id: String,
        /// When the token expires, in Unix seconds.
        expires_at: i64,
    },
    /// The connection's identity is renewed. The response to `refreshToken`.
    TokenRefreshed {
        /// When the newer token expires, in Unix seconds.
        expires_at: i64,
    },
    /// The response to `ping`.
    Pong,
    /// The job is being cancelled; its event `job_cancelled` follows. The response to `cancel`.
    Cancelling {
        /// The job.
        job_id: String,
    },
    /// One job. The response to `getJob`, and to `cancel` of a job that has ended.
    Job {
        /// The job, or that you have no such job.
        job: JobResponse,
    },
    /// A page of jobs, newest first. The response to `listJobs`.
    Jobs {
        /// At most 100; may be empty and still have a `cursor`.
        jobs: Vec<JobView>,
        /// The `cursor` of the next page; left out on the last.
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// The connection does not follow the job any more. The response to `unsubscribe` with `jobId`.
    #[cfg_attr(feature = "schema", schemars(title = "JobUnsubscribed"))]
    Unsubscribed {
        /// The job, as the frame named it.
        job_id: String,
    },
    /// A subscription to a topic has begun. The response to `subscribe` with `topic`, and to `subscribeToDeals`.
    SubscriptionConfirmed {
        /// The subscription.
        data: Subscription<ActiveStatus>,
    },
    /// A subscription to a topic has ended. The response to `unsubscribe` with `subscriptionId`.
    #[serde(rename = "unsubscribed")]
    #[cfg_attr(feature = "schema", schemars(title = "TopicUnsubscribed"))]
    TopicUnsubscribed {
        /// The subscription.
        data: Subscription<EndedStatus>,
    },
    /// A message is on its way. The response to `sendMessage` with `recipientId`.
    MessageSent {
        /// The message.
        data: SentMessage,
    },
    /// A message or notification is read. The response to `notificationAck`.
    AckConfirmed {
        /// What was acknowledged.
        data: Acknowledged,
    },
    /// A page of the inbox: unread entries, then read ones, each newest first. The response to `listNotifications`.
    Notifications {
        /// At most 100, and as many as fit one frame.
        notifications: Vec<NotificationView>,
        /// The `cursor` of the next page; left out on the last.
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// The connection's messages belong to this session from now on. The response to `startSession`.
    SessionStarted {
        /// The session.
        session_id: String,
        /// Whether it outlasts the connection.
        keep: bool,
    },
    /// The session takes no more turns. The response to `endSession`.
    SessionEnded {
        /// The session.
        session_id: String,
    },
    /// A session and a page of its turns, oldest first. The response to `getSession`.
    #[cfg_attr(feature = "schema", schemars(title = "SessionPage"))]
    Session {
        /// The session.
        session: SessionView,
        /// At most 100.
        turns: Vec<TurnView>,
        /// The `cursor` of the next page; left out on the last.
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// A page of sessions, newest first. The response to `listSessions`.
    Sessions {
        /// At most 100.
        sessions: Vec<SessionView>,
        /// The `cursor` of the next page; left out on the last.
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// A page of connections of the admin's tenant. The response to `listConnections`.
    Connections {
        /// Open ones and those that closed within a day, as many as fit one frame.
        connections: Vec<ConnectionView>,
        /// The `cursor` of the next page; left out on the last.
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// A connection's status is set. The response to `setStatus`.
    StatusSet {
        /// The connection.
        data: ConnectionStatusSet,
    },
    /// A connection is closed. The response to `closeConnection`.
    ConnectionClosed {
        /// The connection.
        data: ConnectionStatusSet,
    },
    /// A page of connections is cleaned up. The response to `cleanupConnections`.
    ConnectionsCleaned {
        /// Numbers of connections.
        data: CleanupCounts,
        /// The `cursor` of the next page; left out on the last.
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// A `system` frame is pushed to a page of connections. The response to `broadcast`.
    BroadcastSent {
        /// Numbers of connections.
        data: BroadcastCounts,
        /// The `cursor` of the next page; left out on the last.
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// Open jobs of the admin's tenant, oldest first. The response to `listOpenJobs`.
    OpenJobs {
        /// At most 100, and as many as fit one frame.
        jobs: Vec<JobView>,
        /// Whether there are more.
        more: bool,
    },
    /// Failed runs of the admin's tenant. The response to `listDeadLetters`.
    DeadLetters {
        /// As many as fit one frame.
        dead_letters: Vec<DeadLetterView>,
        /// Whether there are more.
        more: bool,
    },
    /// A failed job is resolved. The response to `replayJob`.
    JobReplayed {
        /// What was done.
        data: ReplayedJob,
    },
}

/// A subscription to a topic.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "{S}Subscription")
)]
#[serde(rename_all = "camelCase")]
pub struct Subscription<S> {
    /// The topic's name and a UUID, joined by a dot.
    pub subscription_id: String,
    /// 1 to 128 letters, digits and `-_.:/@+`.
    pub topic: String,
    /// Whether it is active.
    pub status: S,
}

/// The status of a subscription that has begun.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ActiveStatus {
    /// It receives what is published.
    Active,
}

/// The status of a subscription that is over.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum EndedStatus {
    /// It receives nothing more.
    Ended,
}

/// A response as a frame.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ResponseFrame<'a> {
    #[serde(flatten)]
    response: &'a Response,
    /// The `requestId` of the frame that this responds to. At most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// When the frame was answered, in Unix seconds.
    timestamp: i64,
    /// Fields of the frame that were ignored, since the action does not know them.
    #[serde(skip_serializing_if = "are_none")]
    warnings: &'a [Warning],
}

impl Response {
    /// The frame's JSON text.
    pub fn frame(&self, request_id: Option<&str>, warnings: &[Warning], now: Timestamp) -> String {
        sorted_json(&ResponseFrame {
            response: self,
            request_id,
            timestamp: now.as_second(),
            warnings,
        })
    }
}
