//! Topics, publications, and the pages of subscribers in which the fan-out delivers them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::ids::{ConnectionId, NotificationId};
use crate::domain::{limits, subscriber_hash};

/// Number of partitions of a topic's subscribers. Each has its own fan-out.
pub(super) const TOPIC_SHARDS: u8 = 4;
/// The beginning of the names of rooms: topics to which users send messages. A room's subscribers are its members.
pub const ROOM_PREFIX: &str = "room:";
/// The version of [`FanoutPage`] that this code writes and reads.
const VERSION: u8 = 1;
/// The namespace of notification ids: an arbitrary constant.
const NOTIFICATION_NAMESPACE: Uuid = Uuid::from_u128(0x6c6f_6e67_6861_756c_746f_7069_6373_0001);

/// A topic's name: 1 to [`limits::TOPIC_CHARS`] ASCII letters, digits and `-_.:/@+`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Topic(String);

impl Topic {
    pub fn parse(name: &str) -> Option<Self> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@+".contains(&byte);
        let fits = (1..=limits::TOPIC_CHARS).contains(&name.len()) && name.bytes().all(is_allowed);
        fits.then(|| Self(name.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of one shard of a tenant's subscribers. A topic's name contains no `#`, so no two tenants share
    /// a key.
    pub fn partition(&self, tenant: Option<&str>, shard: u8) -> String {
        format!("{}#{}#{shard}", tenant.unwrap_or_default(), self.0)
    }

    /// The topic of a partition's key. A tenant may contain `#`; a topic and a shard don't.
    pub fn of_partition(key: &str) -> Option<Self> {
        Self::parse(key.rsplit('#').nth(1)?)
    }

    /// Whether users send messages to it.
    pub fn is_room(&self) -> bool {
        self.0.starts_with(ROOM_PREFIX)
    }

    /// The keys of all shards.
    pub fn partitions(&self, tenant: Option<&str>) -> impl Iterator<Item = String> {
        (0..TOPIC_SHARDS).map(move |shard| self.partition(tenant, shard))
    }
}

impl TryFrom<String> for Topic {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(&name).ok_or("the topic's name is malformed")
    }
}

impl From<Topic> for String {
    fn from(topic: Topic) -> Self {
        topic.0
    }
}

/// What a back end published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Publication {
    /// The same at each delivery of this publication.
    pub id: String,
    pub to: Recipient,
    /// The tenant of the recipients; `None`: recipients without a tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub data: Map<String, Value>,
    pub at: Timestamp,
}

/// The recipients of a publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Recipient {
    Topic(Topic),
    /// All connections of one user.
    User(String),
}

/// Why a message is not a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPublication(&'static str);

impl Publication {
    /// Parses the body of a queue's message: an SNS notification (not raw) or an EventBridge event. `now` is
    /// used if it has no time.
    ///
    /// # Errors
    /// The body is neither, or the message is not `{topic or userId, type, data?, tenantId?}`.
    pub fn parse(body: &str, now: Timestamp) -> Result<Self, InvalidPublication> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Envelope {
            Sns {
                #[serde(rename = "MessageId")]
                id: String,
                #[serde(rename = "Message")]
                message: String,
                #[serde(rename = "Timestamp")]
                time: Option<Timestamp>,
            },
            EventBridge {
                id: String,
                detail: Map<String, Value>,
                time: Option<Timestamp>,
            },
        }
        if limits::is_nested_too_deep(body) {
            return Err(InvalidPublication("the body is nested too deeply"));
        }
        let envelope = serde_json::from_str(body);
        let (id, time, message) = match envelope {
            Ok(Envelope::EventBridge { id, detail, time }) => (id, time, detail),
            Ok(Envelope::Sns { id, message, time }) if !limits::is_nested_too_deep(&message) => {
                let message = serde_json::from_str(&message);
                (
                    id,
                    time,
                    message.map_err(|_| InvalidPublication("the message is not a JSON object"))?,
                )
            }
            _ => {
                return Err(InvalidPublication(
                    "the body is neither an SNS notification nor an EventBridge event",
                ));
            }
        };
        Self::from_message(id, message, time.unwrap_or(now))
    }

    fn from_message(
        id: String,
        mut message: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Self, InvalidPublication> {
        let mut text = |name: &str| match message.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(InvalidPublication(
                "topic, userId, type or tenantId is not a string",
            )),
        };
        let to = match (text("topic")?, text("userId")?) {
            (Some(topic), None) => Recipient::Topic(
                Topic::parse(&topic).ok_or(InvalidPublication("the topic's name is malformed"))?,
            ),
            (None, Some(user)) if !user.is_empty() => Recipient::User(user),
            _ => return Err(InvalidPublication("it needs either a topic or a userId")),
        };
        let kind = text("type")?.unwrap_or_default();
        if kind.is_empty() || kind.chars().nth(limits::TYPE_CHARS).is_some() {
            return Err(InvalidPublication("type is missing or too long"));
        }
        let tenant_id = text("tenantId")?.filter(|tenant| !tenant.is_empty());
        let data = match message.remove("data") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(data)) => data,
            Some(_) => return Err(InvalidPublication("data is not an object")),
        };
        if serde_json::to_string(&data).map_or(0, |data| data.len()) > limits::PUBLISHED_BYTES {
            return Err(InvalidPublication("data is too large for a frame"));
        }
        Ok(Self {
            id,
            to,
            tenant_id,
            kind,
            data,
            at: now,
        })
    }

    /// The id of the notification for one subscription: the same at each delivery.
    pub fn notification_id(&self, subscription: &str) -> Uuid {
        let name = format!("{} {subscription}", self.id);
        let hashed = Uuid::new_v5(&NOTIFICATION_NAMESPACE, name.as_bytes());
        match Uuid::try_parse(subscription) {
            Ok(subscription) => subscriber_hash::with_hash_of(hashed, subscription),
            Err(_) => hashed,
        }
    }

    /// The id of the publication in every subscriber's notification: the same at each delivery.
    pub fn published_id(&self) -> Uuid {
        self.notification_id("")
    }

    /// The id of the entry in a user's inbox: the same at each delivery.
    pub fn inbox_id(&self) -> NotificationId {
        let hashed = self.published_id();
        let bytes = hashed.as_bytes().first_chunk();
        NotificationId::new(self.at, bytes.expect("a UUID has more than ten bytes"))
    }

    /// The first page of each shard of the topic; empty for a user.
    pub fn pages(&self) -> Vec<FanoutPage> {
        let shards = match self.to {
            Recipient::Topic(_) => TOPIC_SHARDS,
            Recipient::User(_) => 0,
        };
        let page = |shard| FanoutPage {
            v: VERSION,
            published: self.clone(),
            shard,
            after: None,
            left: vec![],
            tries: 0,
        };
        (0..shards).map(page).collect()
    }
}

/// A page of one shard's subscribers that a publication is delivered to: a message on the fan-out's queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FanoutPage {
    v: u8,
    pub published: Publication,
    pub shard: u8,
    /// The last subscription of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Instead of a page: subscriptions, by the UUID of their id, that could not be reached yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<(String, ConnectionId)>,
    /// Number of earlier tries of these.
    #[serde(default)]
    pub tries: u32,
}

impl FanoutPage {
    /// Parses a message's body; `None` if this version can't read it.
    pub fn parse(body: &str) -> Option<Self> {
        let page: Self = serde_json::from_str(body).ok()?;
        (page.v == VERSION).then_some(page)
    }

    /// The key of the page's partition; `None` for a publication to a user.
    pub fn partition(&self) -> Option<String> {
        let tenant = self.published.tenant_id.as_deref();
        match &self.published.to {
            Recipient::Topic(topic) => Some(topic.partition(tenant, self.shard)),
            Recipient::User(_) => None,
        }
    }

    /// The page after this subscription.
    pub fn next_after(&self, last: String) -> Self {
        Self {
            after: Some(last),
            left: vec![],
            tries: 0,
            ..self.clone()
        }
    }

    /// Another try for these subscriptions.
    pub fn retry_for(&self, left: Vec<(String, ConnectionId)>) -> Self {
        Self {
            after: None,
            left,
            tries: self.tries + 1,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> Result<Publication, InvalidPublication> {
        Publication::parse(&body.to_string(), Timestamp::UNIX_EPOCH)
    }

    fn sns(message: Value) -> Value {
        json!({"Type": "Notification", "MessageId": "m", "Message": message.to_string()})
    }

    #[test]
    fn sns_and_eventbridge_envelopes_are_parsed_alike() {
        let message = json!({"topic": "new-deals", "type": "deal", "data": {"discount": 30}, "tenantId": "t"});
        let event = json!({"id": "m", "detail-type": "x", "source": "y", "detail": message});
        let published = parse(event).unwrap();
        assert_eq!(parse(sns(message)), Ok(published.clone()));
        assert_eq!(published.tenant_id.as_deref(), Some("t"));
        let pages = published.pages();
        assert_eq!(pages.len(), usize::from(TOPIC_SHARDS));
        assert_eq!(pages[3].partition().as_deref(), Some("t#new-deals#3"));
        let page = pages[3].retry_for(vec![("s".to_owned(), ConnectionId("c".into()))]);
        let text = serde_json::to_string(&page).unwrap();
        assert_eq!(FanoutPage::parse(&text), Some(page));
        assert_eq!(
            FanoutPage::parse(&text.replace(r#""v":1"#, r#""v":2"#)),
            None
        );
        assert_ne!(
            published.notification_id("a"),
            published.notification_id("b")
        );
    }

    #[test]
    fn a_malformed_message_is_rejected() {
        for message in [
            json!([]),
            json!({"type": "x"}),
            json!({"topic": "t"}),
            json!({"topic": "no#topic", "type": "x"}),
            json!({"topic": "t", "userId": "u", "type": "x"}),
            json!({"topic": 1, "type": "x"}),
            json!({"topic": "t", "type": "x", "data": []}),
            json!({"topic": "t", "type": "x", "data": {"x": "y".repeat(limits::PUBLISHED_BYTES)}}),
        ] {
            assert!(parse(sns(message.clone())).is_err(), "{message}");
        }
        assert!(parse(json!({"topic": "t", "type": "x"})).is_err());
    }

    proptest! {
        #![proptest_config(crate::many_cases())]

        #[test]
        fn no_two_tenants_share_a_partition(one in "[ab#]{0,3}", other in "[ab#]{0,3}", topics in ("[ab]{1,2}", "[ab]{1,2}"), shards in (0..TOPIC_SHARDS, 0..TOPIC_SHARDS)) {
            let key = |tenant: &str, topic: &str, shard| Topic::parse(topic).unwrap().partition(Some(tenant), shard);
            let same = (&one, &topics.0, shards.0) == (&other, &topics.1, shards.1);
            prop_assert_eq!(key(&one, &topics.0, shards.0) == key(&other, &topics.1, shards.1), same);
        }

        #[test]
        fn no_body_panics(body in "\\PC{0,100}", message in "\\PC{0,60}") {
            let _ = FanoutPage::parse(&body);
            let _ = Publication::parse(&body, Timestamp::UNIX_EPOCH);
            let _ = parse(json!({"MessageId": "m", "Message": message}));
        }
    }
}
