//! How answers about topics, and what is published on them, are spelled (PROTOCOL 7).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::responses::answer;
use crate::domain::topics::{Publication, Recipient, SubscriptionId};

pub fn subscription_confirmed(
    id: &SubscriptionId,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let data =
        json!({"subscriptionId": id.to_string(), "topic": id.topic.as_str(), "status": "active"});
    answer(
        "subscriptionConfirmed",
        json!({ "data": data }),
        request_id,
        now,
    )
}

pub fn subscription_ended(id: &SubscriptionId, request_id: Option<&str>, now: Timestamp) -> String {
    let data =
        json!({"subscriptionId": id.to_string(), "topic": id.topic.as_str(), "status": "ended"});
    answer("unsubscribed", json!({ "data": data }), request_id, now)
}

/// What was published, for one subscription of it.
pub fn notification(published: &Publication, subscription: &str) -> String {
    let id = published.notification_id(subscription).to_string();
    let mut fields = json!({"data": published.data, "notificationId": id});
    if let Recipient::Topic(topic) = &published.to {
        let topic = topic.as_str();
        fields["topic"] = Value::from(topic);
        fields["subscriptionId"] = format!("{topic}.{subscription}").into();
        fields["publishedId"] = published.published_id().to_string().into();
    }
    answer(&published.kind, fields, None, published.at)
}
