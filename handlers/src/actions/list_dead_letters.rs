//! `listDeadLetters`: the failed runs of the admin's tenant and what resolves each. It reads a bounded number of
//! messages, which are invisible to others meanwhile. Messages that can't be parsed belong to no tenant; `longhaul
//! dlq` lists them.

use jiff::Timestamp;
use longhaul_shared::domain::dead_letter::FailedRun;
use longhaul_shared::domain::limits;
use longhaul_shared::orchestration::failed_runs::FailedRuns;
use longhaul_shared::protocol::{ErrorResponse, Fields, rfc3339};
use serde_json::{Value, json};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::caller::Admin;
use crate::frame::{ActionResult, FrameContext};

/// Messages that one frame reads, about.
pub const MAX_MESSAGES: usize = 100;

pub struct ListDeadLetters;

impl Action for ListDeadLetters {
    type Caller = Admin;

    const NAMES: &'static [&'static str] = &["listDeadLetters"];

    fn parse(_fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self)
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, admin: &Admin) -> ActionResult {
        let queue = &app.queues.dead_letters;
        let contents = queue.read(MAX_MESSAGES).await?;
        let failed = FailedRuns::look_up(&contents, &app.stores.jobs).await;
        queue.release(&contents.messages).await?;
        let FailedRuns {
            mut runs,
            in_flight,
            ..
        } = failed?;
        runs.retain(|run| run.owner().is_some_and(|owner| admin.administers(owner)));
        frame.respond("deadLetters", response(&runs, in_flight > 0, frame.now))
    }
}

/// As many of the runs as fit one frame, and whether there are more.
fn response(runs: &[FailedRun], more: bool, now: Timestamp) -> Value {
    let mut bytes = 0;
    let fits = |view: &Value| {
        bytes += view.to_string().len();
        bytes <= limits::ANSWER_BYTES
    };
    let views = runs.iter().map(|run| run_view(run, now));
    let views: Vec<Value> = views.take_while(fits).collect();
    let more = more || views.len() < runs.len();
    json!({"deadLetters": views, "more": more})
}

/// The fields that a plan of `longhaul dlq` has too.
fn run_view(run: &FailedRun, now: Timestamp) -> Value {
    let payload = run.payload.as_ref();
    json!({
        "jobId": run.job.to_string(),
        "run": run.run,
        "do": run.resolution(now).as_str(),
        "status": run.row.as_ref().map(|job| job.status.as_str()),
        "since": rfc3339(run.failed_at()),
        "kind": run.kind(),
        "userId": run.owner().map(|owner| owner.user.as_str()),
        "code": payload.map(|payload| payload.code.as_str()),
        "error": payload.map(|payload| payload.error.as_str()),
        "attempts": payload.map(|payload| payload.attempts),
        "letters": run.messages.len(),
    })
}
