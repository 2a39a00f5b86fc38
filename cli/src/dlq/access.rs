//! The stack whose dead letters are looked at: in AWS, or the embedded cloud that runs here.
//!
//! The same calls either way; only where they go differs. Names are the template's, under the
//! project's.

use anyhow::{Context, Result};
use aws_sdk_sqs::Client;
use clap::Args;
use longhaul_local::plan::REGION;
use longhaul_shared::config::Config;
use longhaul_shared::connections::Connections;
use longhaul_shared::dispatch::Dispatch;
use longhaul_shared::jobs::Jobs;
use longhaul_shared::push::Push;
use longhaul_shared::sdk;

use crate::dlq::queue::Queue;
use crate::stack::Place;

/// As which the calls of these commands show in logs.
const CALLER: &str = "longhaul-dlq";

/// Which stack.
#[derive(Args)]
pub struct Target {
    /// Work on the stack in AWS that the environment's profile and region lead to, and not on the
    /// embedded cloud.
    #[arg(long)]
    aws: bool,
    /// The stack's ProjectName, which its tables and queues begin with.
    #[arg(long, default_value = "longhaul", value_name = "NAME")]
    project: String,
    /// The stack's WebSocketUrl: followers are told there at once that their job is queued again.
    /// Without it (and with --aws) they hear of it when a worker takes the job.
    #[arg(long, value_name = "URL")]
    websocket: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// A stack, opened.
pub struct Access {
    pub letters: Queue,
    pub jobs: Jobs,
    pub dispatch: Dispatch,
    /// `None` where nobody said where connections are.
    pub push: Option<Push>,
}

impl Target {
    pub async fn open(&self) -> Result<Access> {
        let (sdk, websocket) = if self.aws {
            (sdk::for_command(CALLER, None).await, self.websocket.clone())
        } else {
            let running = self.place.found()?;
            let sdk = sdk::for_command(CALLER, Some((&running.aws, REGION))).await;
            let prod = || format!("{}/prod", running.gateway);
            (sdk, Some(self.websocket.clone().unwrap_or_else(prod)))
        };
        let sqs = Client::new(&sdk);
        let dynamo = aws_sdk_dynamodb::Client::new(&sdk);
        let named = |name: &str| format!("{}-{name}", self.project);
        let jobs_queue = Queue::open(&sqs, &named("jobs")).await?;
        // wss is to https what ws is to http.
        let management = websocket.map(|url| url.replacen("ws", "http", 1));
        let config = Config::given([
            ("JOBS_TABLE", named("jobs")),
            ("JOBS_QUEUE_URL", jobs_queue.url().to_owned()),
            ("CONNECTIONS_TABLE", named("connections")),
            (
                "CONNECTIONS_ENDPOINT",
                management.clone().unwrap_or_default(),
            ),
        ]);
        let connections = Connections::open(&config, &dynamo)?;
        let push = management
            .map(|_| Push::open(&config, &sdk, connections))
            .transpose()
            .context("--websocket")?;
        Ok(Access {
            letters: Queue::open(&sqs, &named("jobs-dlq")).await?,
            jobs: Jobs::open(&config, &dynamo)?,
            dispatch: Dispatch::open(&config, &sdk, "JOBS_QUEUE_URL")?,
            push,
        })
    }
}
