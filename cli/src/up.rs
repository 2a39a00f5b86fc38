//! `longhaul up`: runs the embedded cloud until Ctrl-C or SIGTERM.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use longhaul_local::cloud::{EmbeddedCloud, FrameDelay, GatewayOverrides};
use tokio::signal::unix::{SignalKind, signal};

use crate::source_tree;
use crate::stack::{DataDirArgs, StartArgs};

#[derive(Args)]
pub struct Up {
    /// Port of the WebSocket gateway. 0: any free port.
    #[arg(long, default_value_t = 3001)]
    port: u16,
    /// Port of the AWS endpoint. 0: any free port.
    #[arg(long, default_value_t = 4566)]
    aws_port: u16,
    #[command(flatten)]
    data_dir: DataDirArgs,
    #[command(flatten)]
    start: StartArgs,
    #[command(flatten)]
    test: TestOptions,
}

/// What tests and benchmarks change about the gateway.
#[derive(Args)]
struct TestOptions {
    /// Seconds without a frame after which a WebSocket is closed. Default: 600.
    #[arg(long, value_name = "SECONDS", hide = true, value_parser = clap::value_parser!(u64).range(1..))]
    idle_seconds: Option<u64>,
    /// Seconds after which a WebSocket is closed in any case. Default: 7200.
    #[arg(long, value_name = "SECONDS", hide = true, value_parser = clap::value_parser!(u64).range(1..))]
    life_seconds: Option<u64>,
    /// Turn off the throttle of the template's stage.
    #[arg(long, hide = true)]
    no_throttle: bool,
    /// Delay each frame that contains TEXT by this number of milliseconds. Repeatable.
    #[arg(long = "delay-frames", value_name = "TEXT=MILLISECONDS", hide = true, value_parser = parse_delay)]
    delays: Vec<FrameDelay>,
}

impl TestOptions {
    fn gateway_overrides(&self) -> GatewayOverrides {
        let default = GatewayOverrides::default();
        let seconds = |seconds: Option<u64>, default| seconds.map_or(default, Duration::from_secs);
        GatewayOverrides {
            idle_timeout: seconds(self.idle_seconds, default.idle_timeout),
            max_connection_age: seconds(self.life_seconds, default.max_connection_age),
            throttling_enabled: !self.no_throttle,
            frame_delays: self.delays.clone(),
        }
    }
}

fn parse_delay(text: &str) -> Result<FrameDelay, String> {
    let (text, by) = text.rsplit_once('=').ok_or("expected TEXT=MILLISECONDS")?;
    let by = by
        .parse()
        .map_err(|_| "expected a number of milliseconds")?;
    Ok(FrameDelay {
        text: text.to_owned(),
        delay: Duration::from_millis(by),
    })
}

impl Up {
    pub async fn run(self) -> Result<()> {
        let overrides = self.test.gateway_overrides();
        let cloud = self
            .data_dir
            .start_new(&self.start, self.port, self.aws_port, overrides)
            .await?;
        self.print_endpoints(&cloud);
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminated.recv() => {}
        }
        cloud.stop().await;
        Ok(())
    }

    /// Prints a line for each endpoint, two commands to paste, and `READY` once every endpoint answers.
    fn print_endpoints(&self, cloud: &EmbeddedCloud) {
        let (gateway, aws) = (&cloud.endpoints.gateway, &cloud.endpoints.aws);
        let data = self.data_dir.as_options();
        let table = cloud
            .spec
            .outputs
            .get("JobsTableName")
            .map_or("longhaul-jobs", String::as_str);
        if self.start.trust_claims {
            eprintln!("WARNING: claimed identities are accepted without a token (--trust-claims).");
        }
        println!("WebSocket  {gateway}");
        println!("AWS        {aws}");
        println!("Console    {}", console(gateway));
        println!("data       {}", self.data_dir.data.display());
        println!();
        println!(
            "Connect:    wscat -c \"{gateway}?token=$({} token --user alice{data})\"",
            source_tree::command()
        );
        println!(
            "List jobs:  AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local aws dynamodb scan --table-name {table} --endpoint-url {aws} --region us-east-1"
        );
        println!();
        println!("Resources without a local effect: {}", inert_types(cloud));
        if !cloud.orphaned_resources.is_empty() {
            println!(
                "In the data folder, but not in the template: {}",
                cloud.orphaned_resources.join(", ")
            );
        }
        println!("READY");
    }
}

/// The console's URL, or the command that builds the console, which needs Node.
fn console(gateway: &str) -> String {
    if source_tree::console().join("index.html").exists() {
        gateway.replacen("ws", "http", 1)
    } else {
        "not built: (cd web/console && npm ci && npm run build)".to_owned()
    }
}

/// The types of the template's resources that have no local effect, each once.
fn inert_types(cloud: &EmbeddedCloud) -> String {
    let mut types: Vec<&str> = cloud
        .spec
        .inert
        .iter()
        .map(|(_, kind)| kind.as_str())
        .collect();
    types.sort_unstable();
    types.dedup();
    types.join(", ")
}
