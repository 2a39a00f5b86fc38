//! `getEvents`: every event of a job of the caller's, or of the admin's tenant, by page. `subscribe` returns only those
//! that still count.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::event::CatchUp;
use longhaul_shared::protocol::request::GetEventsRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, JobReference, events_page};

use super::get_job::visible;
use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};

pub struct GetEvents {
    job: JobReference,
    /// The `seq` after which the page begins; 0 for the first page.
    after: u64,
    limit: u32,
}

impl Action for GetEvents {
    type Caller = Identity;
    type Request = GetEventsRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            job: fields.job()?,
            after: fields.number("after")?.unwrap_or(0),
            limit: fields.limit()?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let (name, row) = match self.job {
            JobReference::Id(id) => (id.to_string(), app.stores.jobs.get(id).await?),
            JobReference::Unknown(text) => (text, None),
        };
        let page = |found| {
            let (request_id, warnings) = (frame.request_id.as_deref(), &frame.warnings);
            let limit = self.limit as usize;
            Ok(Some(events_page(
                &name, found, limit, request_id, warnings, frame.now,
            )))
        };
        let Some(job) = visible(app, frame, caller, row).await? else {
            return page(None);
        };
        let log = app.stores.event_log.entries(&job, self.after).await?;
        let with_result = match log.complete {
            true => app.stores.event_log.with_result(job.clone()).await?,
            false => job.clone(),
        };
        let found = CatchUp::whole(&with_result, self.after, log);
        page(Some((&job, &found)))
    }
}
