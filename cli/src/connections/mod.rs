//! `longhaul connections`: lists and closes connections of any user, removes stale rows, and sends `system` frames.

mod broadcast;
mod cleanup;
mod close;
mod list;

use std::time::Duration;

use anyhow::Result;
use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Subcommand};
use jiff::Timestamp;
use longhaul_shared::domain::ids::ConnectionId;

use crate::exit_status::ExitStatus;
use crate::target::Target;
use crate::terminal::parse_duration;

/// The caller's name in the logs of AWS calls.
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
    /// Lists the connections of a user, or all. Without --user it reads the whole table, which is billed
    /// by its size: half a read unit for each 4 KB.
    List {
        /// User id; lists only that user's connections.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// Include closed connections, whose rows are kept for a day.
        #[arg(long)]
        closed: bool,
        /// Maximum number of rows without --user. The last line prints the cursor of the next page.
        #[arg(long, default_value_t = 100, conflicts_with = "user", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
        /// Cursor: list the connections after this one.
        #[arg(long, value_name = "ID", conflicts_with = "user")]
        after: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Closes a connection, or all those of a user or of a withdrawn key. Their clients may connect again with any
    /// token that is still valid. --issued-before without --user reads the whole table.
    #[command(group = ArgGroup::new("closed").required(true).multiple(true).args(["connection", "user", "issued_before"]))]
    Close {
        /// Id of the connection.
        #[arg(allow_hyphen_values = true, conflicts_with_all = ["user", "issued_before"])]
        connection: Option<String>,
        /// User id; closes that user's connections.
        #[arg(long, value_name = "USER", value_parser = NonEmptyStringValueParser::new())]
        user: Option<String>,
        /// Close the connections whose token was issued before this time, such as 2026-11-21T12:00:00Z, or does
        /// not say when.
        #[arg(long, value_name = "TIME")]
        issued_before: Option<Timestamp>,
        #[command(flatten)]
        target: Target,
    },
    /// Checks each connection without recent activity with the gateway: removes the rows of closed ones
    /// and closes the idle ones. Reads the whole table.
    Cleanup {
        /// Time without activity, such as 90s, 15m, 2h or 7d.
        #[arg(long, default_value = "1h", value_name = "AGE", value_parser = parse_duration)]
        idle: Duration,
        #[command(flatten)]
        target: Target,
    },
    /// Sends a `system` frame to the connections of a user, or to all. --all reads the whole table.
    #[command(group = ArgGroup::new("receivers").required(true).args(["user", "all"]))]
    Broadcast {
        /// Text of the frame.
        content: String,
        /// User id; sends to that user's connections.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// Send to every connection.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        target: Target,
    },
}

impl Connections {
    pub async fn run(self) -> Result<ExitStatus> {
        let json = self.json;
        match self.command {
            Command::List {
                user,
                closed,
                limit,
                after,
                target,
            } => {
                let table = target.open(CALLER).await?.connections();
                let (rows, next) = match user {
                    Some(user) => (list::by_user(&table, &user, closed).await?, None),
                    None => {
                        let after = after.map(ConnectionId);
                        list::page(&table, closed, limit as usize, after).await?
                    }
                };
                list::print(&rows, next.as_ref(), json)
            }
            Command::Close {
                connection,
                user,
                issued_before,
                target,
            } => {
                let aws = target.open(CALLER).await?;
                match connection {
                    Some(connection) => close::one(&aws, &ConnectionId(connection), json).await,
                    None => close::several(&aws, user.as_deref(), issued_before, json).await,
                }
            }
            Command::Cleanup { idle, target } => {
                cleanup::run(&target.open(CALLER).await?, idle, json).await
            }
            Command::Broadcast {
                content,
                user,
                target,
                ..
            } => broadcast::run(&target.open(CALLER).await?, &content, user, json).await,
        }
    }
}
