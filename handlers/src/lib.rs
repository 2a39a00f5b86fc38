//! The functions behind the WebSocket API, and its sweep.
//!
//! | `_HANDLER` | invoked by | does |
//! | --- | --- | --- |
//! | `authorize` | API Gateway, before `$connect` | verifies the token |
//! | `connection` | `$connect`, `$disconnect` | writes the connection's row |
//! | `deliver` | the queue of inbox deliveries | pushes a user's inbox to a new connection |
//! | `message` | `$default` | runs one action |
//! | `publish` | the queue of back ends' publications | begins a fan-out |
//! | `fanout` | the queue of fan-out pages | pushes to a page of subscribers |
//! | `sweep` | the schedule, each minute | repeats what a crash left undone |

mod action;
mod actions;
mod administration;
mod app_context;
mod authorize;
mod batch;
mod caller;
mod caller_identity;
mod closed_connections;
mod connect_policy;
mod connection;
mod connection_end;
mod connection_identity;
mod connection_reaper;
mod deliver;
mod fanout;
mod frame;
mod message;
mod publish;
mod quota;
mod session_log;
mod session_lookup;
pub mod settings;
mod submit;
mod sweep;
mod token_settings;

use std::pin::Pin;

pub use connect_policy::is_origin;

use anyhow::{Result, bail};
use lambda_runtime::Error;
use longhaul_shared::protocol::ErrorResponse;
use longhaul_shared::settings::{Environment, Settings};
use longhaul_shared::telemetry;

/// What proves an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityMode {
    /// A verified token only.
    Tokens,
    /// Also a mere claim, for local development. No deployed binary uses it.
    Claims,
}

/// Serves invocations of the function that `_HANDLER` names, until the process is ended.
pub async fn run(environment: Environment, identity_mode: IdentityMode) -> Result<()> {
    telemetry::start(&environment)?;
    let function = settings::FunctionSettings::read(&environment)?;
    // On the heap, so that the compiler need not compute the size of all functions' futures for the caller.
    let served: Pin<Box<dyn Future<Output = std::result::Result<(), Error>> + '_>> =
        match function.handler.as_str() {
            "authorize" => Box::pin(authorize::serve(&environment, identity_mode)),
            "connection" => Box::pin(connection::serve(&environment)),
            "deliver" => Box::pin(deliver::serve(&environment)),
            "message" => Box::pin(message::serve(&environment, identity_mode)),
            "publish" => Box::pin(publish::serve(&environment)),
            "fanout" => Box::pin(fanout::serve(&environment)),
            "sweep" => Box::pin(sweep::serve(&environment)),
            other => bail!("_HANDLER names no function of this binary: {other}"),
        };
    served.await.map_err(|error| anyhow::anyhow!(error))
}

/// Parses a client's frame and does nothing more.
///
/// # Errors
/// The frame is no action, or one of its fields is invalid.
pub fn check_frame(text: &str) -> Result<(), ErrorResponse> {
    let parsed = action::ParsedFrame::parse(text, actions::TABLE);
    parsed.action.map(drop)
}
