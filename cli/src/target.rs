//! The stack that an operator's command works on: in AWS, or the embedded cloud that runs here.
//!
//! The same calls either way; only where they go differs. Names are the template's, under the
//! project's. What a command does there is not known here.

use anyhow::{Context, Result};
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
use longhaul_shared::settings::Environment;
use longhaul_shared::store::connections::Connections;
use longhaul_shared::store::event_log::EventLog;
use longhaul_shared::store::jobs::Jobs;
use longhaul_shared::store::sessions::Sessions;
use longhaul_shared::store::sessions::turn_scheduler::TurnScheduler;

use crate::stack::Place;

/// Which stack.
#[derive(Args, Clone)]
pub struct Target {
    /// Work on the stack in AWS that the environment's profile and region lead to, and not on the
    /// embedded cloud.
    #[arg(long)]
    pub aws: bool,
    /// The stack's ProjectName, which its tables and queues begin with.
    #[arg(long, default_value = "longhaul", value_name = "NAME")]
    pub project: String,
    /// The stack's WebSocketUrl: connections are reached there. Without it (and with --aws) followers
    /// hear of a change from the sweep, or when a worker takes their job.
    #[arg(long, value_name = "URL")]
    pub websocket: Option<String>,
    #[command(flatten)]
    pub place: Place,
}

/// A stack's services.
pub struct Site {
    pub sdk: AwsClients,
    pub dynamo: Dynamo,
    pub sqs: aws_sdk_sqs::Client,
    /// The management endpoint of its connections; `None` where nobody said where they are.
    pub management: Option<String>,
    /// The embedded cloud's AWS endpoint; `None` in AWS.
    pub local: Option<String>,
    project: String,
}

impl Target {
    /// Calls show in logs as made by `caller`.
    ///
    /// # Errors
    /// Where no embedded cloud runs on the data folder. AWS is not asked yet.
    pub async fn site(&self, caller: &'static str) -> Result<Site> {
        let (sdk, websocket, local) = if self.aws {
            let sdk = clients::for_command(caller, None).await;
            (sdk, self.websocket.clone(), None)
        } else {
            let running = self.place.found()?;
            let sdk = clients::for_command(caller, Some((&running.aws, REGION))).await;
            let prod = || format!("{}/prod", running.gateway);
            let websocket = self.websocket.clone().unwrap_or_else(prod);
            (sdk, Some(websocket), Some(running.aws))
        };
        Ok(Site {
            dynamo: Dynamo::open(&sdk).await?,
            sqs: aws_sdk_sqs::Client::new(&sdk),
            // wss is to https what ws is to http.
            management: websocket.map(|url| url.replacen("ws", "http", 1)),
            local,
            project: self.project.clone(),
            sdk,
        })
    }
}

impl Site {
    /// What the template calls `<ProjectName>-<name>`.
    pub fn named(&self, name: &str) -> String {
        format!("{}-{name}", self.project)
    }

    pub fn jobs(&self) -> Result<Jobs> {
        let config = Environment::given([("JOBS_TABLE", self.named("jobs"))]);
        Ok(Jobs::open(&config, &self.dynamo)?)
    }

    pub fn connections(&self) -> Result<Connections> {
        let config = Environment::given([("CONNECTIONS_TABLE", self.named("connections"))]);
        Ok(Connections::open(&config, &self.dynamo)?)
    }

    /// `None` where nobody said where connections are.
    pub fn push(&self) -> Result<Option<ConnectionPusher>> {
        let Some(endpoint) = &self.management else {
            return Ok(None);
        };
        let config = Environment::given([("CONNECTIONS_ENDPOINT", endpoint.clone())]);
        let push = ConnectionPusher::open(&config, &self.sdk, self.connections()?);
        push.map(Some).context("--websocket")
    }

    pub async fn dispatch(&self) -> Result<JobQueue> {
        let url = self.queue_url("jobs").await?;
        let config = Environment::given([("JOBS_QUEUE_URL", url)]);
        Ok(JobQueue::open(&config, &self.sdk, "JOBS_QUEUE_URL")?)
    }

    pub async fn replays(&self) -> Result<JobReplayer> {
        Ok(JobReplayer {
            jobs: self.jobs()?,
            dispatch: self.dispatch().await?,
            push: self.push()?,
        })
    }

    pub async fn events(&self) -> Result<EventLog> {
        let config = Environment::given([
            ("JOB_EVENTS_TABLE", self.named("job-events")),
            ("RESULTS_BUCKET", self.results_bucket().await?),
            (
                "RESULT_URL_SECONDS",
                limits::RESULT_URL.as_secs().to_string(),
            ),
        ]);
        Ok(EventLog::open(&config, &self.sdk, &self.dynamo)?)
    }

    /// `None` where nobody said where connections are.
    pub async fn announcer(&self) -> Result<Option<JobEndNotifier>> {
        let Some(push) = self.push()? else {
            return Ok(None);
        };
        let (jobs, events) = (self.jobs()?, self.events().await?);
        let sessions = Environment::given([("SESSIONS_TABLE", self.named("sessions"))]);
        Ok(Some(JobEndNotifier {
            turns: TurnScheduler {
                sessions: Sessions::open(&sessions, &self.dynamo)?,
                jobs: jobs.clone(),
                events: events.clone(),
                dispatch: self.dispatch().await?,
            },
            jobs,
            events,
            push,
            dead_letters: None,
        }))
    }

    pub async fn queue_url(&self, name: &str) -> Result<String> {
        let name = self.named(name);
        let answer = self.sqs.get_queue_url().queue_name(&name).send().await;
        answer
            .map_err(|error| error.into_service_error())
            .with_context(|| format!("the queue {name} can't be found"))?
            .queue_url
            .context("SQS named no queue")
    }

    /// The ARN of the topic that the template calls `<ProjectName>-<name>`.
    pub async fn topic_arn(&self, name: &str) -> Result<String> {
        let [partition, region, account] = self.whereabouts().await?;
        let name = self.named(name);
        Ok(format!("arn:{partition}:sns:{region}:{account}:{name}"))
    }

    /// The bucket's name holds the account and the region.
    async fn results_bucket(&self) -> Result<String> {
        let [_, region, account] = self.whereabouts().await?;
        Ok(self.named(&format!("results-{account}-{region}")))
    }

    /// Partition, region and account, which a queue's ARN tells.
    async fn whereabouts(&self) -> Result<[String; 3]> {
        let get = self.sqs.get_queue_attributes();
        let get = get.queue_url(self.queue_url("jobs").await?);
        let answer = get.attribute_names(Attribute::QueueArn).send().await;
        let answer = answer
            .map_err(|error| error.into_service_error())
            .context("asking about the queue")?;
        let attributes = answer.attributes.unwrap_or_default();
        let arn = attributes.get(&Attribute::QueueArn);
        let parts: Vec<&str> = arn.map(|arn| arn.split(':').collect()).unwrap_or_default();
        let [_, partition, _, region, account, _] = parts[..] else {
            anyhow::bail!("SQS gave the queue no ARN");
        };
        Ok([partition, region, account].map(str::to_owned))
    }
}
