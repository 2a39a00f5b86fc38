//! Sends a `system` frame to many connections.

use anyhow::{Result, ensure};
use longhaul_shared::clock;
use longhaul_shared::domain::connection::{BroadcastOutcome, ConnectionRow};
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::domain::limits;
use longhaul_shared::protocol;
use serde_json::json;

use super::list;
use crate::exit_status::ExitStatus;
use crate::target::AwsContext;

pub async fn run(
    aws: &AwsContext,
    content: &str,
    user: Option<String>,
    json: bool,
) -> Result<ExitStatus> {
    let length = content.len();
    ensure!(length > 0, "the content is empty");
    ensure!(
        length <= limits::QUERY_BYTES,
        "the content has {length} bytes; the limit is {}",
        limits::QUERY_BYTES
    );
    let (table, pusher) = (aws.connections(), aws.required_pusher()?);
    let now = clock::now();
    let frame = protocol::system(content, now);
    let receiving = |rows: Vec<ConnectionRow>| -> Vec<ConnectionId> {
        let receiving = rows.into_iter().filter(|row| row.receives(now));
        receiving.map(|row| row.connection).collect()
    };
    let mut outcome = BroadcastOutcome::default();
    match user {
        Some(user) => {
            let rows = list::by_user(&table, &user, false).await?;
            outcome.add(pusher.broadcast(receiving(rows), &frame).await);
        }
        None => {
            let mut after = None;
            loop {
                let (rows, next) = table.scan(after.as_ref(), None).await?;
                outcome.add(pusher.broadcast(receiving(rows), &frame).await);
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
    }
    let BroadcastOutcome { sent, gone, lost } = outcome;
    if json {
        println!("{}", json!({"sent": sent, "gone": gone, "lost": lost}));
    } else {
        println!("{sent} sent, {gone} closed and removed, {lost} failed.");
    }
    Ok(match (sent, lost) {
        (_, 1..) => ExitStatus::Partial,
        (0, _) => ExitStatus::NotFound,
        _ => ExitStatus::Success,
    })
}
