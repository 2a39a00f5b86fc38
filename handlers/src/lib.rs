//! The functions behind the WebSocket API and its clock: the table of contents.
//!
//! | `_HANDLER` | invoked by | does |
//! | --- | --- | --- |
//! | `authorize` | API Gateway, before `$connect` | token to identity |
//! | `connection` | `$connect`, `$disconnect` | keeps the connection's row |
//! | `deliver` | the queue of deliveries | what waits in an inbox to a new connection |
//! | `message` | `$default` | one action of PROTOCOL |
//! | `publish` | the queue of what back ends publish | begins a fan-out |
//! | `fanout` | the queue of pages | tells a page of subscribers |
//! | `sweep` | the schedule, each minute | mends what a crash left half done |

mod actions;
mod authorize;
mod caller_identity;
mod connect_policy;
mod connection;
mod deliver;
mod fanout;
mod message;
mod publish;
mod quota;
mod sweep;
mod unauthenticated_reaper;

use anyhow::{Result, bail};
use longhaul_shared::settings::Environment;
use longhaul_shared::telemetry;

/// What counts as proof of who is speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityMode {
    /// A verified token and nothing else.
    Tokens,
    /// A claim too: for local development, where the binary that does it is never deployed.
    Claims,
}

/// Serves invocations of the function that `_HANDLER` names, until the process is ended.
pub async fn run(config: Environment, trust: IdentityMode) -> Result<()> {
    telemetry::start(&config)?;
    let served = match config.required("_HANDLER")? {
        "authorize" => authorize::serve(&config, trust).await,
        "connection" => connection::serve(&config).await,
        "deliver" => deliver::serve(&config).await,
        "message" => message::serve(&config, trust).await,
        "publish" => publish::serve(&config).await,
        "fanout" => fanout::serve(&config).await,
        "sweep" => sweep::serve(&config).await,
        other => bail!("_HANDLER names no function of this binary: {other}"),
    };
    served.map_err(|error| anyhow::anyhow!(error))
}
