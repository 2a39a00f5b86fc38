//! Reads the dead-letter queue as a plan and prints it. Changes nothing.

use std::path::PathBuf;

use anyhow::Result;
use longhaul_shared::clock;
use longhaul_shared::domain::dead_letter::Resolution;
use longhaul_shared::orchestration::failed_runs::FailedRuns;

use crate::dlq::access::Access;
use crate::dlq::filter::Filter;
use crate::dlq::plan::Plan;
use crate::dlq::render;
use crate::exit_status::ExitStatus;
use crate::target::Target;

/// A plan for the dead letters that match the filter, with all unreadable messages.
async fn read_plan(access: &Access, filter: &Filter) -> Result<Plan> {
    let contents = access.queue.read(usize::MAX).await?;
    let runs = FailedRuns::look_up(&contents, &access.replayer.jobs).await;
    access.queue.release(&contents.messages).await?;
    let (mut runs, now) = (runs?, clock::now());
    runs.runs.retain(|run| filter.matches(run, now));
    Ok(Plan::new(&access.queue_arn, &runs, now))
}

pub async fn list(target: &Target, filter: &Filter, json: bool) -> Result<ExitStatus> {
    let plan = read_plan(&Access::open(target).await?, filter).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&plan)?);
    } else {
        print!("{}", render::table(&plan, clock::now()));
        let (letters, runs) = (plan.letters, plan.entries.len());
        let unreadable = plan.unreadable.len();
        println!("{letters} letters of {runs} runs, and {unreadable} unreadable messages.");
    }
    Ok(ExitStatus::Success)
}

pub async fn show(target: &Target, id: &str, json: bool) -> Result<ExitStatus> {
    let mut plan = read_plan(&Access::open(target).await?, &Filter::default()).await?;
    plan.entries
        .retain(|entry| entry.job == id || entry.messages.iter().any(|message| message == id));
    plan.unreadable.retain(|message| message.message == id);
    if plan.entries.is_empty() && plan.unreadable.is_empty() {
        eprintln!("longhaul: the dead-letter queue has no job or message {id}");
        return Ok(ExitStatus::NotFound);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&plan)?);
        return Ok(ExitStatus::Success);
    }
    let entries = plan.entries.iter().map(render::entry);
    let unreadable = plan.unreadable.iter().map(render::unreadable);
    let all: Vec<String> = entries.chain(unreadable).collect();
    print!("{}", all.join("\n"));
    Ok(ExitStatus::Success)
}

pub async fn plan(
    target: &Target,
    filter: &Filter,
    out: Option<PathBuf>,
    json: bool,
) -> Result<ExitStatus> {
    let plan = read_plan(&Access::open(target).await?, filter).await?;
    let file = out.unwrap_or_else(|| {
        let now = clock::now().strftime("%Y%m%dT%H%M%SZ");
        PathBuf::from(format!("dlq-plan-{now}.json"))
    });
    plan.write(&file)?;
    let count = |resolution| plan.count(resolution);
    if json {
        println!("{}", serde_json::to_string_pretty(&plan)?);
    } else {
        let (replay, send) = (count(Resolution::Replay), count(Resolution::Send));
        let (stale, left) = (count(Resolution::Delete), count(Resolution::Leave));
        print!("{}", render::table(&plan, clock::now()));
        println!(
            "{} letters: {replay} jobs to replay, {send} to queue again, {stale} of runs already over, {left} left for you.",
            plan.letters
        );
        println!("The plan is {}; nothing was changed.", file.display());
    }
    Ok(if plan.entries.is_empty() {
        ExitStatus::NotFound
    } else {
        ExitStatus::Success
    })
}
