//! Whether a user may submit one more job, in the client's words.

use longhaul_shared::job::Job;
use longhaul_shared::protocol::{Code, Refusal};
use longhaul_shared::quota::Taken;

use crate::message::{Call, Door, No};

/// Takes a token and room for the job, or says when to come again. A submit with an idempotency key may be
/// of a job that exists: that one needs no room.
pub async fn take(door: &Door, call: &Call, job: &Job, is_keyed: bool) -> Result<(), No> {
    let (sentence, then) = match door
        .quota
        .take(&job.owner, job.id, &door.jobs, call.now)
        .await?
    {
        Taken::Yes => return Ok(()),
        Taken::TooFast(then) => ("You submit faster than is allowed.".to_owned(), then),
        Taken::TooMany(most, then) => {
            if is_keyed && door.jobs.get(job.id).await?.is_some() {
                return Ok(());
            }
            let sentence = format!("You have {most} jobs open, which is as many as are allowed.");
            (sentence, then)
        }
    };
    let wait = then.duration_since(call.now).as_secs_f64().ceil();
    let refusal = Refusal::new(Code::RateLimit, sentence);
    Err(Refusal {
        retry_after: Some((wait as u64).max(1)),
        ..refusal
    }
    .into())
}
