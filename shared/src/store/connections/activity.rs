//! The time of a connection's last frame, written to its row at most once a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;

use super::Connections;
use crate::aws::item::{time, ttl};
use crate::domain::ids::ConnectionId;
use crate::domain::limits;

/// The maximum age of `lastActivity` while frames arrive.
const WRITE_INTERVAL: Duration = Duration::from_secs(60);
/// More connections than one function instance handles in a minute at the stage's highest throttle.
const MAX_REMEMBERED: usize = 10_000;

/// The rows that this process wrote recently. It makes failed conditional writes rare, which are billed too;
/// another process may have written a row within the same minute.
#[derive(Default)]
pub struct Activity {
    written_at: Mutex<HashMap<String, Timestamp>>,
}

impl Activity {
    /// Whether the connection's row is due for a write. If so, the write counts as done. In its first minute a
    /// connection is not due.
    pub fn is_due(
        &self,
        connection: &ConnectionId,
        connected_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        if now < connected_at + WRITE_INTERVAL {
            return false;
        }
        let mut written_at = self
            .written_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if written_at
            .get(&connection.0)
            .is_some_and(|at| now < *at + WRITE_INTERVAL)
        {
            return false;
        }
        if written_at.len() >= MAX_REMEMBERED {
            written_at.clear();
        }
        written_at.insert(connection.0.clone(), now);
        true
    }
}

impl Connections {
    /// Records a frame of the connection and renews the row's time to live, unless that was written within a
    /// minute.
    pub async fn record_activity(&self, connection: &ConnectionId, now: Timestamp) -> Result<()> {
        let update = self
            .update(&connection.0)
            .update_expression("SET lastActivity = :now, #ttl = :ttl")
            .condition_expression("lastActivity <= :before")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":before", time(now - WRITE_INTERVAL))
            .expression_attribute_values(":ttl", ttl(now + limits::CONNECTION_RETENTION));
        Self::apply(update, "recording a connection's activity").await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_due_once_a_minute_and_not_in_the_first_one() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (activity, one) = (Activity::default(), ConnectionId("one".into()));
        let due: Vec<i64> = (0..300)
            .filter(|second| activity.is_due(&one, at(0), at(*second)))
            .collect();
        assert_eq!(due, [60, 120, 180, 240]);
        assert!(activity.is_due(&ConnectionId("two".into()), at(0), at(299)));
    }
}
