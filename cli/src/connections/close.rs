//! Closes a connection, or all those of a user or of tokens issued before a time.

use anyhow::{Context, Result};
use jiff::Timestamp;
use longhaul_shared::clock;
use longhaul_shared::domain::connection::{ConnectionRow, DisconnectOutcome};
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::domain::limits;
use longhaul_shared::messaging::push::{ConnectionPusher, for_each};
use serde_json::json;

use super::list;
use crate::exit_status::ExitStatus;
use crate::target::AwsContext;
use crate::terminal::printable;

/// The number of connections, by what became of them.
#[derive(Default)]
struct Closed {
    closed: usize,
    /// The gateway did not have it; its row was removed.
    gone: usize,
    failed: usize,
}

pub async fn one(aws: &AwsContext, connection: &ConnectionId, json: bool) -> Result<ExitStatus> {
    let outcome = aws.required_pusher()?.disconnect(connection).await?;
    let (is_closed, is_removed) = match outcome {
        DisconnectOutcome::Closed => (true, false),
        DisconnectOutcome::RowRemoved => (false, true),
        DisconnectOutcome::Unknown => (false, false),
    };
    if json {
        println!(
            "{}",
            json!({"connectionId": connection.0, "closed": is_closed, "rowRemoved": is_removed})
        );
    } else if is_closed {
        println!("{connection} is closed.");
    } else if is_removed {
        eprintln!("longhaul: the gateway has no connection {connection}; its row was removed");
    } else {
        let connection = printable(&connection.0);
        eprintln!("longhaul: connection {connection} not found");
    }
    Ok(if is_closed {
        ExitStatus::Success
    } else {
        ExitStatus::NotFound
    })
}

/// Closes the connections of this user, of tokens issued before this time, or of both.
pub async fn several(
    aws: &AwsContext,
    user: Option<&str>,
    issued_before: Option<Timestamp>,
    json: bool,
) -> Result<ExitStatus> {
    let (table, pusher) = (aws.connections(), aws.required_pusher()?);
    // An unauthenticated connection has no token.
    // Nor is one open that is older than any connection becomes, whose row says that it is closed.
    let oldest = clock::now() - limits::CONNECTION_AGE - limits::CLOCK_DIFFERENCE;
    let is_meant = |row: &ConnectionRow| {
        let issued = |before| row.issued_at.is_none_or(|at| at < before);
        let may_be_open = row.is_open || row.connected_at > oldest;
        row.owner.is_some() && may_be_open && issued_before.is_none_or(issued)
    };
    let mut outcome = Closed::default();
    match user {
        Some(user) => {
            // Closed ones too: a row may say so of a connection that is open.
            let rows = list::by_user(&table, user, true).await?;
            outcome
                .close(&pusher, rows.into_iter().filter(is_meant))
                .await;
        }
        None => {
            let mut after = None;
            loop {
                let (rows, next) = table.scan(after.as_ref(), None).await?;
                outcome
                    .close(&pusher, rows.into_iter().filter(is_meant))
                    .await;
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
    }
    let Closed {
        closed,
        gone,
        failed,
    } = outcome;
    if json {
        println!(
            "{}",
            json!({"closed": closed, "gone": gone, "failed": failed})
        );
    } else {
        println!("{closed} closed, {gone} were closed already, {failed} failed.");
    }
    Ok(match (closed, failed) {
        (_, 1..) => ExitStatus::Partial,
        (0, _) => ExitStatus::NotFound,
        _ => ExitStatus::Success,
    })
}

impl Closed {
    async fn close(
        &mut self,
        pusher: &ConnectionPusher,
        rows: impl Iterator<Item = ConnectionRow>,
    ) {
        let close = |row: ConnectionRow| {
            let (pusher, to) = (pusher.clone(), row.connection);
            async move {
                // A row that says that it is closed may be an admin's `setStatus`. If it is right, it stays.
                let closed = match row.is_open {
                    true => {
                        let outcome = pusher.disconnect(&to).await;
                        outcome.map(|outcome| Some(outcome == DisconnectOutcome::Closed))
                    }
                    false => pusher.close(&to).await.map(|closed| closed.then_some(true)),
                };
                closed.with_context(|| format!("closing {to}"))
            }
        };
        for closed in for_each(rows, close).await {
            match closed {
                Ok(None) => {}
                Ok(Some(true)) => self.closed += 1,
                Ok(Some(false)) => self.gone += 1,
                Err(error) => {
                    eprintln!("longhaul: {error:#}");
                    self.failed += 1;
                }
            }
        }
    }
}
