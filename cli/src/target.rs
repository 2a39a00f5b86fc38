//! The stack that a command works on, in AWS or the embedded cloud, and its clients.
//!
//! Both get the same calls. Resources have the names of the template: `<ProjectName>-<name>`.

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use clap::Args;
use longhaul_local::stack_spec::REGION;
use longhaul_shared::aws::clients::{self, AwsClients};
use longhaul_shared::aws::dynamo::Dynamo;
use longhaul_shared::domain::limits;
use longhaul_shared::messaging::job_queue::JobQueue;
use longhaul_shared::messaging::push::ConnectionPusher;
use longhaul_shared::orchestration::job_end_notifier::JobEndNotifier;
use longhaul_shared::orchestration::job_replayer::JobReplayer;
use longhaul_shared::orchestration::turn_scheduler::TurnScheduler;
use longhaul_shared::store::connections::Connections;
use longhaul_shared::store::event_log::EventLog;
use longhaul_shared::store::jobs::Jobs;
use longhaul_shared::store::results::Results;
use longhaul_shared::store::sessions::Sessions;

use crate::stack::DataDirArgs;
use crate::terminal::shell_word;

const DEFAULT_PROJECT: &str = "longhaul";

/// Options that select a stack.
#[derive(Args, Clone)]
pub struct Target {
    /// Use the stack in AWS that the environment's profile and region select, instead of the embedded cloud.
    #[arg(long, conflicts_with = "data")]
    pub aws: bool,
    /// ProjectName of the stack, the prefix of its tables and queues.
    #[arg(long, default_value = DEFAULT_PROJECT, value_name = "NAME")]
    pub project: String,
    /// WebSocketUrl of the stack, for pushes to connections. With --aws and without it, followers learn of a
    /// change from the sweep, or when a worker claims their job.
    #[arg(long, value_name = "URL")]
    pub websocket: Option<String>,
    #[command(flatten)]
    pub data_dir: DataDirArgs,
}

/// The clients of a stack's services.
pub struct AwsContext {
    pub clients: AwsClients,
    pub dynamo: Dynamo,
    pub sqs: aws_sdk_sqs::Client,
    /// The management endpoint of its connections; `None` with --aws and without --websocket.
    pub management: Option<String>,
    /// The embedded cloud's AWS endpoint; `None` in AWS.
    pub local: Option<String>,
    project: String,
}

impl Target {
    /// The options that select this stack, for a command to paste.
    pub fn as_options(&self) -> String {
        let mut options = match self.aws {
            true => String::from(" --aws"),
            false => self.data_dir.as_options(),
        };
        if self.project != DEFAULT_PROJECT {
            options.push_str(&format!(" --project {}", shell_word(&self.project)));
        }
        if let Some(url) = &self.websocket {
            options.push_str(&format!(" --websocket {}", shell_word(url)));
        }
        options
    }

    /// Creates the clients. `caller` is the caller's name in the logs of AWS calls.
    ///
    /// # Errors
    /// No embedded cloud runs on the data folder, or no region is configured for AWS. No call is made to AWS yet.
    pub async fn open(&self, caller: &'static str) -> Result<AwsContext> {
        let (clients, websocket, local) = if self.aws {
            let clients = clients::for_command(caller, None).await;
            ensure!(
                clients.region().is_some(),
                "no AWS region is configured: set AWS_REGION, or the region of the profile"
            );
            (clients, self.websocket.clone(), None)
        } else {
            let running = self.data_dir.running_endpoints()?;
            let clients = clients::for_command(caller, Some((&running.aws, REGION))).await;
            let prod = || format!("{}/prod", running.gateway);
            let websocket = self.websocket.clone().unwrap_or_else(prod);
            (clients, Some(websocket), Some(running.aws))
        };
        Ok(AwsContext {
            dynamo: Dynamo::open(&clients).await?,
            sqs: aws_sdk_sqs::Client::new(&clients),
            // Also turns wss into https.
            management: websocket.map(|url| url.replacen("ws", "http", 1)),
            local,
            project: self.project.clone(),
            clients,
        })
    }
}

impl AwsContext {
    /// `<ProjectName>-<name>`.
    pub fn resource_name(&self, name: &str) -> String {
        format!("{}-{name}", self.project)
    }

    pub fn jobs(&self) -> Jobs {
        Jobs::new(&self.dynamo, self.resource_name("jobs"))
    }

    pub fn connections(&self) -> Connections {
        Connections::new(&self.dynamo, self.resource_name("connections"))
    }

    /// `None` without a management endpoint.
    pub fn pusher(&self) -> Option<ConnectionPusher> {
        let endpoint = self.management.as_ref()?;
        let connections = self.connections();
        Some(ConnectionPusher::new(&self.clients, endpoint, connections))
    }

    pub async fn job_queue(&self) -> Result<JobQueue> {
        let url = self.queue_url("jobs").await?;
        Ok(JobQueue::new(&self.clients, url))
    }

    pub async fn job_replayer(&self) -> Result<JobReplayer> {
        Ok(JobReplayer {
            jobs: self.jobs(),
            job_queue: self.job_queue().await?,
            pusher: self.pusher(),
        })
    }

    pub async fn event_log(&self) -> Result<EventLog> {
        let bucket = self.results_bucket().await?;
        let results = Results::new(&self.clients, bucket, limits::RESULT_URL);
        let table = self.resource_name("job-events");
        Ok(EventLog::new(&self.dynamo, table, results))
    }

    /// `None` without a management endpoint.
    pub async fn job_end_notifier(&self) -> Result<Option<JobEndNotifier>> {
        let Some(pusher) = self.pusher() else {
            return Ok(None);
        };
        let (jobs, event_log) = (self.jobs(), self.event_log().await?);
        Ok(Some(JobEndNotifier {
            turns: TurnScheduler {
                sessions: Sessions::new(&self.dynamo, self.resource_name("sessions")),
                jobs: jobs.clone(),
                event_log: event_log.clone(),
                job_queue: self.job_queue().await?,
            },
            jobs,
            event_log,
            pusher,
            dead_letters: None,
        }))
    }

    /// # Errors
    /// There is no management endpoint.
    pub fn required_pusher(&self) -> Result<ConnectionPusher> {
        self.pusher()
            .context("this needs --websocket with the stack's output WebSocketUrl")
    }

    pub async fn queue_url(&self, name: &str) -> Result<String> {
        let name = self.resource_name(name);
        let response = self.sqs.get_queue_url().queue_name(&name).send().await;
        response
            .map_err(|error| error.into_service_error())
            .with_context(|| format!("looking up the queue {name}"))?
            .queue_url
            .context("SQS returned no queue URL")
    }

    /// The ARN of the topic that the template calls `<ProjectName>-<name>`.
    pub async fn topic_arn(&self, name: &str) -> Result<String> {
        let [partition, region, account] = self.account_info().await?;
        let name = self.resource_name(name);
        Ok(format!("arn:{partition}:sns:{region}:{account}:{name}"))
    }

    /// The bucket's name holds the account and the region.
    async fn results_bucket(&self) -> Result<String> {
        let [_, region, account] = self.account_info().await?;
        Ok(self.resource_name(&format!("results-{account}-{region}")))
    }

    /// Partition, region and account, read from a queue's ARN.
    async fn account_info(&self) -> Result<[String; 3]> {
        let get = self.sqs.get_queue_attributes();
        let get = get.queue_url(self.queue_url("jobs").await?);
        let response = get.attribute_names(Attribute::QueueArn).send().await;
        let response = response
            .map_err(|error| error.into_service_error())
            .context("reading the queue's attributes")?;
        let attributes = response.attributes.unwrap_or_default();
        let arn = attributes.get(&Attribute::QueueArn);
        let parts: Vec<&str> = arn.map(|arn| arn.split(':').collect()).unwrap_or_default();
        let [_, partition, _, region, account, _] = parts[..] else {
            anyhow::bail!("SQS returned no ARN of the queue");
        };
        Ok([partition, region, account].map(str::to_owned))
    }
}
