//! The names of things, parsed once: from then on a [`JobId`] is a job id and not just any string.
//!
//! Knows no clock and draws no random numbers: both are arguments.

use std::fmt;

use jiff::Timestamp;
use uuid::{Builder, Uuid};

/// Under which the ids of jobs with an idempotency key are derived; a constant of our own choosing.
const IDEMPOTENCY_NAMESPACE: Uuid = Uuid::from_u128(0x6c6f_6e67_6861_756c_8000_6a6f_6273_0001);

/// A job's id: a UUID in its hyphenated lower-case form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(Uuid);

impl JobId {
    /// A new id (UUIDv7: ids made later sort later) from the time and ten random bytes.
    pub fn new(now: Timestamp, random: &[u8; 10]) -> Self {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self(Builder::from_unix_timestamp_millis(millis, random).into_uuid())
    }

    /// The one id that `owner`'s `key` stands for (UUIDv5), so that the conditional put alone makes
    /// a hundred parallel submits one job.
    pub fn idempotent(owner: &Owner, key: &str) -> Self {
        let tenant = owner.tenant.as_deref().unwrap_or("");
        // Lengths keep ("ab", "c") and ("a", "bc") apart, whatever characters they hold.
        let name = format!(
            "{}:{tenant}{}:{}{key}",
            tenant.len(),
            owner.user.len(),
            owner.user
        );
        Self(Uuid::new_v5(&IDEMPOTENCY_NAMESPACE, name.as_bytes()))
    }

    /// `None` for anything but a hyphenated UUID.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 36 {
            return None;
        }
        Uuid::try_parse(text).ok().map(Self)
    }

    /// Which of the open index's `shards` partitions the job is listed in.
    pub fn shard(&self, shards: u8) -> u8 {
        // The last byte is random in v7 and hashed in v5, so the shards fill evenly.
        self.0.as_bytes()[15] % shards
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// Where a page of a user's jobs ends: opaque to clients. Whose jobs the page lists is the asker's
/// identity and never in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The page's last job.
    pub job: JobId,
    pub created_at: Timestamp,
}

impl Cursor {
    /// `None` for anything that is not a cursor of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (job, created_at) = text.split_once('~')?;
        Some(Self {
            job: JobId::parse(job)?,
            created_at: created_at.parse().ok()?,
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{:.3}", self.job, self.created_at)
    }
}

/// Whom a job belongs to. Every read, write and push of it checks this.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The token's `sub`.
    pub user: String,
    /// The token's tenant, if it names one.
    pub tenant: Option<String>,
}

/// API Gateway's id of one WebSocket connection; opaque.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub String);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owner(tenant: Option<&str>, user: &str) -> Owner {
        Owner {
            user: user.into(),
            tenant: tenant.map(Into::into),
        }
    }

    #[test]
    fn ids_made_later_sort_later() {
        let early = JobId::new(
            Timestamp::from_millisecond(1_700_000_000_000).unwrap(),
            &[0xff; 10],
        );
        let late = JobId::new(
            Timestamp::from_millisecond(1_700_000_000_001).unwrap(),
            &[0; 10],
        );
        assert!(early.to_string() < late.to_string());
        assert_eq!(JobId::parse(&early.to_string()), Some(early));
    }

    #[test]
    fn an_idempotency_key_belongs_to_one_owner() {
        let key = |tenant, user, key| JobId::idempotent(&owner(tenant, user), key);
        assert_eq!(key(None, "alice", "k"), key(None, "alice", "k"));
        let distinct = [
            key(None, "alice", "k"),
            key(None, "bob", "k"),
            key(Some("alice"), "", "k"),
            key(Some("a"), "lice", "k"),
            key(None, "alic", "ek"),
        ];
        for (i, a) in distinct.iter().enumerate() {
            assert!(distinct[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn a_cursor_is_read_back_or_refused() {
        let job = JobId::parse("0190c6f3-0000-7000-8000-000000000001").unwrap();
        let cursor = Cursor {
            job,
            created_at: Timestamp::from_millisecond(1_700_000_000_123).unwrap(),
        };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        for text in [
            "",
            "~",
            "x~2026-01-01T00:00:00Z",
            "0190c6f3-0000-7000-8000-000000000001~soon",
        ] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_hyphenated_form_is_a_job_id() {
        for text in [
            "",
            "x",
            "0190c6f3-0000-7000-8000-00000000000",
            "{0190c6f3-0000-7000-8000-000000000000}",
        ] {
            assert_eq!(JobId::parse(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(crate::many_cases())]

        #[test]
        fn a_cursor_is_one_of_ours_or_refused(text in "\\PC{0,80}|[0-9a-f-]{36}~[0-9TZ:.-]{0,30}", random: [u8; 10], millis in 0i64..253_000_000_000_000) {
            let _ = Cursor::parse(&text);
            let created_at = Timestamp::from_millisecond(millis).unwrap();
            let cursor = Cursor { job: JobId::new(created_at, &random), created_at };
            prop_assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        }
    }
}
