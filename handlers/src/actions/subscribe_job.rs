//! `subscribe` with a job, and `resume`: follows the job from the last event that the client has applied.
//!
//! One write adds the follower and reads the head, so that no event falls between them: what the response does
//! not hold is pushed.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::event::{CatchUp, Event};
use longhaul_shared::domain::ids::{ConnectionId, JobId};
use longhaul_shared::domain::job::Job;
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::request::SubscribeJobRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, JobReference, subscribed};
use longhaul_shared::store::jobs::CommitOutcome;
use metrics::counter;

use crate::action::Action;
use crate::administration::effective_owner;
use crate::app_context::AppContext;
use crate::closed_connections;
use crate::frame::{ActionError, ActionResult, FrameContext};
use crate::quota;

pub struct SubscribeJob {
    job: JobReference,
    /// The `seq` of the last event that the client has applied; 0 for none.
    after: u64,
}

impl Action for SubscribeJob {
    type Caller = Identity;
    type Request = SubscribeJobRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            job: fields.job()?,
            after: fields.number("after")?.unwrap_or(0),
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        match self.job {
            JobReference::Id(id) => follow(app, frame, caller, id, self.after).await,
            JobReference::Unknown(text) => respond_gone(frame, &text),
        }
    }
}

/// The `retryAfter` of a job with as many followers as are allowed, since it is unknown when one of them leaves.
const RETRY_AFTER_FULL_SECONDS: u64 = 30;

/// Makes the frame's connection a follower and responds with the events after `after`. A job that has as many followers
/// as are allowed, which all are connected, is not followed; the events are in the response all the same.
pub async fn follow(
    app: &AppContext,
    frame: &FrameContext,
    caller: &Identity,
    id: JobId,
    after: u64,
) -> ActionResult {
    let owner = effective_owner(app, frame, caller, id).await?;
    let follow = Job::follow(owner.clone(), frame.connection.clone(), limits::FOLLOWERS);
    let is_visible = |job: &Job| job.owner == owner && job.expires_at > frame.now;
    let is_full = |job: &Job| is_visible(job) && !job.status.is_terminal();
    let mut followed = app.stores.jobs.commit(id, &follow).await?;
    if let CommitOutcome::Refused(Some(job)) = &followed {
        frame.log_if_foreign(caller, &job.owner);
        if is_full(job) && remove_closed_followers(app, frame, caller, job).await? {
            followed = app.stores.jobs.commit(id, &follow).await?;
        }
    }
    let (job, retry_after) = match followed {
        CommitOutcome::Applied(job) if job.expires_at > frame.now => (*job, None),
        CommitOutcome::Refused(Some(job)) if is_full(&job) => {
            counter!("LimitsHit", "Limit" => "followers").increment(1);
            (*job, Some(RETRY_AFTER_FULL_SECONDS))
        }
        // An ended job has no more events; its row holds the last.
        CommitOutcome::Refused(Some(job)) if is_visible(&job) => (*job, None),
        _ => return respond_gone(frame, &id.to_string()),
    };
    // The log is read only for events that the client does not have.
    let last = Event::ended(&job).map_or(job.progress_seq, |end| end.seq);
    let with_result = match after == 0 || last > after {
        true => app.stores.event_log.with_result(job.clone()).await?,
        false => job.clone(),
    };
    let stream = app.stores.event_log.stream(&job, after).await?;
    let catch_up = CatchUp::new(&with_result, after, stream);
    let request_id = frame.request_id.as_deref();
    let found = Some((&job, &catch_up));
    Ok(Some(subscribed(
        &id.to_string(),
        found,
        retry_after,
        request_id,
        &frame.warnings,
        frame.now,
    )))
}

/// Removes the followers that are closed by their rows or, if all rows say that they are open, by the gateway. Returns
/// whether there were any.
async fn remove_closed_followers(
    app: &AppContext,
    frame: &FrameContext,
    caller: &Identity,
    job: &Job,
) -> Result<bool, ActionError> {
    let connections = &app.stores.connections;
    let followers: Vec<ConnectionId> = job.followers.iter().cloned().collect();
    let open = connections.open_among(&followers, frame.now).await?;
    let is_open = |id: &ConnectionId| open.iter().any(|one| one.connection == *id);
    let mut closed: Vec<ConnectionId> = followers.into_iter().filter(|id| !is_open(id)).collect();
    // Each look-up of all followers counts against the caller's rate.
    if closed.is_empty() && quota::admit_action(app, frame, &caller.owner).await.is_ok() {
        closed = closed_connections::end_closed(&app.ender, &app.pusher, open, frame.now).await?;
    }
    if closed.is_empty() {
        return Ok(false);
    }
    let unfollow = Job::unfollow(job.owner.clone(), &closed);
    app.stores.jobs.commit(job.id, &unfollow).await?;
    Ok(true)
}

/// The response for a job that has expired, never existed or belongs to another user.
fn respond_gone(frame: &FrameContext, id: &str) -> ActionResult {
    let request_id = frame.request_id.as_deref();
    Ok(Some(subscribed(
        id,
        None,
        None,
        request_id,
        &frame.warnings,
        frame.now,
    )))
}
