//! `setStatus`: sets the status in the record of a connection of the admin's tenant. A disconnected one gets no
//! more pushes.

use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::protocol::request::SetStatusRequest;
use longhaul_shared::protocol::response::{ConnectionStatus, ConnectionStatusSet, Response};
use longhaul_shared::protocol::{ErrorResponse, Fields};

use crate::action::Action;
use crate::administration::tenant_connection;
use crate::app_context::AppContext;
use crate::caller::Admin;
use crate::frame::{ActionResult, FrameContext};

pub struct SetStatus {
    connection: ConnectionId,
    is_open: bool,
}

impl Action for SetStatus {
    type Caller = Admin;
    type Request = SetStatusRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        let connection = fields.connection()?;
        let is_open = match fields.required("status")? {
            "CONNECTED" => true,
            "DISCONNECTED" => false,
            _ => {
                let message = "'status' must be CONNECTED or DISCONNECTED.";
                return Err(ErrorResponse::field("status", message));
            }
        };
        Ok(Self {
            connection,
            is_open,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, admin: &Admin) -> ActionResult {
        let Self {
            connection,
            is_open,
        } = self;
        tenant_connection(app, admin, &connection).await?;
        let connections = &app.stores.connections;
        connections
            .set_status(&connection, is_open, frame.now)
            .await?;
        let data = ConnectionStatusSet {
            connection_id: connection.0,
            status: ConnectionStatus::of(is_open),
        };
        frame.respond(Response::StatusSet { data })
    }
}
