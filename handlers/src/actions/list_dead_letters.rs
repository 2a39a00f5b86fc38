//! `listDeadLetters`: what failed for good in an admin's tenant, and what is to be done about each. A bounded
//! look at the dead-letter queue, which hides what it reads for as long; what can't be read is nobody's, and
//! left to the operators' command.

use longhaul_shared::auth::Identity;
use longhaul_shared::orchestration::failed_runs::FailedRuns;
use longhaul_shared::protocol::dead_letters;

use super::admin::can_administer;
use crate::message::{ActionResult, AppContext, FrameContext};

/// Letters that one frame looks at, about.
pub const LOOK: usize = 100;

pub async fn run(door: &AppContext, call: &FrameContext, speaker: &Identity) -> ActionResult {
    let reading = door.letters.read(LOOK).await?;
    let cases = FailedRuns::look_up(&reading, &door.replays.jobs).await;
    door.letters.release(&reading.messages).await?;
    let FailedRuns {
        runs: mut cases,
        in_flight: elsewhere,
        ..
    } = cases?;
    cases.retain(|case| {
        case.owner()
            .is_some_and(|owner| can_administer(speaker, owner))
    });
    let request_id = call.request_id.as_deref();
    Ok(Some(dead_letters(
        &cases,
        elsewhere > 0,
        request_id,
        call.now,
    )))
}
