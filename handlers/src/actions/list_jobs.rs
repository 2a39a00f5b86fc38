//! `listJobs`: jobs of the caller, or, for an admin, of another user of the tenant; newest first, by page.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::{Cursor, Owner};
use longhaul_shared::domain::job::{Job, Status};
use longhaul_shared::protocol::request::ListJobsRequest;
use longhaul_shared::protocol::{
    ErrorResponse, Fields, JobView, PageRequest, Response, jobs_that_fit,
};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::caller::require_admin;
use crate::frame::{ActionResult, FrameContext};

/// Pages that one frame may read in search of a rare status. The cursor leads on from there.
const MAX_PAGES: usize = 5;

pub struct ListJobs {
    /// `None` for the caller.
    user: Option<String>,
    status: Option<Status>,
    page: PageRequest<Cursor>,
}

impl Action for ListJobs {
    type Caller = Identity;
    type Request = ListJobsRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            user: fields.optional_user()?,
            status: fields.job_status()?,
            page: fields.page(Cursor::parse)?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let owner = Owner {
            user: self.user.unwrap_or_else(|| caller.owner.user.clone()),
            tenant: caller.owner.tenant.clone(),
        };
        if owner != caller.owner {
            require_admin(app, frame, caller).await?;
        }
        let PageRequest { limit, mut cursor } = self.page;
        let mut jobs = vec![];
        for _ in 0..MAX_PAGES {
            let missing = limit - jobs.len() as u32;
            let page = app
                .stores
                .jobs
                .page(&owner, missing, cursor.as_ref(), frame.now);
            let page = page.await?;
            let has_status = |job: &Job| self.status.is_none_or(|status| job.status == status);
            jobs.extend(page.jobs.into_iter().filter(has_status));
            cursor = page.cursor;
            if cursor.is_none() || jobs.len() as u32 == limit {
                break;
            }
        }
        let fitting = jobs_that_fit(&jobs);
        if fitting < jobs.len() {
            jobs.truncate(fitting);
            cursor = jobs.last().map(Job::cursor);
        }
        frame.respond(Response::Jobs {
            jobs: jobs.iter().map(JobView::new).collect(),
            cursor: cursor.map(|cursor| cursor.to_string()),
        })
    }
}
