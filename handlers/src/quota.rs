//! Whether a user may submit one more job or have one more connection, in the client's words.

use jiff::Timestamp;
use longhaul_shared::domain::ids::Owner;
use longhaul_shared::domain::job::Job;
use longhaul_shared::protocol::{ErrorCode, ErrorResponse};
use longhaul_shared::store::quota::{QuotaDecision, RETRY_AFTER_FULL};
use metrics::counter;

use crate::message::{ActionError, AppContext, FrameContext};

/// Takes a token and room for the job, or says when to come again. A submit with an idempotency key may be
/// of a job that exists: that one needs no room.
pub async fn admit_job(
    door: &AppContext,
    call: &FrameContext,
    job: &Job,
    is_keyed: bool,
) -> Result<(), ActionError> {
    let (limit, sentence, then) = match door
        .quota
        .admit_job(&job.owner, job.id, &door.jobs, call.now)
        .await?
    {
        QuotaDecision::Admitted => return Ok(()),
        QuotaDecision::RateLimited(then) => {
            let sentence = "You submit faster than is allowed.".to_owned();
            ("rate", sentence, then)
        }
        QuotaDecision::TooManyOpenJobs(most, then) => {
            if is_keyed && door.jobs.get(job.id).await?.is_some() {
                return Ok(());
            }
            let sentence = format!("You have {most} jobs open, which is as many as are allowed.");
            ("open jobs", sentence, then)
        }
    };
    Err(later(call, limit, sentence, then))
}

/// Takes a token for what is no job, or says when to come again.
pub async fn admit_action(
    door: &AppContext,
    call: &FrameContext,
    owner: &Owner,
) -> Result<(), ActionError> {
    let Some(then) = door.quota.admit_action(owner, call.now).await? else {
        return Ok(());
    };
    let sentence = "You send faster than is allowed.".to_owned();
    Err(later(call, "rate", sentence, then))
}

/// Takes room for the connection, or says when to come again.
pub async fn admit_connection(
    door: &AppContext,
    call: &FrameContext,
    owner: &Owner,
) -> Result<(), ActionError> {
    let most = door.connections_per_user;
    let connections = &door.connections;
    if connections
        .admit(owner, &call.connection, most, call.now)
        .await?
    {
        return Ok(());
    }
    let sentence = format!("You have {most} connections, which is as many as are allowed.");
    Err(later(
        call,
        "connections",
        sentence,
        call.now + RETRY_AFTER_FULL,
    ))
}

/// The refusal of what may be tried again then, in whole seconds.
fn later(
    call: &FrameContext,
    limit: &'static str,
    sentence: String,
    then: Timestamp,
) -> ActionError {
    counter!("LimitsHit", "Limit" => limit).increment(1);
    let wait = then.duration_since(call.now).as_secs_f64().ceil();
    ErrorResponse {
        retry_after: Some((wait as u64).max(1)),
        ..ErrorResponse::new(ErrorCode::RateLimit, sentence)
    }
    .into()
}
