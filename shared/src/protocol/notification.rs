//! The frame of a publication.

use serde_json::{Value, json};

use super::responses::response;
use crate::domain::topics::{Publication, Recipient};

/// The frame of a publication for one subscription.
pub fn notification(publication: &Publication, subscription: &str) -> String {
    let id = publication.notification_id(subscription).to_string();
    let mut fields = json!({"data": publication.data, "notificationId": id});
    if let Recipient::Topic(topic) = &publication.to {
        let topic = topic.as_str();
        fields["topic"] = Value::from(topic);
        fields["subscriptionId"] = format!("{topic}.{subscription}").into();
        fields["publishedId"] = publication.published_id().to_string().into();
    }
    response(&publication.kind, fields, None, publication.at)
}
