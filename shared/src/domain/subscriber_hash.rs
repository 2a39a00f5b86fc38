//! Ids that hold a hash of a subscriber: the id of a notification shows whose it is, though it is stored nowhere.

use std::ops::Range;

use uuid::{Builder, Uuid, Version};

use crate::domain::ids::{NotificationId, Owner};

/// The namespace of the hashes: an arbitrary constant.
const NAMESPACE: Uuid = Uuid::from_u128(0x6c6f_6e67_6861_756c_746f_7069_6373_0002);
/// Where an id has the hash. The last byte stays random: it chooses a subscription's shard.
const BYTES: Range<usize> = 9..15;

/// The id with the subscriber's hash in place of some of its bits; 74 remain.
pub fn with_hash(id: Uuid, owner: &Owner) -> Uuid {
    replaced(id, &hash(owner))
}

/// The id with the hash that another has; unchanged if the other has none.
pub fn with_hash_of(id: Uuid, other: Uuid) -> Uuid {
    match has_hash(other) {
        true => replaced(id, &other.as_bytes()[BYTES]),
        false => id,
    }
}

/// Whether this is the id of a notification that a subscription of this user received.
pub fn is_notified(owner: &Owner, notification: &NotificationId) -> bool {
    let id = notification.uuid();
    has_hash(id) && id.as_bytes()[BYTES] == hash(owner)
}

fn has_hash(id: Uuid) -> bool {
    id.get_version() == Some(Version::Custom)
}

fn replaced(id: Uuid, hash: &[u8]) -> Uuid {
    let mut bytes = id.into_bytes();
    bytes[BYTES].copy_from_slice(hash);
    let builder = Builder::from_bytes(bytes);
    builder.with_version(Version::Custom).into_uuid()
}

fn hash(owner: &Owner) -> [u8; 6] {
    // Neither contains a control character.
    let tenant = owner.tenant.as_deref().unwrap_or_default();
    let hashed = Uuid::new_v5(&NAMESPACE, format!("{tenant}\0{}", owner.user).as_bytes());
    let bytes = hashed.as_bytes().first_chunk();
    *bytes.expect("a UUID has more than six bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(user: &str, tenant: Option<&str>) -> Owner {
        Owner {
            user: user.into(),
            tenant: tenant.map(Into::into),
        }
    }

    #[test]
    fn a_notification_is_its_subscribers_and_nobody_elses() {
        let alice = owner("alice", None);
        let subscription = with_hash(Uuid::from_u128(7), &alice);
        let of_topic = Uuid::new_v5(&NAMESPACE, b"a publication");
        let id = |uuid: Uuid| NotificationId::parse(&uuid.to_string()).unwrap();
        let notification = id(with_hash_of(of_topic, subscription));
        assert!(is_notified(&alice, &notification));
        assert!(!is_notified(&owner("bob", None), &notification));
        assert!(!is_notified(&owner("alice", Some("t")), &notification));
        assert!(!is_notified(&alice, &id(of_topic)));
        // A subscription from before ids had hashes.
        assert_eq!(with_hash_of(of_topic, Uuid::from_u128(7)), of_topic);
    }
}
