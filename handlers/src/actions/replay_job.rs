//! `replayJob`: does about a failed job of an admin's tenant what its dead letters call for, as applying a plan
//! does, and deletes those that are over then. A job of which no letter is found runs again by its row.

use anyhow::Result;
use longhaul_shared::auth::Identity;
use longhaul_shared::aws::queue_reader::QueueContents;
use longhaul_shared::domain::dead_letter::{DeadLetter, Resolution};
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::Job;
use longhaul_shared::domain::queue_message::QueueMessage;
use longhaul_shared::orchestration::failed_runs::FailedRuns;
use longhaul_shared::protocol::{ErrorCode, ErrorResponse, JobReference, job_replayed};

use super::admin::can_administer;
use super::list_dead_letters::LOOK;
use crate::message::{ActionResult, AppContext, FrameContext};

/// How often a job's letters are looked for: another's look hides them for some seconds.
const LOOKS: usize = 3;

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    job: JobReference,
    from_start: bool,
) -> ActionResult {
    let unknown =
        || ErrorResponse::new(ErrorCode::NotFound, "There is no such job.").with("field", "jobId");
    let id = job.map_err(|_| unknown())?;
    let row = door.jobs.get(id).await?;
    let row = row.filter(|job| can_administer(speaker, &job.owner) && job.expires_at > call.now);
    let row = row.ok_or_else(unknown)?;

    let ours = letters(door, id).await?;
    let settled = settle(door, call, &row, &ours, from_start).await;
    let (did, row, over) = match settled {
        Ok(settled) => settled,
        Err(error) => {
            door.letters.release(&ours).await?;
            return Err(error.into());
        }
    };
    door.letters.delete(&over, |_| {}).await?;
    let request_id = call.request_id.as_deref();
    Ok(Some(job_replayed(
        id,
        did,
        row.as_ref(),
        over.len(),
        request_id,
        call.now,
    )))
}

/// The job's letters, held; sought again while others that look hide some.
async fn letters(door: &AppContext, id: JobId) -> Result<Vec<QueueMessage>> {
    let is_about = |letter: &QueueMessage| {
        let read = DeadLetter::parse(&letter.body);
        read.is_some_and(|letter| letter.job() == id)
    };
    for _ in 1..LOOKS {
        let (ours, are_all) = look(door, is_about).await?;
        if !ours.is_empty() || are_all {
            return Ok(ours);
        }
    }
    Ok(look(door, is_about).await?.0)
}

/// Those letters that are meant, held, and whether these are all that there are.
async fn look(
    door: &AppContext,
    is_meant: impl Fn(&QueueMessage) -> bool,
) -> Result<(Vec<QueueMessage>, bool)> {
    let reading = door.letters.read(LOOK).await?;
    let (ours, others): (Vec<QueueMessage>, Vec<QueueMessage>) =
        reading.messages.into_iter().partition(is_meant);
    door.letters.release(&others).await?;
    Ok((ours, reading.in_flight == 0))
}

/// What was done, the job after it, and the letters that are over.
async fn settle(
    door: &AppContext,
    call: &FrameContext,
    row: &Job,
    letters: &[QueueMessage],
    from_start: bool,
) -> Result<(Resolution, Option<Job>, Vec<QueueMessage>)> {
    let reading = QueueContents {
        messages: letters.to_vec(),
        in_flight: 0,
    };
    let cases = FailedRuns::look_up(&reading, &door.replays.jobs)
        .await?
        .runs;
    if cases.is_empty() {
        let settled = door
            .replays
            .resolve(row.id, Some(row.replays), from_start, call.now);
        return settled.await.map(|(did, after)| (did, after, vec![]));
    }
    let (mut most, mut now, mut over) = (Resolution::Leave, None, vec![]);
    for case in cases {
        let settled = door
            .replays
            .resolve(row.id, case.run, from_start, call.now)
            .await?;
        (most, now) = (most.min(settled.0), settled.1);
        match settled.0 {
            Resolution::Leave => door.letters.release(&case.messages).await?,
            _ => over.extend(case.messages),
        }
    }
    Ok((most, now, over))
}
