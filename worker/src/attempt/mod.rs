//! One attempt at one job: claim it, load what it needs, run its analysis, and finish.

mod analysis_loop;
mod claim;
mod finish;
mod load;

use anyhow::Result;
use jiff::Timestamp;
use longhaul_shared::domain::ids::JobId;

use self::analysis_loop::run_analysis;
use self::claim::{Claim, claim};
use self::finish::finish;
use self::load::{Load, load};
use crate::engine::Engine;
use crate::outcome::RecordOutcome;
use crate::received_message::ReceivedMessage;

/// The invocation in which an attempt runs.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'a> {
    /// As the logs name it; a claim carries it.
    pub request_id: &'a str,
    /// When Lambda ends it.
    pub deadline: Timestamp,
}

/// Attempts the job that the message names, if it is free, and returns what happens to the message.
///
/// # Errors
/// The store failed. The lease then lapses, and the job is attempted again.
pub async fn attempt(
    engine: &Engine,
    id: JobId,
    message: &ReceivedMessage<'_>,
    invocation: Invocation<'_>,
) -> Result<RecordOutcome> {
    let mut job = match claim(engine, id, message.id, invocation.request_id).await? {
        Claim::Leased(job) => job,
        Claim::Unavailable(outcome) => return Ok(outcome),
    };
    message.set_visibility_timeout(engine.limits.lease).await;
    let outcome = match load(&mut job).await? {
        Load::Ready(loaded) => run_analysis(&mut job, loaded, message, invocation.deadline).await,
        Load::Stopped(outcome) => outcome,
    };
    finish(*job, outcome).await
}
