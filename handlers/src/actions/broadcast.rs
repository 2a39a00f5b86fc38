//! `broadcast`: pushes a `system` frame to a user of the admin's tenant, or to all of it, a page of the table for
//! each frame.

use longhaul_shared::domain::ids::{ConnectionId, Owner};
use longhaul_shared::protocol::request::BroadcastRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, Response, system};

use crate::action::Action;
use crate::administration::scan_tenant_connections;
use crate::app_context::AppContext;
use crate::caller::Admin;
use crate::frame::{ActionResult, FrameContext};

/// Rows of the table that one frame reads, at most: pushing to all takes a few seconds.
const PAGE: u32 = 500;

pub struct Broadcast {
    content: String,
    /// `None` for all users of the tenant.
    user: Option<String>,
    /// The last connection of the page before; `None` for the first page.
    after: Option<ConnectionId>,
}

impl Action for Broadcast {
    type Caller = Admin;
    type Request = BroadcastRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            content: fields.long_text("content")?.to_owned(),
            user: fields.optional_user()?,
            after: fields.connections_page()?.cursor.map(ConnectionId),
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, admin: &Admin) -> ActionResult {
        let user = admin.name_for_logs();
        tracing::info!(connection = %frame.connection, user, "an admin broadcasts");
        let pushed = system(&self.content, frame.now);
        let (outcome, next) = match self.user {
            Some(user) => {
                let to = Owner {
                    user,
                    tenant: admin.identity().owner.tenant.clone(),
                };
                let outcome = app.messenger.push_to_user(&to, &pushed, frame.now);
                (outcome.await?, None)
            }
            None => {
                let (rows, next) = scan_tenant_connections(app, admin, self.after, PAGE).await?;
                let receiving = rows.into_iter().filter(|row| row.receives(frame.now));
                let receiving = receiving.map(|row| row.connection).collect();
                (app.pusher.broadcast(receiving, &pushed).await, next)
            }
        };
        frame.respond(Response::BroadcastSent {
            data: outcome.into(),
            cursor: next.map(|next| next.0),
        })
    }
}
