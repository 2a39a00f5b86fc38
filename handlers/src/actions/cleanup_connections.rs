//! `cleanupConnections`: removes or closes the stale connections of the admin's tenant, a page of the table for
//! each frame.

use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::request::CleanupConnectionsRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, Response};

use crate::action::Action;
use crate::administration::scan_tenant_connections;
use crate::app_context::AppContext;
use crate::caller::Admin;
use crate::frame::{ActionResult, FrameContext};

/// Rows of the table that one frame reads, at most: asking the gateway about all takes a few seconds.
const PAGE: u32 = 500;

pub struct CleanupConnections {
    /// The last connection of the page before; `None` for the first page.
    after: Option<ConnectionId>,
}

impl Action for CleanupConnections {
    type Caller = Admin;
    type Request = CleanupConnectionsRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            after: fields.connections_page()?.cursor.map(ConnectionId),
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, admin: &Admin) -> ActionResult {
        let (rows, next) = scan_tenant_connections(app, admin, self.after, PAGE).await?;
        let idle = limits::STALE_CONNECTION_AFTER;
        let outcome = app.pusher.clean(rows, idle, frame.now).await?;
        frame.respond(Response::ConnectionsCleaned {
            data: outcome.into(),
            cursor: next.map(|next| next.0),
        })
    }
}
