//! Removes the rows of closed connections and closes idle ones.

use std::time::Duration;

use anyhow::Result;
use longhaul_shared::clock;
use longhaul_shared::domain::connection::CleanupOutcome;
use serde_json::json;

use crate::exit_status::ExitStatus;
use crate::target::AwsContext;

pub async fn run(aws: &AwsContext, idle: Duration, json: bool) -> Result<ExitStatus> {
    let (table, pusher, now) = (&aws.connections(), &aws.required_pusher()?, clock::now());
    let (mut outcome, mut after) = (CleanupOutcome::default(), None);
    loop {
        let (rows, next) = table.scan(after.as_ref(), None).await?;
        outcome.add(pusher.clean(rows, idle, now).await?);
        after = next;
        if after.is_none() {
            break;
        }
    }
    let CleanupOutcome {
        removed,
        closed,
        kept,
    } = outcome;
    let checked = removed + closed + kept;
    if json {
        println!(
            "{}",
            json!({"idle": checked, "removed": removed, "closed": closed, "kept": kept})
        );
    } else {
        println!(
            "{checked} rows without activity: {removed} removed, {closed} closed, {kept} in use."
        );
    }
    Ok(ExitStatus::Success)
}
