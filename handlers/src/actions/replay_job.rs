//! `replayJob`: resolves a failed job of the admin's tenant by its dead letters, as `longhaul dlq` does, and deletes
//! those that are resolved. A job without a dead letter is replayed by its row.

use anyhow::Result;
use longhaul_shared::aws::queue_reader::QueueContents;
use longhaul_shared::domain::dead_letter::{DeadLetter, Resolution};
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::Job;
use longhaul_shared::domain::queue_message::QueueMessage;
use longhaul_shared::orchestration::failed_runs::FailedRuns;
use longhaul_shared::protocol::request::ReplayJobRequest;
use longhaul_shared::protocol::response::{ReplayedJob, Response};
use longhaul_shared::protocol::{ErrorCode, ErrorResponse, Fields, JobReference};

use super::list_dead_letters::MAX_MESSAGES;
use crate::action::Action;
use crate::app_context::AppContext;
use crate::caller::Admin;
use crate::frame::{ActionResult, FrameContext};

/// How often the queue is read for the job's dead letters: another reader makes them invisible for some seconds.
const MAX_READS: usize = 3;

pub struct ReplayJob {
    job: JobReference,
    /// Whether the new run starts from the beginning and not from the checkpoints.
    from_start: bool,
}

/// What was done about a job.
struct Resolved {
    resolution: Resolution,
    /// The job afterwards, if it exists.
    job: Option<Job>,
    /// The dead letters that are not needed any more.
    messages: Vec<QueueMessage>,
}

impl Action for ReplayJob {
    type Caller = Admin;
    type Request = ReplayJobRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            job: fields.job()?,
            from_start: fields.flag("fromStart")?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, admin: &Admin) -> ActionResult {
        let user = admin.name_for_logs();
        tracing::info!(connection = %frame.connection, user, "an admin replays a job");
        let unknown = || {
            let error = ErrorResponse::new(ErrorCode::NotFound, "There is no such job.");
            error.with("field", "jobId")
        };
        let JobReference::Id(id) = self.job else {
            return Err(unknown().into());
        };
        let row = app.stores.jobs.get(id).await?;
        let row = row.filter(|job| admin.administers(&job.owner) && job.expires_at > frame.now);
        let row = row.ok_or_else(unknown)?;

        let letters = dead_letters_of(app, id).await?;
        let resolved = match resolve(app, frame, &row, &letters, self.from_start).await {
            Ok(resolved) => resolved,
            Err(error) => {
                app.queues.dead_letters.release(&letters).await?;
                return Err(error.into());
            }
        };
        let queue = &app.queues.dead_letters;
        queue.delete(&resolved.messages, |_| {}).await?;
        let job = resolved.job.as_ref();
        let data = ReplayedJob {
            job_id: id.to_string(),
            did: resolved.resolution.into(),
            status: job.map(|job| job.status.into()),
            run: job.map(|job| job.replays),
            letters: resolved.messages.len(),
        };
        frame.respond(Response::JobReplayed { data })
    }
}

/// The job's dead letters, invisible to others. The queue is read again while others make some invisible.
async fn dead_letters_of(app: &AppContext, id: JobId) -> Result<Vec<QueueMessage>> {
    let is_about_job = |message: &QueueMessage| {
        let letter = DeadLetter::parse(&message.body);
        letter.is_some_and(|letter| letter.job() == id)
    };
    for _ in 1..MAX_READS {
        let (letters, is_complete) = read_matching(app, is_about_job).await?;
        if !letters.is_empty() || is_complete {
            return Ok(letters);
        }
    }
    Ok(read_matching(app, is_about_job).await?.0)
}

/// The messages that match, invisible to others, and whether no other reader had any messages.
async fn read_matching(
    app: &AppContext,
    matches: impl Fn(&QueueMessage) -> bool,
) -> Result<(Vec<QueueMessage>, bool)> {
    let queue = &app.queues.dead_letters;
    let contents = queue.read(MAX_MESSAGES).await?;
    let (matching, others): (Vec<QueueMessage>, Vec<QueueMessage>) =
        contents.messages.into_iter().partition(matches);
    queue.release(&others).await?;
    Ok((matching, contents.in_flight == 0))
}

/// Resolves each failed run that the dead letters are about; without any, the job's last run.
async fn resolve(
    app: &AppContext,
    frame: &FrameContext,
    row: &Job,
    letters: &[QueueMessage],
    from_start: bool,
) -> Result<Resolved> {
    let contents = QueueContents {
        messages: letters.to_vec(),
        in_flight: 0,
    };
    let runs = FailedRuns::look_up(&contents, &app.stores.jobs).await?.runs;
    if runs.is_empty() {
        let run = Some(row.replays);
        let resolved = app.replayer.resolve(row.id, run, from_start, frame.now);
        let (resolution, job) = resolved.await?;
        return Ok(Resolved {
            resolution,
            job,
            messages: vec![],
        });
    }
    let mut all = Resolved {
        resolution: Resolution::Leave,
        job: None,
        messages: vec![],
    };
    for run in runs {
        let resolved = app.replayer.resolve(row.id, run.run, from_start, frame.now);
        let (resolution, job) = resolved.await?;
        all.resolution = all.resolution.min(resolution);
        all.job = job;
        match resolution {
            Resolution::Leave => app.queues.dead_letters.release(&run.messages).await?,
            _ => all.messages.extend(run.messages),
        }
    }
    Ok(all)
}
