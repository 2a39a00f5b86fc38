//! `listDeadLetters`: the failed runs of the admin's tenant and what resolves each. It reads a bounded number of
//! messages, which are invisible to others meanwhile. Messages that can't be parsed belong to no tenant; `longhaul
//! dlq` lists them.

use longhaul_shared::orchestration::failed_runs::FailedRuns;
use longhaul_shared::protocol::request::ListDeadLettersRequest;
use longhaul_shared::protocol::response::{DeadLetterView, Response};
use longhaul_shared::protocol::{ErrorResponse, Fields, entries_that_fit};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::caller::Admin;
use crate::frame::{ActionResult, FrameContext};

/// Messages that one frame reads, about.
pub const MAX_MESSAGES: usize = 100;

pub struct ListDeadLetters;

impl Action for ListDeadLetters {
    type Caller = Admin;
    type Request = ListDeadLettersRequest;

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
        let views = runs.iter().map(|run| DeadLetterView::new(run, frame.now));
        let mut dead_letters: Vec<DeadLetterView> = views.collect();
        dead_letters.truncate(entries_that_fit(&dead_letters));
        frame.respond(Response::DeadLetters {
            more: in_flight > 0 || dead_letters.len() < runs.len(),
            dead_letters,
        })
    }
}
