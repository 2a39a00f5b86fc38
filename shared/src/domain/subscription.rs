//! Ids of topics' subscriptions, and their places in the row of their connection.

use std::fmt;

use uuid::Uuid;

use crate::domain::ids::Owner;
use crate::domain::topics::{TOPIC_SHARDS, Topic};
use crate::domain::{limits, subscriber_hash};

/// The namespace of the hashes in places: an arbitrary constant.
const PLACE_NAMESPACE: Uuid = Uuid::from_u128(0x6c6f_6e67_6861_756c_746f_7069_6373_0003);

/// A subscription's id, `<topic>.<uuid>`. It contains the key of the row, so no index is needed, which could
/// lag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionId {
    pub topic: Topic,
    pub id: Uuid,
}

impl SubscriptionId {
    /// A new id, from random bits. Six of its bytes are a hash of the subscriber, which the ids of its notifications
    /// repeat: so it is known whose they are, though they are stored nowhere.
    pub fn new(topic: Topic, random: Uuid, owner: &Owner) -> Self {
        let id = subscriber_hash::with_hash(random, owner);
        Self { topic, id }
    }

    /// Its place among its connection's subscriptions: in a room one of a few, elsewhere one of its own.
    pub fn place(&self) -> String {
        let bytes = self.id.as_bytes();
        match self.topic.is_room() {
            true => room_place(&self.topic, bytes[0] % limits::SUBSCRIPTIONS_OF_ROOM),
            false => self.id.simple().to_string()[..8].to_owned(),
        }
    }

    /// The same with a place that is not among these; `None` if the room has none.
    pub fn with_free_place(self, taken: &[String]) -> Option<Self> {
        if !self.topic.is_room() {
            return Some(self);
        }
        let is_free = |number: &u8| !taken.contains(&room_place(&self.topic, *number));
        let number = (0..limits::SUBSCRIPTIONS_OF_ROOM).find(is_free)?;
        let mut bytes = self.id.into_bytes();
        bytes[0] = bytes[0] - bytes[0] % limits::SUBSCRIPTIONS_OF_ROOM + number;
        let id = Uuid::from_bytes(bytes);
        Some(Self { id, ..self })
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (topic, id) = text.split_at_checked(text.len().checked_sub(36)?)?;
        Some(Self {
            topic: Topic::parse(topic.strip_suffix('.')?)?,
            id: Uuid::try_parse(id).ok()?,
        })
    }

    /// The partition key of its row.
    pub fn partition(&self, tenant: Option<&str>) -> String {
        // The last byte of a random UUID is random.
        self.topic
            .partition(tenant, self.id.as_bytes()[15] % TOPIC_SHARDS)
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.topic.as_str(), self.id)
    }
}

/// The place of a room's subscription with this number. It has a hash of the room's name, so that a row with many
/// places stays small; rooms whose hashes are equal share their places.
fn room_place(room: &Topic, number: u8) -> String {
    let hash = Uuid::new_v5(&PLACE_NAMESPACE, room.as_str().as_bytes()).simple();
    format!("{}.{number}", &hash.to_string()[..8])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn subscription(topic: &str, id: u128) -> SubscriptionId {
        SubscriptionId {
            topic: Topic::parse(topic).unwrap(),
            id: Uuid::from_u128(id),
        }
    }

    proptest! {
        #[test]
        fn an_id_is_parsed_back(topic in "[a-z0-9.:/@+_-]{1,20}", id in any::<u128>(), other in "\\PC{0,60}") {
            let id = subscription(&topic, id);
            prop_assert_eq!(SubscriptionId::parse(&id.to_string()), Some(id));
            let _ = SubscriptionId::parse(&other);
        }

        #[test]
        fn a_room_has_a_few_places_and_a_topic_one_for_each_subscription(ids in prop::collection::vec(any::<u128>(), 5)) {
            let mut taken = vec![];
            for id in &ids[..4] {
                let id = subscription("room:x", *id).with_free_place(&taken).unwrap();
                prop_assert_eq!(id.partition(None), subscription("room:x", id.id.as_u128()).partition(None));
                taken.push(id.place());
            }
            prop_assert_eq!(subscription("room:x", ids[4]).with_free_place(&taken), None);
            prop_assert!(subscription("room:y", ids[4]).with_free_place(&taken).is_some());
            let topic = subscription("news", ids[4]);
            prop_assert_eq!(topic.clone().with_free_place(&taken), Some(topic));
        }
    }
}
