//! `longhaul up`: keeps the embedded cloud running until it is told to stop.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use longhaul_local::cloud::{EmbeddedCloud, FrameDelay, GatewayOverrides};
use tokio::signal::unix::{SignalKind, signal};

use crate::stack::{self, Place, Start};

#[derive(Args)]
pub struct Up {
    /// The port of the WebSocket gateway; 0 chooses a free one.
    #[arg(long, default_value_t = 3001)]
    port: u16,
    /// The port of the AWS endpoint; 0 chooses a free one.
    #[arg(long, default_value_t = 4566)]
    aws_port: u16,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    start: Start,
    #[command(flatten)]
    hastened: Hastened,
}

/// What tests and benchmarks change of the gateway.
#[derive(Args)]
struct Hastened {
    /// Close a WebSocket after so long without a frame, in place of 10 minutes.
    #[arg(long, value_name = "SECONDS", hide = true, value_parser = clap::value_parser!(u64).range(1..))]
    idle_seconds: Option<u64>,
    /// Close a WebSocket after so long in any case, in place of 2 hours.
    #[arg(long, value_name = "SECONDS", hide = true, value_parser = clap::value_parser!(u64).range(1..))]
    life_seconds: Option<u64>,
    /// Lift the throttle of the template's stage.
    #[arg(long, hide = true)]
    no_throttle: bool,
    /// Handle each frame that contains TEXT so much later; may be repeated.
    #[arg(long = "delay-frames", value_name = "TEXT=MILLISECONDS", hide = true, value_parser = delay)]
    delays: Vec<FrameDelay>,
}

impl Hastened {
    fn gateway_overrides(&self) -> GatewayOverrides {
        let usual = GatewayOverrides::default();
        GatewayOverrides {
            idle_timeout: self
                .idle_seconds
                .map_or(usual.idle_timeout, Duration::from_secs),
            max_connection_age: self
                .life_seconds
                .map_or(usual.max_connection_age, Duration::from_secs),
            throttling_enabled: !self.no_throttle,
            frame_delays: self.delays.clone(),
        }
    }
}

fn delay(text: &str) -> Result<FrameDelay, String> {
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
        let cloud = self
            .place
            .own(
                &self.start,
                self.port,
                self.aws_port,
                self.hastened.gateway_overrides(),
            )
            .await?;
        self.tell(&cloud);
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminated.recv() => {}
        }
        cloud.stop().await;
        Ok(())
    }

    /// A line per endpoint, two commands to paste, and `READY` once everything answers.
    fn tell(&self, cloud: &EmbeddedCloud) {
        let (gateway, aws) = (&cloud.endpoints.gateway, &cloud.endpoints.aws);
        let data = self.place.options();
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
        println!("data       {}", self.place.data.display());
        println!();
        println!(
            "Talk to it:    wscat -c \"{gateway}?token=$(cargo run -q -- token --user alice{data})\""
        );
        println!(
            "Look at jobs:  AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local aws dynamodb scan --table-name {table} --endpoint-url {aws} --region us-east-1"
        );
        println!();
        println!("Only in AWS, and without effect here: {}", inert(cloud));
        if !cloud.orphaned_resources.is_empty() {
            println!(
                "Kept, but not in the template: {}",
                cloud.orphaned_resources.join(", ")
            );
        }
        println!("READY");
    }
}

/// Where the console is, or how it comes to be there: it needs Node, which nothing else here does.
fn console(gateway: &str) -> String {
    if stack::console().join("index.html").exists() {
        gateway.replacen("ws", "http", 1)
    } else {
        "not built: (cd web/console && npm ci && npm run build)".to_owned()
    }
}

/// The types of the template's resources that have no local effect, each once.
fn inert(cloud: &EmbeddedCloud) -> String {
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
