//! `subscribe` with a job, and `resume`: follows the job from the last event that the client has applied.
//!
//! One write adds the follower and reads the head, so that no event falls between them: what the response does
//! not hold is pushed.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::event::{CatchUp, Event};
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::Job;
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::request::SubscribeJobRequest;
use longhaul_shared::protocol::{ErrorCode, ErrorResponse, Fields, JobReference, subscribed};
use longhaul_shared::store::jobs::CommitOutcome;

use crate::action::Action;
use crate::administration::effective_owner;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};

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

/// Makes the frame's connection a follower and responds with the events after `after`.
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
    let followed = app.stores.jobs.commit(id, &follow).await?;
    if let CommitOutcome::Refused(Some(job)) = &followed {
        frame.log_if_foreign(caller, &job.owner);
    }
    let job = match followed {
        CommitOutcome::Applied(job) if job.expires_at > frame.now => *job,
        // An ended job has no more events; its row holds the last.
        CommitOutcome::Refused(Some(job)) if is_visible(&job) && job.status.is_terminal() => *job,
        CommitOutcome::Refused(Some(job)) if is_visible(&job) => {
            let max = limits::FOLLOWERS;
            let message = format!("At most {max} connections may follow one job.");
            return Err(ErrorResponse {
                retry_after: Some(30),
                ..ErrorResponse::new(ErrorCode::RateLimit, message)
            }
            .into());
        }
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
        request_id,
        &frame.warnings,
        frame.now,
    )))
}

/// The response for a job that has expired, never existed or belongs to another user.
fn respond_gone(frame: &FrameContext, id: &str) -> ActionResult {
    let request_id = frame.request_id.as_deref();
    Ok(Some(subscribed(
        id,
        None,
        request_id,
        &frame.warnings,
        frame.now,
    )))
}
