//! The bound on the messages that users leave unread in somebody's inbox: of number and of bytes.
//!
//! No message costs a call more. A process looks into an inbox after each few messages that it sends there, so an inbox
//! can exceed the bound by those that the function's instances have sent since.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;

use crate::domain::ids::Owner;
use crate::store::inbox::Inbox;
use crate::store::user_row;

/// Unread entries of an inbox to which users may add. The other bound is the page that DynamoDB reads at once: one
/// megabyte. So the delivery to a new connection is bounded too.
const MAX_UNREAD: u32 = 200;
/// Messages that a process sends to one inbox between two looks into it.
const MESSAGES_PER_LOOK: u32 = 16;
/// How long an inbox counts as full without another look.
pub const RETRY_AFTER_FULL: Duration = Duration::from_secs(10);
/// Inboxes that a process remembers.
const MAX_KNOWN: usize = 10_000;

/// What this process knows of the inboxes that it sends to.
#[derive(Default)]
pub struct InboxBound {
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Default, Clone, Copy)]
struct Known {
    /// Messages sent there since the last look.
    sent: u32,
    full_until: Option<Timestamp>,
}

impl InboxBound {
    /// Whether a user may send one more message to this owner.
    pub async fn admits(&self, inbox: &Inbox, owner: &Owner, now: Timestamp) -> Result<bool> {
        let key = user_row::key(owner);
        let known = self.count(&key);
        if known.full_until.is_some_and(|until| now < until) {
            return Ok(false);
        }
        if known.full_until.is_none() && !known.sent.is_multiple_of(MESSAGES_PER_LOOK) {
            return Ok(true);
        }
        let is_full = inbox.has_at_least_unread(owner, MAX_UNREAD).await?;
        self.remember(key, is_full.then(|| now + RETRY_AFTER_FULL));
        Ok(!is_full)
    }

    /// Counts a message, and returns what is known.
    fn count(&self, key: &str) -> Known {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN && !known.contains_key(key) {
            known.clear();
        }
        let one = known.entry(key.to_owned()).or_default();
        one.sent += 1;
        *one
    }

    fn remember(&self, key: String, full_until: Option<Timestamp>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = 0;
        known.insert(key, Known { sent, full_until });
    }
}
