//! Closes a connection.

use anyhow::Result;
use longhaul_shared::domain::ids::ConnectionId;
use serde_json::json;

use crate::exit_status::ExitStatus;
use crate::target::AwsContext;

pub async fn run(aws: &AwsContext, connection: &ConnectionId, json: bool) -> Result<ExitStatus> {
    let was_open = aws.required_pusher()?.disconnect(connection).await?;
    if json {
        println!(
            "{}",
            json!({"connectionId": connection.0, "closed": was_open})
        );
    } else if was_open {
        println!("{connection} is closed.");
    } else {
        eprintln!("longhaul: the gateway has no connection {connection}; its row was removed");
    }
    Ok(if was_open {
        ExitStatus::Success
    } else {
        ExitStatus::NotFound
    })
}
