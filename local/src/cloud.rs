//! A small cloud from one template: the services, wired as the template wires them, in one process.
//!
//! The order matters: ports first, since names carry them; data before functions; pollers last.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::middleware;
use axum::serve::ListenerExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::aws_call::EVENT_SOURCE;
use crate::call_interceptor::CallInterceptor;
use crate::data::{DataFolder, Endpoints};
use crate::dynamodb::DynamoDb;
use crate::endpoint::Endpoint;
use crate::event_source::Mapping;
use crate::event_source_sqs;
use crate::faults::FaultInjector;
use crate::faults::rules;
pub use crate::gateway::{Delay, Pace};
use crate::gateway::{Gateway, GatewayOptions};
pub use crate::lambda::Program;
use crate::lambda::{Lambda, Launch};
use crate::loopback::{self, LoopbackPolicy};
use crate::management_proxy::{self, ManagementProxy};
use crate::pages;
pub use crate::pages::{Issue, Pages};
use crate::permissions::Permissions;
use crate::plan::Plan;
use crate::s3::S3;
use crate::schedule::{self, Ticking};
use crate::sns_eventbridge::SnsEventBridge;
use crate::sqs::Sqs;
use crate::template::{self, Settings};
use crate::wire_log::WireLog;
use crate::wiring;

/// Invocations at once over all functions, unless the template reserves fewer (AWS's own default is 1,000).
const CONCURRENCY: u32 = 100;
/// How long a stop waits for batches in flight and for `$disconnect` to be told.
const FAREWELL: Duration = Duration::from_secs(3);

/// Values for parameters, by where the cloud answers.
pub type Defaults = dyn Fn(&Endpoints) -> BTreeMap<String, String> + Send;

/// How a cloud is to be run.
pub struct Options {
    /// The CloudFormation template to run.
    pub template: PathBuf,
    /// Values for the template's parameters; one that it does not have is an error.
    pub parameters: BTreeMap<String, String>,
    /// Values in place of the defaults of those of these parameters that the template has, once it is
    /// known where the cloud answers.
    pub defaults: Box<Defaults>,
    /// Secrets that are given and not made, by logical id.
    pub secrets: BTreeMap<String, String>,
    /// The port of the WebSocket gateway; 0 chooses a free one.
    pub port: u16,
    /// The port of the AWS endpoint; 0 chooses a free one.
    pub aws_port: u16,
    /// What runs as the functions.
    pub program: Program,
    /// Variables that every function gets besides the template's.
    pub environment: BTreeMap<String, String>,
    /// Where each AWS call is to be noted.
    pub wire_log: Option<PathBuf>,
    /// Which AWS calls are to go wrong from the start, as JSON.
    pub faults: Option<PathBuf>,
    /// What of the gateway is to differ from AWS.
    pub pace: Pace,
    /// The period of every schedule, in place of the template's.
    pub tick: Option<Duration>,
    /// What the gateway's port serves besides.
    pub pages: Pages,
}

/// A running cloud. Dropping it ends its functions; [`Cloud::stop`] does so in order.
pub struct Cloud {
    pub endpoints: Endpoints,
    pub plan: Plan,
    /// Tables and queues, by kind and name, that are in the data folder and not in the template.
    pub kept: Vec<String>,
    gateway: Gateway,
    lambda: Lambda,
    servers: JoinSet<()>,
    pollers: Vec<Mapping>,
    ticking: Vec<Ticking>,
    _dynamodb: DynamoDb,
    _data: DataFolder,
}

impl Cloud {
    /// Starts everything and returns once everything answers.
    pub async fn start(data: DataFolder, options: Options) -> Result<Self> {
        let gateway_port = listen(options.port, "the gateway").await?;
        let aws_port = listen(options.aws_port, "the AWS endpoint").await?;
        let endpoints = Endpoints {
            process: std::process::id(),
            gateway: format!("ws://{}", gateway_port.local_addr()?),
            aws: format!("http://{}", aws_port.local_addr()?),
        };
        let mut plan = plan(&options, &data, gateway_port.local_addr()?, &endpoints)?;
        for schedule in &mut plan.schedules {
            schedule.every = options.tick.unwrap_or(schedule.every);
        }
        let Some(api) = plan.gateway.clone() else {
            bail!("the template has no WebSocket API")
        };
        let log = options
            .wire_log
            .as_deref()
            .map(WireLog::open)
            .transpose()?
            .unwrap_or_default();
        let faults = options
            .faults
            .as_deref()
            .map(faults)
            .transpose()?
            .unwrap_or_default();

        let dynamodb = DynamoDb::start(&data.folder("dynamodb")?)?;
        let mut kept = dynamodb.provision(&plan.tables)?;
        let sqs = Sqs::open(&data.folder("sqs")?, endpoints.aws.clone())?;
        kept.extend(sqs.provision(&plan.queues).await?);
        let s3 = S3::open(&data.folder("s3")?).await?;
        s3.provision(&plan.buckets).await?;
        let mut environment = options.environment;
        environment.insert("AWS_ENDPOINT_URL".to_owned(), endpoints.aws.clone());
        let launch = Launch {
            program: options.program,
            args: vec![],
            environment,
            logs: data.folder("logs")?,
            concurrency: CONCURRENCY,
        };
        let lambda = Lambda::start(plan.functions.clone(), launch).await?;
        let faults = FaultInjector::new(faults, lambda.clone());
        let domain = gateway_port.local_addr()?.to_string();
        let (pace, pages) = (options.pace, options.pages);
        let options = GatewayOptions { pace, domain };
        let interceptor = CallInterceptor {
            permissions: Permissions::from_functions(&plan.functions),
            faults: faults.clone(),
            log: log.clone(),
        };
        let proxy = ManagementProxy {
            interceptor: interceptor.clone(),
            api_id: api.api_id.clone(),
        };
        let gateway = Gateway::new(api, lambda.noted(&log, "execute-api"), options);

        let console_port = gateway_port.local_addr()?.port();
        let policy = |is_aws_endpoint| {
            middleware::from_fn_with_state(
                LoopbackPolicy {
                    console_port,
                    is_aws_endpoint,
                },
                loopback::guard,
            )
        };
        let sns_eventbridge = SnsEventBridge::new(&plan, &sqs, &endpoints.aws);
        let mut servers = JoinSet::new();
        let web = gateway
            .router(pages::router(pages))
            .layer(middleware::from_fn_with_state(
                proxy,
                management_proxy::intercept,
            ))
            .layer(policy(false));
        serve(&mut servers, gateway_port, web);
        serve(
            &mut servers,
            aws_port,
            Endpoint::new(
                &dynamodb,
                sqs.clone(),
                s3.clone(),
                sns_eventbridge,
                lambda.clone(),
                interceptor,
            )
            .router()
            .merge(wiring::router(&plan))
            .layer(policy(true)),
        );
        servers.spawn(s3.run_lifecycle());
        let mut pollers = vec![];
        for source in plan.event_sources.clone() {
            let invoking = lambda.noted(&log, EVENT_SOURCE);
            pollers.push(
                Mapping::start(
                    source,
                    invoking,
                    event_source_sqs::client(&sqs, &log, &faults),
                )
                .await?,
            );
        }
        let ticking = plan
            .schedules
            .iter()
            .map(|scheduled| schedule::start(scheduled.clone(), lambda.noted(&log, "scheduler")))
            .collect();
        data.announce(&endpoints)?;
        Ok(Self {
            endpoints,
            plan,
            kept,
            gateway,
            lambda,
            servers,
            pollers,
            ticking,
            _dynamodb: dynamodb,
            _data: data,
        })
    }

    /// Closes every connection, ends the functions and lets go of the data folder. What was in
    /// flight comes back at the next start.
    pub async fn stop(mut self) {
        self.ticking.clear();
        // A function that hangs must not keep the cloud from stopping.
        let in_order = async {
            for poller in self.pollers {
                poller.stop().await;
            }
            self.gateway.close_all().await;
        };
        let _ = tokio::time::timeout(FAREWELL, in_order).await;
        self.servers.shutdown().await;
        self.lambda.stop().await;
    }
}

/// The template, resolved for these ports, with its generated secrets kept in the data folder.
fn plan(
    options: &Options,
    data: &DataFolder,
    gateway: SocketAddr,
    endpoints: &Endpoints,
) -> Result<Plan> {
    let name = options.template.display().to_string();
    let text = std::fs::read_to_string(&options.template)
        .with_context(|| format!("the template {name} can't be read"))?;
    let mut secrets = options.secrets.clone();
    for generated in template::secrets(&name, &text)? {
        if let Entry::Vacant(vacant) = secrets.entry(generated) {
            let secret = data.secret(vacant.key())?;
            vacant.insert(secret);
        }
    }
    let settings = Settings {
        parameters: options.parameters.clone(),
        defaults: (options.defaults)(endpoints),
        endpoint: endpoints.aws.clone(),
        gateway: gateway.to_string(),
        secrets,
    };
    Ok(template::read(&name, &text, &settings)?)
}

fn faults(path: &Path) -> Result<rules::FaultPlan> {
    std::fs::read(path)
        .map_err(Into::into)
        .and_then(|text| rules::FaultPlan::parse(&text))
        .with_context(|| format!("the faults {}", path.display()))
}

async fn listen(port: u16, what: &str) -> Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    listener.with_context(|| format!("port {port} for {what} can't be had"))
}

fn serve(servers: &mut JoinSet<()>, listener: TcpListener, router: Router) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    servers.spawn(async move {
        if let Err(error) = axum::serve(listener.tap_io(no_delay), service).await {
            tracing::error!(%error, "a server ended");
        }
    });
}

/// Small frames must not wait for the acknowledgement of the ones before them.
fn no_delay(stream: &mut TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::warn!(%error, "a socket keeps its delay");
    }
}
