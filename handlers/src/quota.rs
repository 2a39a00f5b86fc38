//! Applies a user's limits and words their errors: submits, open jobs, connections.

use jiff::Timestamp;
use longhaul_shared::domain::ids::Owner;
use longhaul_shared::domain::job::Job;
use longhaul_shared::protocol::{ErrorCode, ErrorResponse};
use longhaul_shared::store::quota::{QuotaDecision, RETRY_AFTER_FULL};
use metrics::counter;

use crate::app_context::AppContext;
use crate::closed_connections;
use crate::frame::{ActionError, FrameContext};

/// Takes a rate token and a place among the user's open jobs. A submit with an idempotency key (`is_keyed`)
/// needs no place where its job exists already.
pub async fn admit_job(
    app: &AppContext,
    frame: &FrameContext,
    job: &Job,
    is_keyed: bool,
) -> Result<(), ActionError> {
    let decision = app
        .stores
        .quota
        .admit_job(&job.owner, job.id, &app.stores.jobs, frame.now);
    let (limit, message, retry_at) = match decision.await? {
        QuotaDecision::Admitted => return Ok(()),
        QuotaDecision::RateLimited(retry_at) => {
            let message = "You submit faster than is allowed.".to_owned();
            ("rate", message, retry_at)
        }
        QuotaDecision::TooManyOpenJobs(max, retry_at) => {
            if is_keyed && app.stores.jobs.get(job.id).await?.is_some() {
                return Ok(());
            }
            let message = format!("You have reached your limit of open jobs ({max}).");
            ("open jobs", message, retry_at)
        }
    };
    Err(limit_exceeded(frame, limit, message, retry_at))
}

/// Takes a rate token for an action that submits no job.
pub async fn admit_action(
    app: &AppContext,
    frame: &FrameContext,
    owner: &Owner,
) -> Result<(), ActionError> {
    let Some(retry_at) = app.stores.quota.admit_action(owner, frame.now).await? else {
        return Ok(());
    };
    let message = "You send faster than is allowed.".to_owned();
    Err(limit_exceeded(frame, "rate", message, retry_at))
}

/// Takes a place among the user's connections.
pub async fn admit_connection(
    app: &AppContext,
    frame: &FrameContext,
    owner: &Owner,
) -> Result<(), ActionError> {
    let max = app.connections_per_user;
    let place = (owner, &frame.connection);
    let admitted = closed_connections::admit(&app.ender, &app.pusher, place, max, frame.now);
    if admitted.await? {
        return Ok(());
    }
    let message = format!("You have reached your limit of connections ({max}).");
    let retry_at = frame.now + RETRY_AFTER_FULL;
    Err(limit_exceeded(frame, "connections", message, retry_at))
}

/// The response that says in how many whole seconds the client may try again.
fn limit_exceeded(
    frame: &FrameContext,
    limit: &'static str,
    message: String,
    retry_at: Timestamp,
) -> ActionError {
    counter!("LimitsHit", "Limit" => limit).increment(1);
    let wait = retry_at.duration_since(frame.now).as_secs_f64().ceil();
    ErrorResponse {
        retry_after: Some((wait as u64).max(1)),
        ..ErrorResponse::new(ErrorCode::RateLimit, message)
    }
    .into()
}
