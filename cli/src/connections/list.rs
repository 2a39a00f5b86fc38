//! Lists connections, as a table or as JSON.

use anyhow::Result;
use jiff::Timestamp;
use longhaul_shared::clock;
use longhaul_shared::domain::connection::ConnectionRow;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::protocol::response::ConnectionView;
use longhaul_shared::store::connections::Connections as Table;
use serde_json::{Value, json};

use crate::exit_status::ExitStatus;
use crate::terminal::{aligned, elapsed, printable};

/// The user's connections of every tenant.
pub async fn by_user(table: &Table, user: &str, closed: bool) -> Result<Vec<ConnectionRow>> {
    let (mut all, mut start) = (vec![], None);
    loop {
        let (rows, next) = table.of_user(user, start).await?;
        all.extend(rows.into_iter().filter(|row| closed || row.is_open));
        start = next;
        if start.is_none() {
            return Ok(all);
        }
    }
}

/// At most `limit` connections of all users, and the cursor of the next page if there may be more.
pub async fn page(
    table: &Table,
    closed: bool,
    limit: usize,
    mut after: Option<ConnectionId>,
) -> Result<(Vec<ConnectionRow>, Option<ConnectionId>)> {
    let mut all: Vec<ConnectionRow> = vec![];
    loop {
        let (rows, next) = table.scan(after.as_ref(), None).await?;
        all.extend(rows.into_iter().filter(|row| closed || row.is_open));
        if all.len() > limit {
            all.truncate(limit);
            after = all.last().map(|row| row.connection.clone());
            return Ok((all, after));
        }
        after = next;
        if after.is_none() || all.len() == limit {
            return Ok((all, after));
        }
    }
}

pub fn print(
    rows: &[ConnectionRow],
    next: Option<&ConnectionId>,
    json: bool,
) -> Result<ExitStatus> {
    if json {
        let connections: Vec<Value> = rows.iter().map(to_json).collect();
        let listed = json!({"connections": connections, "more": next.map(|id| &id.0)});
        println!("{}", serde_json::to_string_pretty(&listed)?);
    } else if rows.is_empty() {
        println!("No connection.");
    } else {
        print!("{}", table(rows, clock::now()));
    }
    if let Some(next) = next.filter(|_| !json) {
        println!("Next page: --after '{next}'");
    }
    Ok(ExitStatus::Success)
}

fn table(rows: &[ConnectionRow], now: Timestamp) -> String {
    let head = [
        "CONNECTION",
        "STATUS",
        "USER",
        "TENANT",
        "CONNECTED",
        "ACTIVE",
        "FROM",
    ];
    let mut table = vec![head.map(String::from)];
    table.extend(rows.iter().map(|row| {
        let owner = row.owner.as_ref();
        let tenant = owner.and_then(|owner| owner.tenant.as_deref());
        [
            row.connection.0.clone(),
            status(row).to_owned(),
            printable(owner.map_or("-", |owner| &owner.user)),
            printable(tenant.unwrap_or("-")),
            format!("{} ago", elapsed(row.connected_at, now)),
            format!("{} ago", elapsed(row.last_activity, now)),
            printable(row.ip_address.as_deref().unwrap_or("-")),
        ]
    }));
    aligned(&table)
}

/// The connection as admins receive it, with `null` for absent fields, and with the times of its token.
fn to_json(row: &ConnectionRow) -> Value {
    let view = ConnectionView::new(row);
    let mut value = serde_json::to_value(view).unwrap_or_default();
    for name in ["userId", "tenantId", "username", "disconnectedAt"] {
        value[name] = value[name].take();
    }
    value["issuedAt"] = row.issued_at.map(|at| format!("{at:.3}")).into();
    value["expiresAt"] = row.expires_at.map(|at| format!("{at:.3}")).into();
    value
}

fn status(row: &ConnectionRow) -> &'static str {
    if row.is_open {
        "CONNECTED"
    } else {
        "DISCONNECTED"
    }
}
