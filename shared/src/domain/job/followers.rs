//! Connections that start and stop to follow a job.

use super::change::{Assignment, Change, Condition, Increment, Removal};
use super::state::Job;
use crate::domain::ids::{ConnectionId, Owner};

impl Job {
    /// Adds a follower, if there are less than `max_followers`. It receives every event with a higher `seq` than the
    /// returned row's, in the native form, whatever it received before.
    pub fn follow(owner: Owner, connection: ConnectionId, max_followers: usize) -> Change {
        let condition = Condition::FollowerCapacity {
            owner,
            connection: connection.clone(),
            max_followers,
        };
        Change {
            condition,
            assignments: vec![Assignment::Follower(connection.clone())],
            increments: vec![Increment::FollowerVersion],
            removals: vec![Removal::Dialect(connection)],
        }
    }

    /// Removes followers.
    pub fn unfollow<'a>(
        owner: Owner,
        connections: impl IntoIterator<Item = &'a ConnectionId>,
    ) -> Change {
        let removals = connections.into_iter().flat_map(|connection| {
            [
                Removal::Follower(connection.clone()),
                Removal::Dialect(connection.clone()),
            ]
        });
        Change {
            condition: Condition::Owned(owner),
            assignments: vec![],
            increments: vec![Increment::FollowerVersion],
            removals: removals.collect(),
        }
    }
}
