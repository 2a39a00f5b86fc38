//! Topics, and what is said on them: names, ids, and the messages between publisher and subscriber.
//!
//! Pure. Who subscribes is in `subscriptions`, what a filter is in `filters`.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::ids::{ConnectionId, NotificationId};
use crate::domain::limits;

/// Partitions of one topic's subscribers, each with a fan-out of its own.
const SHARDS: u8 = 4;
/// The version of [`FanoutPage`] that this code writes and reads.
const VERSION: u8 = 1;
/// What ids of notifications are made under; any UUID, but always the same.
const NOTIFICATIONS: Uuid = Uuid::from_u128(0x6c6f_6e67_6861_756c_746f_7069_6373_0001);

/// A topic's name: 1 to [`limits::TOPIC_CHARS`] ASCII letters, digits and `-_.:/@+`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Topic(String);

impl Topic {
    pub fn parse(name: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@+".contains(&byte);
        let fits = (1..=limits::TOPIC_CHARS).contains(&name.len()) && name.bytes().all(plain);
        fits.then(|| Self(name.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of one shard of a tenant's subscribers. No name holds a `#`, so that no two tenants share one.
    pub fn partition(&self, tenant: Option<&str>, shard: u8) -> String {
        format!("{}#{}#{shard}", tenant.unwrap_or_default(), self.0)
    }

    /// Those of all shards.
    pub fn partitions(&self, tenant: Option<&str>) -> impl Iterator<Item = String> {
        (0..SHARDS).map(move |shard| self.partition(tenant, shard))
    }
}

impl TryFrom<String> for Topic {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(&name).ok_or("no topic has this name")
    }
}

impl From<Topic> for String {
    fn from(topic: Topic) -> Self {
        topic.0
    }
}

/// A subscription's id, spelled `<topic>.<uuid>`: it says where its row is, so that no index is asked, which
/// could lag behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionId {
    pub topic: Topic,
    pub id: Uuid,
}

impl SubscriptionId {
    pub fn parse(text: &str) -> Option<Self> {
        let (topic, id) = text.split_at_checked(text.len().checked_sub(36)?)?;
        Some(Self {
            topic: Topic::parse(topic.strip_suffix('.')?)?,
            id: Uuid::try_parse(id).ok()?,
        })
    }

    /// The key of its row's partition.
    pub fn partition(&self, tenant: Option<&str>) -> String {
        // The last byte of a random UUID is random.
        self.topic
            .partition(tenant, self.id.as_bytes()[15] % SHARDS)
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.topic.0, self.id)
    }
}

/// What a back end has published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Publication {
    /// The same each time that this is delivered.
    pub id: String,
    pub to: Recipient,
    /// Whose subscribers; without one, those who have no tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub data: Map<String, Value>,
    pub at: Timestamp,
}

/// Whom it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Recipient {
    Topic(Topic),
    /// All connections of one user.
    User(String),
}

/// A message that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPublication(&'static str);

impl Publication {
    /// Reads what the queue holds of a notification of SNS (not raw), or of an event of EventBridge; `now` is
    /// when, where they do not say it.
    ///
    /// # Errors
    /// For what is neither, and for a message that is not `{topic, type, data, tenantId?}`.
    pub fn read(body: &str, now: Timestamp) -> Result<Self, InvalidPublication> {
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
            return Err(InvalidPublication("it is nested too deeply"));
        }
        let envelope = serde_json::from_str(body);
        let (id, time, message) = match envelope {
            Ok(Envelope::EventBridge { id, detail, time }) => (id, time, detail),
            Ok(Envelope::Sns { id, message, time }) if !limits::is_nested_too_deep(&message) => {
                let message = serde_json::from_str(&message);
                (
                    id,
                    time,
                    message.map_err(|_| InvalidPublication("it is no JSON object"))?,
                )
            }
            _ => return Err(InvalidPublication("it is no notification and no event")),
        };
        Self::of(id, message, time.unwrap_or(now))
    }

    fn of(
        id: String,
        mut message: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Self, InvalidPublication> {
        let mut text = |name: &str| match message.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(InvalidPublication(
                "topic, userId, type or tenantId is no text",
            )),
        };
        let to = match (text("topic")?, text("userId")?) {
            (Some(topic), None) => Recipient::Topic(
                Topic::parse(&topic).ok_or(InvalidPublication("no topic has this name"))?,
            ),
            (None, Some(user)) if !user.is_empty() => Recipient::User(user),
            _ => {
                return Err(InvalidPublication(
                    "it is not for one topic, nor for one user",
                ));
            }
        };
        let kind = text("type")?.unwrap_or_default();
        if kind.is_empty() || kind.chars().nth(limits::TYPE_CHARS).is_some() {
            return Err(InvalidPublication("its type is missing or too long"));
        }
        let tenant_id = text("tenantId")?.filter(|tenant| !tenant.is_empty());
        let data = match message.remove("data") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(data)) => data,
            Some(_) => return Err(InvalidPublication("its data is no object")),
        };
        if serde_json::to_string(&data).map_or(0, |data| data.len()) > limits::PUBLISHED_BYTES {
            return Err(InvalidPublication("its data is too large for a frame"));
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

    /// The id of the notification that one subscription gets of this: the same at each repeat.
    pub fn notification_id(&self, subscription: &str) -> Uuid {
        let name = format!("{} {subscription}", self.id);
        Uuid::new_v5(&NOTIFICATIONS, name.as_bytes())
    }

    /// The id of this for all of its subscribers: the same at each repeat, and in each one's notification.
    pub fn published_id(&self) -> Uuid {
        self.notification_id("")
    }

    /// The id of what a user's inbox keeps of this: the same at each repeat.
    pub fn inbox_id(&self) -> NotificationId {
        let hashed = self.published_id();
        let bytes = hashed.as_bytes().first_chunk();
        NotificationId::new(self.at, bytes.expect("16 bytes have ten"))
    }

    /// The first page of each shard; none for a user.
    pub fn pages(&self) -> Vec<FanoutPage> {
        let shards = match self.to {
            Recipient::Topic(_) => SHARDS,
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

/// One page of one shard's subscribers, to be told what was published: what the fan-out's queue holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FanoutPage {
    v: u8,
    pub published: Publication,
    pub shard: u8,
    /// The last subscription of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// In place of a page, by the last part of their ids: those of one who could not be told yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<(String, ConnectionId)>,
    /// How often these were tried before.
    #[serde(default)]
    pub tries: u32,
}

impl FanoutPage {
    /// `None` if this version can't read it.
    pub fn read(body: &str) -> Option<Self> {
        let page: Self = serde_json::from_str(body).ok()?;
        (page.v == VERSION).then_some(page)
    }

    /// The key of the partition that it is a page of; `None` for what is for no topic.
    pub fn partition(&self) -> Option<String> {
        let tenant = self.published.tenant_id.as_deref();
        match &self.published.to {
            Recipient::Topic(topic) => Some(topic.partition(tenant, self.shard)),
            Recipient::User(_) => None,
        }
    }

    /// The page that begins behind this subscription.
    pub fn next_after(&self, last: String) -> Self {
        Self {
            after: Some(last),
            left: vec![],
            tries: 0,
            ..self.clone()
        }
    }

    /// Another try for these.
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

    fn read(body: Value) -> Result<Publication, InvalidPublication> {
        Publication::read(&body.to_string(), Timestamp::UNIX_EPOCH)
    }

    fn sns(message: Value) -> Value {
        json!({"Type": "Notification", "MessageId": "m", "Message": message.to_string()})
    }

    #[test]
    fn sns_and_eventbridge_say_the_same() {
        let message = json!({"topic": "new-deals", "type": "deal", "data": {"discount": 30}, "tenantId": "t"});
        let event = json!({"id": "m", "detail-type": "x", "source": "y", "detail": message});
        let published = read(event).unwrap();
        assert_eq!(read(sns(message)), Ok(published.clone()));
        assert_eq!(published.tenant_id.as_deref(), Some("t"));
        let pages = published.pages();
        assert_eq!(pages.len(), usize::from(SHARDS));
        assert_eq!(pages[3].partition().as_deref(), Some("t#new-deals#3"));
        let page = pages[3].retry_for(vec![("s".to_owned(), ConnectionId("c".into()))]);
        let text = serde_json::to_string(&page).unwrap();
        assert_eq!(FanoutPage::read(&text), Some(page));
        assert_eq!(
            FanoutPage::read(&text.replace(r#""v":1"#, r#""v":2"#)),
            None
        );
        assert_ne!(
            published.notification_id("a"),
            published.notification_id("b")
        );
    }

    #[test]
    fn what_is_no_message_is_refused() {
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
            assert!(read(sns(message.clone())).is_err(), "{message}");
        }
        assert!(read(json!({"topic": "t", "type": "x"})).is_err());
    }

    proptest! {
        #![proptest_config(crate::many_cases())]

        #[test]
        fn an_id_is_read_back(topic in "[a-z0-9.:/@+_-]{1,20}", id in any::<u128>(), other in "\\PC{0,60}") {
            let id = SubscriptionId { topic: Topic::parse(&topic).unwrap(), id: Uuid::from_u128(id) };
            prop_assert_eq!(SubscriptionId::parse(&id.to_string()), Some(id));
            let _ = SubscriptionId::parse(&other);
        }

        #[test]
        fn no_two_tenants_share_a_partition(one in "[ab#]{0,3}", other in "[ab#]{0,3}", topics in ("[ab]{1,2}", "[ab]{1,2}"), shards in (0..SHARDS, 0..SHARDS)) {
            let key = |tenant: &str, topic: &str, shard| Topic::parse(topic).unwrap().partition(Some(tenant), shard);
            let same = (&one, &topics.0, shards.0) == (&other, &topics.1, shards.1);
            prop_assert_eq!(key(&one, &topics.0, shards.0) == key(&other, &topics.1, shards.1), same);
        }

        #[test]
        fn no_body_panics(body in "\\PC{0,100}", message in "\\PC{0,60}") {
            let _ = FanoutPage::read(&body);
            let _ = Publication::read(&body, Timestamp::UNIX_EPOCH);
            let _ = read(json!({"MessageId": "m", "Message": message}));
        }
    }
}
