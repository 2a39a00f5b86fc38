//! Prints one job.

use anyhow::Result;
use longhaul_shared::domain::ids::JobId;

use super::render;
use crate::exit_status::ExitStatus;
use crate::target::AwsContext;

pub async fn run(aws: &AwsContext, id: JobId, with_query: bool, json: bool) -> Result<ExitStatus> {
    let Some(job) = aws.jobs().get(id).await? else {
        return Ok(render::not_found(id));
    };
    let event_log = aws.event_log().await?;
    let entries = event_log.listing(&job).await?;
    let input = match with_query {
        true => Some(event_log.input(&job).await?.unwrap_or(job.input.clone())),
        false => None,
    };
    if json {
        let mut value = render::job_json(&job);
        value["log"] = entries.iter().map(render::entry_json).collect();
        if let Some(input) = input {
            value["query"] = input.query.into();
            value["params"] = input.params.into();
        }
        println!("{}", serde_json::to_string_pretty(&value)?);
    } else {
        print!("{}", render::details(&job, &entries, input.as_ref()));
    }
    Ok(ExitStatus::Success)
}
