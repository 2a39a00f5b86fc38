//! `subscribe`: follows a job from the last event that the client has applied.
//!
//! Following and reading the head are one write, so no event falls between them: what the answer
//! does not hold, the follower is pushed.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::event::{CatchUp, Event};
use longhaul_shared::domain::job::Job;
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::{ErrorCode, ErrorResponse, JobReference, subscribed};
use longhaul_shared::store::jobs::CommitOutcome;

use super::admin;
use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    job: JobReference,
    after: u64,
) -> ActionResult {
    let request_id = call.request_id.as_deref();
    let id = match job {
        Ok(id) => id,
        Err(unknown) => return Ok(Some(subscribed(&unknown, None, request_id, call.now))),
    };
    let owner = admin::effective_owner(door, call, speaker, id).await?;
    let follow = Job::follow(owner.clone(), call.connection.clone(), limits::FOLLOWERS);
    let own = |job: &Job| job.owner == owner && job.expires_at > call.now;
    let followed = door.jobs.commit(id, &follow).await?;
    if let CommitOutcome::Refused(Some(job)) = &followed {
        call.log_if_foreign(speaker, &job.owner);
    }
    let job = match followed {
        CommitOutcome::Applied(job) if job.expires_at > call.now => *job,
        // Of an ended job there is nothing to follow; its row says all.
        CommitOutcome::Refused(Some(job)) if own(&job) && job.status.is_terminal() => *job,
        CommitOutcome::Refused(Some(job)) if own(&job) => {
            let sentence = format!(
                "At most {} connections may follow one job.",
                limits::FOLLOWERS
            );
            let retry_after = Some(30);
            return Err(ErrorResponse {
                retry_after,
                ..ErrorResponse::new(ErrorCode::RateLimit, sentence)
            }
            .into());
        }
        _ => {
            return Ok(Some(subscribed(
                &id.to_string(),
                None,
                request_id,
                call.now,
            )));
        }
    };
    // What is missing, and only that, is worth reading from the log.
    let told = Event::ended(&job).map_or(job.progress_seq, |end| end.seq);
    let whole = match after == 0 || told > after {
        true => door.events.with_result(job.clone()).await?,
        false => job.clone(),
    };
    let replay = CatchUp::new(&whole, after, door.events.stream(&job, after).await?);
    Ok(Some(subscribed(
        &id.to_string(),
        Some((&job, &replay)),
        request_id,
        call.now,
    )))
}
