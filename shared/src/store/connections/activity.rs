//! When a connection last said anything, in its row: written at most once a minute, by a frame.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;

use super::{Connections, RETENTION};
use crate::aws::item::{time, ttl};
use crate::domain::ids::ConnectionId;

/// The row is so old at most, while frames come.
const EACH: Duration = Duration::from_secs(60);
/// More connections than one process of a function sees within a minute, at the stage's largest throttle.
const REMEMBERED: usize = 10_000;

/// What one process remembers of whose row it has seen to, so that a refused write, which is billed as well,
/// is rare: another process may have written within the same minute.
#[derive(Default)]
pub struct Activity {
    seen: Mutex<HashMap<String, Timestamp>>,
}

impl Activity {
    /// Whether the row of a connection that was made then may be due for a write, and counts that as done.
    /// In a connection's first minute none is: the row itself is younger.
    pub fn is_due(&self, connection: &ConnectionId, made: Timestamp, now: Timestamp) -> bool {
        if now < made + EACH {
            return false;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.get(&connection.0).is_some_and(|at| now < *at + EACH) {
            return false;
        }
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        seen.insert(connection.0.clone(), now);
        true
    }
}

impl Connections {
    /// Notes that the connection said something, and lets its row live on; unless that is known already.
    pub async fn touch(&self, connection: &ConnectionId, now: Timestamp) -> Result<()> {
        let update = self
            .change(&connection.0)
            .update_expression("SET lastActivity = :now, #ttl = :ttl")
            .condition_expression("lastActivity <= :before")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":before", time(now - EACH))
            .expression_attribute_values(":ttl", ttl(now + RETENTION));
        Self::holds(update, "noting a connection's activity").await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_due_once_a_minute_and_not_in_the_first() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (activity, one) = (Activity::default(), ConnectionId("one".into()));
        let due: Vec<i64> = (0..300)
            .filter(|second| activity.is_due(&one, at(0), at(*second)))
            .collect();
        assert_eq!(due, [60, 120, 180, 240]);
        assert!(activity.is_due(&ConnectionId("two".into()), at(0), at(299)));
    }
}
