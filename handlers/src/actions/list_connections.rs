//! `listConnections`: connections of the admin's tenant, with those that closed within a day. Those of one user
//! are read by the index, oldest first; all of them by a scan of the table, `limit` rows or more for a page.

use jiff::Timestamp;
use longhaul_shared::domain::connection::{ConnectionCursor, ConnectionRow};
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::protocol::request::ListConnectionsRequest;
use longhaul_shared::protocol::response::{ConnectionView, Response};
use longhaul_shared::protocol::{ErrorResponse, Fields, PageRequest, entries_that_fit};
use longhaul_shared::store::connections::start_key;

use crate::action::Action;
use crate::administration::{is_in_tenant, scan_tenant_connections};
use crate::app_context::AppContext;
use crate::caller::Admin;
use crate::frame::{ActionError, ActionResult, FrameContext};

pub struct ListConnections {
    /// `None` for all users of the tenant.
    user: Option<String>,
    page: PageRequest<String>,
}

impl Action for ListConnections {
    type Caller = Admin;
    type Request = ListConnectionsRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            user: fields.optional_user()?,
            page: fields.connections_page()?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, admin: &Admin) -> ActionResult {
        let answer = match &self.user {
            Some(user) => of_user(app, admin, user, &self.page).await?,
            None => of_tenant(app, admin, self.page).await?,
        };
        frame.respond(answer)
    }
}

async fn of_tenant(
    app: &AppContext,
    admin: &Admin,
    page: PageRequest<String>,
) -> Result<Response, ActionError> {
    let after = page.cursor.map(ConnectionId);
    let (rows, next) = scan_tenant_connections(app, admin, after, page.limit).await?;
    let cursor = |row: &ConnectionRow| row.connection.0.clone();
    Ok(response(&rows, cursor, next.map(|id| id.0)))
}

async fn of_user(
    app: &AppContext,
    admin: &Admin,
    user: &str,
    page: &PageRequest<String>,
) -> Result<Response, ActionError> {
    let cursor = page.cursor.as_deref().map(parse_cursor).transpose()?;
    let start = cursor.map(|cursor| start_key(&cursor, user));
    let (mut rows, more) = app.stores.connections.of_user(user, start).await?;
    let end = rows.last().map(|row| row.connected_at);
    let end = end.filter(|_| more.is_some()).map(after_time);
    // A cursor names no connection of another tenant.
    rows.retain(|row| is_in_tenant(admin, row));
    let limit = page.limit as usize;
    let is_cut = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().map(cursor_after);
    let next = match is_cut {
        true => last,
        false => end.map(|end| last.unwrap_or(end)),
    };
    Ok(response(&rows, cursor_after, next))
}

/// As many of the rows as fit one frame. The next page begins after the last of them (`cursor_after`), or at
/// `next` if all fit.
fn response(
    rows: &[ConnectionRow],
    cursor_after: impl Fn(&ConnectionRow) -> String,
    next: Option<String>,
) -> Response {
    let mut connections: Vec<_> = rows.iter().map(ConnectionView::new).collect();
    connections.truncate(entries_that_fit(&connections));
    let fitting = connections.len();
    let cut = (fitting < rows.len()).then(|| cursor_after(&rows[fitting - 1]));
    Response::Connections {
        connections,
        cursor: cut.or(next),
    }
}

/// The cursor in a user's connections after this one.
fn cursor_after(row: &ConnectionRow) -> String {
    format!("{}~{:.3}", row.connection, row.connected_at)
}

/// The cursor after all of a user's connections up to this time. It names none: `~` comes after all characters of an id.
fn after_time(end: Timestamp) -> String {
    format!("~~{end:.3}")
}

fn parse_cursor(text: &str) -> Result<ConnectionCursor, ErrorResponse> {
    let cursor = || {
        let (id, at) = text.rsplit_once('~')?;
        Some(ConnectionCursor {
            connection: ConnectionId(id.to_owned()),
            connected_at: at.parse().ok()?,
        })
    };
    cursor().ok_or_else(|| ErrorResponse::field("cursor", "'cursor' is not one of ours."))
}
