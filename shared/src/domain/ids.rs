//! Typed ids, cursors and owners, which are parsed once. The time and random bytes of new ids are arguments.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

/// The namespace of job ids that are derived from idempotency keys: an arbitrary constant.
const IDEMPOTENCY_NAMESPACE: Uuid = Uuid::from_u128(0x6c6f_6e67_6861_756c_8000_6a6f_6273_0001);

/// A job's id: a UUID in its hyphenated lower-case form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(Uuid);

impl JobId {
    /// A new id (UUIDv7: later ids sort later) from the time and ten random bytes.
    pub fn new(now: Timestamp, random: &[u8; 10]) -> Self {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self(Builder::from_unix_timestamp_millis(millis, random).into_uuid())
    }

    /// The id that is derived from the owner and the idempotency key (UUIDv5), so that the conditional write
    /// turns any number of parallel submits into one job.
    pub fn idempotent(owner: &Owner, key: &str) -> Self {
        let tenant = owner.tenant.as_deref().unwrap_or("");
        // The lengths distinguish ("ab", "c") from ("a", "bc"), whatever characters they contain.
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

    /// The job's partition of the index of open jobs, which has `shards` of them.
    pub fn shard(&self, shards: u8) -> u8 {
        // The last byte is random in v7 and a hash in v5, so the shards fill evenly.
        self.0.as_bytes()[15] % shards
    }
}

/// A session's id: a UUID in its hyphenated lower-case form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(Uuid);

impl SessionId {
    /// A new id (UUIDv7) from the time and ten random bytes.
    pub fn new(now: Timestamp, random: &[u8; 10]) -> Self {
        Self(JobId::new(now, random).0)
    }

    /// `None` for anything but a hyphenated UUID.
    pub fn parse(text: &str) -> Option<Self> {
        JobId::parse(text).map(|JobId(id)| Self(id))
    }

    /// The first id of this one's millisecond: a position in a list that names no session.
    pub fn first_of_millisecond(&self) -> Self {
        let mut bytes = *self.0.as_bytes();
        bytes[6] &= 0xf0;
        bytes[7] = 0;
        bytes[8] &= 0xc0;
        bytes[9..].fill(0);
        Self(Uuid::from_bytes(bytes))
    }

    /// The time of [`SessionId::new`], to a millisecond; `None` for an id that was made otherwise.
    pub fn created_at(&self) -> Option<Timestamp> {
        let (seconds, nanoseconds) = self.0.get_timestamp()?.to_unix();
        Timestamp::new(
            i64::try_from(seconds).ok()?,
            i32::try_from(nanoseconds).ok()?,
        )
        .ok()
    }
}

/// The id of a message or notification in an inbox: a UUID in its hyphenated lower-case form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NotificationId(Uuid);

impl NotificationId {
    /// A new id (UUIDv7: later ids sort later) from the time and ten bytes: random ones, or a hash for a
    /// publication, which may be delivered twice.
    pub fn new(now: Timestamp, bytes: &[u8; 10]) -> Self {
        Self(JobId::new(now, bytes).0)
    }

    /// `None` for anything but a hyphenated UUID.
    pub fn parse(text: &str) -> Option<Self> {
        JobId::parse(text).map(|JobId(id)| Self(id))
    }

    pub fn uuid(&self) -> Uuid {
        self.0
    }
}

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// Where a page of a user's jobs ends. It is opaque to clients and does not contain the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The page's last job.
    pub job: JobId,
    pub created_at: Timestamp,
}

impl Cursor {
    /// A position after all jobs of this millisecond or later that names no job.
    pub fn after(created_at: Timestamp) -> Self {
        let job = JobId(Uuid::nil());
        Self { job, created_at }
    }

    /// `None` for anything but a cursor.
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

/// The owner of a job. Every read, write and push of the job checks it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The token's `sub`.
    pub user: String,
    /// The token's tenant, if it names one.
    pub tenant: Option<String>,
}

/// API Gateway's opaque id of a WebSocket connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConnectionId(pub String);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A position in a trace, in the format of W3C Trace Context: `00-<32 digits>-<16 digits>-<2 digits>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traceparent(String);

impl Traceparent {
    /// A sampled span.
    pub fn new(trace: [u8; 16], span: [u8; 8]) -> Self {
        let (trace, span) = (u128::from_be_bytes(trace), u64::from_be_bytes(span));
        Self(format!("00-{trace:032x}-{span:016x}-01"))
    }

    /// `None` for anything but version 00 in lower case, with ids that are not zero.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let [version, ids @ .., flags] = parts.as_slice() else {
            return None;
        };
        let hex = |part: &str| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let is_id = |part: &&str| hex(part) && part.bytes().any(|b| b != b'0');
        let lengths: Vec<usize> = ids.iter().map(|id| id.len()).collect();
        (*version == "00" && lengths == [32, 16] && flags.len() == 2)
            .then(|| ids.iter().all(is_id) && hex(flags))?
            .then(|| Self(text.to_owned()))
    }

    /// The trace's id, 32 hexadecimal digits.
    pub fn trace(&self) -> &str {
        &self.0[3..35]
    }
}

impl fmt::Display for Traceparent {
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
    fn a_cursor_is_parsed_back_or_rejected() {
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
        fn any_text_is_parsed_or_rejected(text in "\\PC{0,80}|[0-9a-f-]{36}~[0-9TZ:.-]{0,30}", random: [u8; 10], millis in 0i64..253_000_000_000_000) {
            let _ = Cursor::parse(&text);
            let created_at = Timestamp::from_millisecond(millis).unwrap();
            let cursor = Cursor { job: JobId::new(created_at, &random), created_at };
            prop_assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        }
    }

    #[test]
    fn a_traceparent_is_parsed_or_ignored() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let parsed = Traceparent::parse(good).expect("W3C's own example");
        assert_eq!(parsed.to_string(), good);
        assert_eq!(parsed.trace(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(Traceparent::new([1; 16], [2; 8]).trace(), "01".repeat(16));
        for bad in [
            "",
            "00",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            assert_eq!(Traceparent::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_traceparent_panics(text in "\\PC{0,60}|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}") {
            if let Some(parsed) = Traceparent::parse(&text) {
                prop_assert_eq!(parsed.trace(), &text[3..35]);
            }
        }
    }
}
