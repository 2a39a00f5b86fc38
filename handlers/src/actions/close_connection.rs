//! `closeConnection`: closes a connection of the admin's tenant, or removes the record of one that the gateway does
//! not have.

use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::protocol::request::CloseConnectionRequest;
use longhaul_shared::protocol::response::{ConnectionStatus, ConnectionStatusSet, Response};
use longhaul_shared::protocol::{ErrorResponse, Fields};

use crate::action::Action;
use crate::administration::tenant_connection;
use crate::app_context::AppContext;
use crate::caller::Admin;
use crate::frame::{ActionResult, FrameContext};

pub struct CloseConnection {
    connection: ConnectionId,
}

impl Action for CloseConnection {
    type Caller = Admin;
    type Request = CloseConnectionRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            connection: fields.connection()?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, admin: &Admin) -> ActionResult {
        let Self { connection } = self;
        let user = admin.name_for_logs();
        tracing::info!(%connection, user, "an admin closes a connection");
        tenant_connection(app, admin, &connection).await?;
        app.pusher.disconnect(&connection).await?;
        let data = ConnectionStatusSet {
            connection_id: connection.0,
            status: ConnectionStatus::Disconnected,
        };
        frame.respond(Response::ConnectionClosed { data })
    }
}
