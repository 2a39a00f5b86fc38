//! `longhaul connections`: who is connected, for whoever runs the stack; closing, clearing, telling.
//!
//! All of them are read from the table as a whole, which no user can trigger: it is the operator's
//! explicit act, billed by the table's size.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use longhaul_shared::clock;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::domain::limits;
use longhaul_shared::messaging::push::{BroadcastOutcome, CleanupOutcome, ConnectionPusher};
use longhaul_shared::protocol;
use longhaul_shared::store::connections::{ConnectionRow, Connections as Table};
use serde_json::{Value, json};

use crate::Ended;
use crate::target::{Site, Target};
use crate::terminal::{age, ago, aligned, printable};

/// As which the calls of these commands show in logs.
const CALLER: &str = "longhaul-connections";

#[derive(Args)]
pub struct Connections {
    #[command(subcommand)]
    command: Command,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Lists a user's connections, or all. All means reading the whole table, billed by its size: half
    /// a read unit for each 4 KB.
    List {
        /// This user's only.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// Those that have closed too, which are kept for a day.
        #[arg(long)]
        closed: bool,
        /// So many of all at most; the last line says how to go on.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
        /// Go on after this connection.
        #[arg(long, value_name = "ID", conflicts_with = "user")]
        after: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Closes a connection. Its client may open the next one.
    Close {
        #[arg(allow_hyphen_values = true)]
        connection: String,
        #[command(flatten)]
        target: Target,
    },
    /// Removes the rows of connections that the gateway no longer knows, among those without activity
    /// for so long; closes those that it does know as idle. Reads the whole table.
    Cleanup {
        /// Without activity for this long: 90s, 15m, 2h, 7d.
        #[arg(long, default_value = "1h", value_name = "AGE", value_parser = age)]
        idle: Duration,
        #[command(flatten)]
        target: Target,
    },
    /// Sends a `system` frame with this text to a user's connections, or to all. All means reading the
    /// whole table.
    Broadcast {
        content: String,
        /// To this user's connections.
        #[arg(long, value_name = "USER", required_unless_present = "all")]
        user: Option<String>,
        /// To every connection.
        #[arg(long, conflicts_with = "user")]
        all: bool,
        #[command(flatten)]
        target: Target,
    },
}

impl Connections {
    pub async fn run(self) -> Result<Ended> {
        let json = self.json;
        match self.command {
            Command::List {
                user,
                closed,
                limit,
                after,
                target,
            } => {
                let table = target.site(CALLER).await?.connections()?;
                let (rows, more) = match user {
                    Some(user) => (of_user(&table, &user, closed).await?, None),
                    None => page(&table, closed, limit as usize, after.map(ConnectionId)).await?,
                };
                list(&rows, more.as_ref(), json)
            }
            Command::Close { connection, target } => {
                let site = target.site(CALLER).await?;
                close(&site, &ConnectionId(connection), json).await
            }
            Command::Cleanup { idle, target } => {
                cleanup(&target.site(CALLER).await?, idle, json).await
            }
            Command::Broadcast {
                content,
                user,
                target,
                ..
            } => broadcast(&target.site(CALLER).await?, &content, user, json).await,
        }
    }
}

fn list(rows: &[ConnectionRow], more: Option<&ConnectionId>, json: bool) -> Result<Ended> {
    if json {
        let connections: Vec<Value> = rows.iter().map(shown).collect();
        let listed = json!({"connections": connections, "more": more.map(|id| &id.0)});
        println!("{}", serde_json::to_string_pretty(&listed)?);
    } else if !rows.is_empty() {
        print!("{}", lines(rows, clock::now()));
    }
    if let Some(more) = more.filter(|_| !json) {
        println!("There may be more: --after '{more}'");
    }
    if rows.is_empty() {
        eprintln!("longhaul: there is no such connection");
        return Ok(Ended::Nothing);
    }
    Ok(Ended::Well)
}

async fn close(site: &Site, connection: &ConnectionId, json: bool) -> Result<Ended> {
    let open = push(site)?.disconnect(connection).await?;
    if json {
        println!("{}", json!({"connectionId": connection.0, "closed": open}));
    } else if open {
        println!("{connection} is closed.");
    } else {
        eprintln!("longhaul: the gateway knows no connection {connection}; its row is removed");
    }
    Ok(if open { Ended::Well } else { Ended::Nothing })
}

async fn cleanup(site: &Site, idle: Duration, json: bool) -> Result<Ended> {
    let (table, push, now) = (&site.connections()?, &push(site)?, clock::now());
    let (mut cleaned, mut after) = (CleanupOutcome::default(), None);
    loop {
        let (rows, next) = table.scan(after.as_ref(), None).await?;
        cleaned.add(push.clean(rows, idle, now).await?);
        after = next;
        if after.is_none() {
            break;
        }
    }
    let CleanupOutcome {
        removed,
        closed,
        kept,
    } = cleaned;
    let looked = removed + closed + kept;
    if json {
        println!(
            "{}",
            json!({"idle": looked, "removed": removed, "closed": closed, "kept": kept})
        );
    } else {
        println!(
            "{looked} rows without activity: {removed} removed, {closed} closed, {kept} in use."
        );
    }
    Ok(Ended::Well)
}

async fn broadcast(site: &Site, content: &str, user: Option<String>, json: bool) -> Result<Ended> {
    let length = content.len();
    ensure!(length > 0, "there is nothing to say: the content is empty");
    ensure!(
        length <= limits::QUERY_BYTES,
        "the content has {length} bytes; a frame takes {}",
        limits::QUERY_BYTES
    );
    let (table, push) = (site.connections()?, push(site)?);
    let frame = protocol::system(content, clock::now());
    let open = |rows: Vec<ConnectionRow>| -> Vec<ConnectionId> {
        let open = rows.into_iter().filter(|row| row.is_open);
        open.map(|row| row.connection).collect()
    };
    let mut heard = BroadcastOutcome::default();
    match user {
        Some(user) => {
            let rows = of_user(&table, &user, false).await?;
            heard.add(push.broadcast(open(rows), &frame).await);
        }
        None => {
            let mut after = None;
            loop {
                let (rows, next) = table.scan(after.as_ref(), None).await?;
                heard.add(push.broadcast(open(rows), &frame).await);
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
    }
    let BroadcastOutcome { sent, gone, lost } = heard;
    if json {
        println!("{}", json!({"sent": sent, "gone": gone, "lost": lost}));
    } else {
        println!("{sent} told, {gone} were gone and are removed, {lost} not reached.");
    }
    Ok(match (sent, lost) {
        (_, 1..) => Ended::Partly,
        (0, _) => Ended::Nothing,
        _ => Ended::Well,
    })
}

fn push(site: &Site) -> Result<ConnectionPusher> {
    let push = site.push()?;
    push.context("say where connections are: --websocket with the stack's output WebSocketUrl")
}

async fn of_user(table: &Table, user: &str, closed: bool) -> Result<Vec<ConnectionRow>> {
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

/// So many rows of all, and the connection to go on after if there may be more.
async fn page(
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

fn lines(rows: &[ConnectionRow], now: Timestamp) -> String {
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
            format!("{} ago", ago(row.connected_at, now)),
            format!("{} ago", ago(row.last_activity, now)),
            printable(row.ip_address.as_deref().unwrap_or("-")),
        ]
    }));
    aligned(&table)
}

/// As an admin is shown it, with what it does not have too, and with its token's end.
fn shown(row: &ConnectionRow) -> Value {
    let mut shown = protocol::connection(row);
    for name in ["userId", "tenantId", "username", "disconnectedAt"] {
        shown[name] = shown[name].take();
    }
    shown["expiresAt"] = row.expires_at.map(|at| format!("{at:.3}")).into();
    shown
}

fn status(row: &ConnectionRow) -> &'static str {
    if row.is_open {
        "CONNECTED"
    } else {
        "DISCONNECTED"
    }
}
