//! Deletes dead letters without replaying their jobs.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use longhaul_shared::aws::queue_reader::QueueContents;
use longhaul_shared::clock;
use longhaul_shared::domain::queue_message::QueueMessage;
use longhaul_shared::orchestration::failed_runs::FailedRuns;
use serde_json::json;

use crate::dlq::access::Access;
use crate::dlq::filter::Filter;
use crate::exit_status::ExitStatus;
use crate::target::Target;

/// `ids` are message ids; without any, the filter selects.
pub async fn run(
    target: &Target,
    ids: &[String],
    filter: &Filter,
    yes: bool,
    json: bool,
) -> Result<ExitStatus> {
    let access = Access::open(target).await?;
    let contents = access.queue.read(usize::MAX).await?;
    let selected = select(&access, &contents, ids, filter, yes).await;
    let deleted = match &selected {
        Ok(selected) => access.queue.delete(selected, |_| {}).await,
        Err(_) => Ok(()),
    };
    let gone = selected.as_deref().unwrap_or_default().iter();
    let gone: HashSet<&str> = gone.map(|message| message.id.as_str()).collect();
    let others = contents.messages.iter();
    let others = others.filter(|message| !gone.contains(message.id.as_str()));
    let others: Vec<QueueMessage> = others.cloned().collect();
    access.queue.release(&others).await?;
    deleted?;
    let count = selected?.len();
    let missing = ids.len().saturating_sub(count);
    if json {
        println!("{}", json!({"deleted": count, "missing": missing}));
    } else {
        println!("{count} letters deleted.");
        if missing > 0 {
            println!("{missing} messages were not found.");
        }
    }
    Ok(match (count, missing) {
        (0, _) => ExitStatus::NotFound,
        (_, 0) => ExitStatus::Success,
        _ => ExitStatus::Partial,
    })
}

async fn select(
    access: &Access,
    contents: &QueueContents,
    ids: &[String],
    filter: &Filter,
    yes: bool,
) -> Result<Vec<QueueMessage>> {
    if !ids.is_empty() {
        let messages = contents.messages.iter().cloned();
        return Ok(messages
            .filter(|message| ids.contains(&message.id))
            .collect());
    }
    let runs = FailedRuns::look_up(contents, &access.replayer.jobs).await?;
    let selected: Vec<QueueMessage> = runs
        .runs
        .into_iter()
        .filter(|run| filter.matches(run, clock::now()))
        .flat_map(|run| run.messages)
        .collect();
    let count = selected.len();
    ensure!(
        yes || count == 0,
        "this deletes {count} letters, and their jobs are not replayed; add --yes to confirm"
    );
    Ok(selected)
}
