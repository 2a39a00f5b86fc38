//! Requests about topics, messages between users, and notifications.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Request;

/// Subscribes the connection to a topic, or joins a room (`room:<id>`).
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SubscribeTopicRequest {
    /// 1 to 128 letters, digits and `-_.:/@+`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 128)))]
    pub topic: String,
    /// Conditions on fields of the publication, at most 16 and 1 KiB; all must hold. A value, a list for one of them, or
    /// `minX` and `maxX` for a number `x`.
    pub filters: Option<Map<String, Value>>,
}

impl Request for SubscribeTopicRequest {
    const ACTIONS: &'static [&'static str] = &["subscribe"];
}

/// Subscribes the connection to the topic `new-deals`, or to another.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SubscribeToDealsRequest {
    /// 1 to 128 letters, digits and `-_.:/@+`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 128)))]
    pub topic: Option<String>,
    /// Conditions on fields of the publication, at most 16 and 1 KiB; all must hold. A value, a list for one of them, or
    /// `minX` and `maxX` for a number `x`.
    pub filters: Option<Map<String, Value>>,
}

impl Request for SubscribeToDealsRequest {
    const ACTIONS: &'static [&'static str] = &["subscribeToDeals"];
}

/// Ends a subscription of any of the user's connections.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UnsubscribeTopicRequest {
    /// As `subscriptionConfirmed` has it.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub subscription_id: String,
}

impl Request for UnsubscribeTopicRequest {
    const ACTIONS: &'static [&'static str] = &["unsubscribe"];
}

/// Sends a message to a user of the tenant, or to a room that the connection has joined.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DirectMessageRequest {
    /// A user's id, at most 256 bytes; or a room's, `room:<id>`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 256)))]
    pub recipient_id: String,
    /// At most 24 KiB of UTF-8, and not blank.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 24_576)))]
    pub content: String,
    /// The content's type, 1 to 64 characters; `text` if left out. Only inside `data`.
    pub r#type: Option<String>,
}

impl Request for DirectMessageRequest {
    const ACTIONS: &'static [&'static str] = &["sendMessage"];
}

/// Tells a user that the caller is typing, or has stopped. It has no response.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TypingIndicatorRequest {
    /// A user of the caller's tenant, at most 256 bytes.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 256)))]
    pub recipient_id: String,
    /// False if left out.
    pub is_typing: Option<bool>,
}

impl Request for TypingIndicatorRequest {
    const ACTIONS: &'static [&'static str] = &["typing_indicator"];
}

/// Says that a message or notification was shown.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NotificationAckRequest {
    /// A notification's id, or a message's `messageId`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub notification_id: String,
}

impl Request for NotificationAckRequest {
    const ACTIONS: &'static [&'static str] = &["notificationAck"];
}

/// Asks for the user's messages and notifications, unread ones first, by page.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListNotificationsRequest {
    /// Only unread ones.
    pub unread: Option<bool>,
    /// Entries of the page, 1 to 100; 100 if left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub limit: Option<u32>,
    /// The `cursor` of the page before; left out for the first page.
    pub cursor: Option<String>,
}

impl Request for ListNotificationsRequest {
    const ACTIONS: &'static [&'static str] = &["listNotifications"];
}
