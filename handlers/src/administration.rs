//! Jobs and connections of an admin's tenant. Those of another tenant are indistinguishable from ones that do
//! not exist.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::connection::ConnectionRow;
use longhaul_shared::domain::ids::{ConnectionId, JobId, Owner};
use longhaul_shared::protocol::{ErrorCode, ErrorResponse};

use crate::app_context::AppContext;
use crate::caller::{Admin, can_administer, latest_identity};
use crate::frame::{ActionError, FrameContext};

/// The owner that the caller acts as on this job: the job's owner, if the caller is an admin of its tenant;
/// otherwise the caller. Only for an admin the job is read.
pub async fn effective_owner(
    app: &AppContext,
    frame: &FrameContext,
    caller: &Identity,
    id: JobId,
) -> Result<Owner, ActionError> {
    let caller = &latest_identity(app, frame, caller).await?;
    let row = match caller.is_admin {
        true => app.stores.jobs.get(id).await?,
        false => None,
    };
    let administered = row
        .map(|job| job.owner)
        .filter(|owner| *owner != caller.owner && can_administer(caller, owner));
    if let Some(owner) = &administered {
        frame.log_if_foreign(caller, owner);
    }
    Ok(administered.unwrap_or_else(|| caller.owner.clone()))
}

/// Rows of the connections table that a scan reads at once, about a megabyte: DynamoDB reads no more.
const MAX_SCANNED_ROWS: u32 = 2_000;

/// Whether a connection belongs to a user of the admin's tenant.
pub fn is_in_tenant(admin: &Admin, row: &ConnectionRow) -> bool {
    let owner = row.owner.as_ref();
    owner.is_some_and(|owner| admin.administers(owner))
}

/// The connection of this id in the admin's tenant.
pub async fn tenant_connection(
    app: &AppContext,
    admin: &Admin,
    id: &ConnectionId,
) -> Result<ConnectionRow, ActionError> {
    let row = app.stores.connections.get(id).await?;
    row.filter(|row| is_in_tenant(admin, row)).ok_or_else(|| {
        let error = ErrorResponse::new(ErrorCode::NotFound, "There is no such connection.");
        error.with("field", "connectionId").into()
    })
}

/// The tenant's connections among the next rows of the table, `limit` or more, and the cursor of the next page
/// if there is one. Rows of users and of other tenants stand in the same table, and a cursor must not name them; so the
/// scan goes on until a page holds a connection that the cursor can name.
pub async fn scan_tenant_connections(
    app: &AppContext,
    admin: &Admin,
    after: Option<ConnectionId>,
    limit: u32,
) -> Result<(Vec<ConnectionRow>, Option<ConnectionId>), ActionError> {
    let (mut start, mut limit) = (after, limit);
    loop {
        let connections = &app.stores.connections;
        let (mut rows, next) = connections.scan(start.as_ref(), Some(limit)).await?;
        rows.retain(|row| is_in_tenant(admin, row));
        let last = rows.last().map(|row| row.connection.clone());
        if next.is_none() || last.is_some() {
            return Ok((rows, next.and(last)));
        }
        (start, limit) = (next, (2 * limit).min(MAX_SCANNED_ROWS));
    }
}
