//! The embedded cloud: starts and connects all services of one template in one process.
//!
//! The order matters: ports first, because names contain them; data services before functions; pollers last.

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
use crate::cloudwatch_logs::CloudWatchLogs;
use crate::console_host;
pub use crate::console_host::{ConsoleOptions, IssueToken};
use crate::data_folder::{DataFolder, Endpoints};
use crate::dynamodb::DynamoDb;
use crate::endpoint::{Endpoint, Services};
use crate::event_source::EventSourceMapping;
use crate::event_source_sqs;
use crate::faults::FaultInjector;
use crate::faults::rules;
pub use crate::gateway::{FrameDelay, GatewayOverrides};
use crate::gateway::{Gateway, GatewayOptions, OpenJournal};
pub use crate::lambda::FunctionPrograms;
use crate::lambda::{Lambda, LaunchOptions};
use crate::loopback::{self, GuardedPort, LoopbackPolicy};
use crate::management_proxy::{self, ManagementProxy};
use crate::permissions::Permissions;
use crate::process_end::ProcessEndNotifier;
pub use crate::process_end::{EndedIn, OnProcessEnd, ProcessEnd};
use crate::s3::S3;
use crate::schedule::ScheduleTask;
use crate::secrets_manager::SecretsManager;
use crate::sns_eventbridge::SnsEventBridge;
use crate::sqs::Sqs;
use crate::stack_spec::{Schedule, StackSpec};
use crate::template::{self, TemplateInputs};
use crate::wire_log::WireLog;
use crate::wiring_endpoint;

/// Concurrent invocations over all functions, including reserved ones (AWS's default is 1,000).
const ACCOUNT_CONCURRENCY: u32 = 100;
/// How long a start and [`EmbeddedCloud::stop`] wait for `$disconnect` invocations.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a stop waits for batches in flight. A job that takes longer is handed over, and is to go on within three seconds
/// where the stack starts again at once.
const BATCH_STOP_TIMEOUT: Duration = Duration::from_millis(1500);

/// The name of the functions' secret access key among the data folder's secrets. No logical id has a hyphen.
const FUNCTION_SECRET: &str = "function-secret-access-key";

/// Computes parameter values from the cloud's endpoints.
pub type ParameterDefaults = dyn Fn(&Endpoints) -> BTreeMap<String, String> + Send;

/// How to run an embedded cloud.
pub struct CloudOptions {
    /// The CloudFormation template to run.
    pub template: PathBuf,
    /// Values of the template's parameters. A name that the template does not declare is an error.
    pub parameters: BTreeMap<String, String>,
    /// Replaces the template's defaults. Names that the template does not declare are ignored.
    pub parameter_defaults: Box<ParameterDefaults>,
    /// Values of secrets that would otherwise be generated, by logical id.
    pub secrets: BTreeMap<String, String>,
    /// The port of the WebSocket gateway; 0 chooses a free one.
    pub port: u16,
    /// The port of the AWS endpoint; 0 chooses a free one.
    pub aws_port: u16,
    /// The programs of the functions.
    pub programs: FunctionPrograms,
    /// Environment variables of every function, in addition to the template's.
    pub environment: BTreeMap<String, String>,
    /// The file that logs every AWS call.
    pub wire_log: Option<PathBuf>,
    /// A JSON file with the fault rules to start with.
    pub faults: Option<PathBuf>,
    /// Deviations of the gateway from AWS.
    pub gateway_overrides: GatewayOverrides,
    /// The period of every schedule, instead of the template's.
    pub schedule_period: Option<Duration>,
    /// The console that the gateway's port also serves.
    pub console: ConsoleOptions,
    /// What happens when processes have ended; `None`: what happens in AWS.
    pub on_process_end: Option<OnProcessEnd>,
}

/// A running embedded cloud. Dropping it kills its functions; [`EmbeddedCloud::stop`] shuts down in order.
pub struct EmbeddedCloud {
    pub endpoints: Endpoints,
    pub spec: StackSpec,
    /// Tables and queues, by kind and name, that are in the data folder but no longer in the template.
    pub orphaned_resources: Vec<String>,
    gateway: Gateway,
    lambda: Lambda,
    servers: JoinSet<()>,
    event_source_mappings: Vec<EventSourceMapping>,
    schedule_tasks: Vec<ScheduleTask>,
    process_ends: ProcessEndNotifier,
    _dynamodb: DynamoDb,
    _data: DataFolder,
}

impl EmbeddedCloud {
    /// Starts all services and returns when all of them accept requests.
    pub async fn start(data: DataFolder, options: CloudOptions) -> Result<Self> {
        let gateway_listener = listen(options.port, "the gateway").await?;
        let aws_listener = listen(options.aws_port, "the AWS endpoint").await?;
        let gateway_address = gateway_listener.local_addr()?;
        let endpoints = Endpoints {
            process_id: std::process::id(),
            gateway: format!("ws://{gateway_address}"),
            aws: format!("http://{}", aws_listener.local_addr()?),
        };
        let mut spec = resolve_template(&options, &data, gateway_address, &endpoints)?;
        for schedule in &mut spec.schedules {
            schedule.period = options.schedule_period.unwrap_or(schedule.period);
        }
        let Some(api) = spec.websocket_api.clone() else {
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
            .map(read_fault_rules)
            .transpose()?
            .unwrap_or_default();

        let dynamodb = DynamoDb::start(&data.subfolder("dynamodb")?)?;
        let mut orphaned_resources = dynamodb.provision(&spec.tables)?;
        let sqs = Sqs::open(&data.subfolder("sqs")?, endpoints.aws.clone())?;
        orphaned_resources.extend(sqs.provision(&spec.queues).await?);
        let function_secret = data.secrets().get_or_create(FUNCTION_SECRET)?;
        let s3 = S3::open(&data.subfolder("s3")?, &function_secret).await?;
        s3.provision(&spec.buckets).await?;
        let mut environment = options.environment;
        environment.insert("AWS_ENDPOINT_URL".to_owned(), endpoints.aws.clone());
        let own_handler = options.programs.own_handler().map(str::to_owned);
        let launch = LaunchOptions {
            programs: options.programs,
            arguments: vec![],
            environment,
            secret_access_key: function_secret,
            log_folder: data.subfolder("logs")?,
            account_concurrency: ACCOUNT_CONCURRENCY,
        };
        let lambda = Lambda::start(spec.functions.clone(), launch).await?;
        let faults = FaultInjector::new(faults, lambda.clone());
        let gateway_options = GatewayOptions {
            overrides: options.gateway_overrides,
            domain: gateway_address.to_string(),
            journal: OpenJournal::open(&data.subfolder("gateway")?)?,
        };
        let interceptor = CallInterceptor {
            permissions: Permissions::from_functions(&spec.functions),
            faults: faults.clone(),
            log: log.clone(),
        };
        let proxy = ManagementProxy {
            interceptor: interceptor.clone(),
            api_id: api.api_id.clone(),
        };
        let gateway = Gateway::new(
            api,
            lambda.with_wire_log(&log, "execute-api"),
            gateway_options,
        );

        let console_port = gateway_address.port();
        let policy = |port| {
            let policy = LoopbackPolicy { console_port, port };
            middleware::from_fn_with_state(policy, loopback::guard)
        };
        let sns_eventbridge = SnsEventBridge::new(&spec, &sqs, &endpoints.aws);
        let mut servers = JoinSet::new();
        let web = gateway
            .router(console_host::router(options.console))
            .layer(middleware::from_fn_with_state(
                proxy,
                management_proxy::intercept,
            ))
            .layer(policy(GuardedPort::Gateway));
        serve(&mut servers, gateway_listener, web);
        serve(
            &mut servers,
            aws_listener,
            Endpoint::new(
                &dynamodb,
                Services {
                    sqs: sqs.clone(),
                    s3: s3.clone(),
                    sns_eventbridge,
                    secrets: SecretsManager::new(&spec.secrets, data.secrets()),
                    logs: CloudWatchLogs::new(&spec.functions, data.subfolder("logs")?),
                    lambda: lambda.clone(),
                },
                interceptor,
            )
            .router()
            .merge(wiring_endpoint::router(&spec))
            .layer(policy(GuardedPort::AwsEndpoint)),
        );
        end_earlier_connections(&mut servers, &gateway).await;
        servers.spawn(s3.run_lifecycle());
        // A program that is no worker is reported now, rather than when a job has waited for it.
        if let Some(handler) = own_handler
            && let Err(error) = lambda.warm_up(&handler).await
        {
            lambda.stop().await;
            return Err(error);
        }
        let process_ends = ProcessEndNotifier {
            stack: EndedIn {
                endpoints: endpoints.clone(),
                outputs: spec.outputs.clone(),
            },
            notify: options.on_process_end,
        };
        if process_ends.is_notified() {
            let queues = spec.event_sources.iter().map(|source| source.queue.clone());
            sqs.return_received(queues.collect()).await?;
            process_ends.ended(ProcessEnd::EarlierLife).await;
        }
        let mut event_source_mappings = vec![];
        for source in spec.event_sources.clone() {
            let lambda = lambda.with_wire_log(&log, EVENT_SOURCE);
            let sqs_call = event_source_sqs::client(&sqs, &log, &faults);
            let mapping =
                EventSourceMapping::start(source, lambda, sqs_call, process_ends.clone()).await?;
            event_source_mappings.push(mapping);
        }
        let start_schedule = |schedule: &Schedule| {
            ScheduleTask::start(schedule.clone(), lambda.with_wire_log(&log, "scheduler"))
        };
        let schedule_tasks = spec.schedules.iter().map(start_schedule).collect();
        data.write_endpoints(&endpoints)?;
        Ok(Self {
            endpoints,
            spec,
            orphaned_resources,
            gateway,
            lambda,
            servers,
            event_source_mappings,
            schedule_tasks,
            process_ends,
            _dynamodb: dynamodb,
            _data: data,
        })
    }

    /// Closes every connection, kills the functions and unlocks the data folder. Messages in flight are
    /// received again after the next start.
    pub async fn stop(mut self) {
        self.schedule_tasks.clear();
        // First, as a client can only connect again once it knows. The timeouts keep a hanging function from blocking
        // the stop.
        let _ = tokio::time::timeout(STOP_TIMEOUT, self.gateway.close_all()).await;
        let mut stopping = JoinSet::new();
        for mapping in self.event_source_mappings {
            stopping.spawn(mapping.stop());
        }
        let _ = tokio::time::timeout(BATCH_STOP_TIMEOUT, stopping.join_all()).await;
        self.lambda.stop().await;
        self.process_ends.ended(ProcessEnd::Stop).await;
        self.servers.shutdown().await;
    }
}

/// The template resolved for these endpoints. Generated secrets are stored in the data folder.
fn resolve_template(
    options: &CloudOptions,
    data: &DataFolder,
    gateway_address: SocketAddr,
    endpoints: &Endpoints,
) -> Result<StackSpec> {
    let name = options.template.display().to_string();
    let text = std::fs::read_to_string(&options.template)
        .with_context(|| format!("cannot read the template {name}"))?;
    let mut secrets = options.secrets.clone();
    let mut previous_secrets = BTreeMap::new();
    for id in template::generated_secrets(&name, &text)? {
        if let Some(previous) = data.secrets().previous(&id)? {
            previous_secrets.insert(id.clone(), previous);
        }
        if let Entry::Vacant(vacant) = secrets.entry(id) {
            let secret = data.secrets().get_or_create(vacant.key())?;
            vacant.insert(secret);
        }
    }
    let inputs = TemplateInputs {
        parameters: options.parameters.clone(),
        parameter_defaults: (options.parameter_defaults)(endpoints),
        aws_endpoint: endpoints.aws.clone(),
        gateway_address: gateway_address.to_string(),
        secrets,
        previous_secrets,
    };
    Ok(template::resolve(&name, &text, &inputs)?)
}

fn read_fault_rules(path: &Path) -> Result<rules::FaultPlan> {
    std::fs::read(path)
        .map_err(Into::into)
        .and_then(|text| rules::FaultPlan::parse(&text))
        .with_context(|| format!("cannot read the fault rules in {}", path.display()))
}

/// Ends the connections of an earlier life of the data folder. It goes on in the background if it takes long.
async fn end_earlier_connections(servers: &mut JoinSet<()>, gateway: &Gateway) {
    let gateway = gateway.clone();
    let (done, ended) = tokio::sync::oneshot::channel();
    servers.spawn(async move {
        gateway.end_earlier_connections().await;
        let _ = done.send(());
    });
    let _ = tokio::time::timeout(STOP_TIMEOUT, ended).await;
}

async fn listen(port: u16, purpose: &str) -> Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    listener.with_context(|| format!("cannot listen on port {port} for {purpose}"))
}

fn serve(servers: &mut JoinSet<()>, listener: TcpListener, router: Router) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    servers.spawn(async move {
        if let Err(error) = axum::serve(listener.tap_io(set_nodelay), service).await {
            tracing::error!(%error, "an HTTP server stopped");
        }
    });
}

/// Without TCP_NODELAY, a small frame waits for the acknowledgement of the previous one.
fn set_nodelay(stream: &mut TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::warn!(%error, "cannot set TCP_NODELAY on a connection");
    }
}
