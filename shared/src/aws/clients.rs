//! How this project's AWS clients behave: one set of timeouts and retries, stated.
//!
//! Knows no table and no queue. `AWS_ENDPOINT_URL`, which the local stack sets, is read by the SDK.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;
use aws_types::service_config::ServiceConfigKey;

use crate::aws::signed_http::{AwsCaller, ServiceSpec, SignedClient, Transport};

/// One try of one call. DynamoDB and SQS answer in milliseconds; a try that takes this long is lost.
const ATTEMPT: Duration = Duration::from_secs(3);
/// All tries of one call: below API Gateway's 29 s with room for a second call.
const OPERATION: Duration = Duration::from_secs(10);
/// To open a connection.
const CONNECT: Duration = Duration::from_millis(1500);

/// One try of what takes long, and all of them: the largest result takes some seconds from a small function,
/// and what a heartbeat leaves of a lease of two minutes is 80 s.
const SLOW_ATTEMPT: Duration = Duration::from_secs(20);
const SLOW: Duration = Duration::from_secs(60);

/// Until the first of an answer that streams has come: a model thinks, and a guardrail reads, before that.
const FIRST: Duration = Duration::from_secs(180);

/// The settings that every client starts from.
pub async fn config() -> SdkConfig {
    loader().load().await
}

/// The same settings, with the short way for the calls that every job makes.
#[derive(Clone)]
pub struct AwsClients {
    config: SdkConfig,
    wire: Arc<AwsCaller>,
}

impl Deref for AwsClients {
    type Target = SdkConfig;

    fn deref(&self) -> &SdkConfig {
        &self.config
    }
}

impl AwsClients {
    pub async fn open() -> Self {
        Self::load(loader()).await
    }

    async fn load(loader: ConfigLoader) -> Self {
        let transport = Transport::opened_within(CONNECT);
        let loader = loader.http_client(transport.for_the_sdk());
        let config = loader.load().await;
        let wire = Arc::new(AwsCaller::of(&config, transport));
        Self { config, wire }
    }

    /// The endpoint that the environment or the profile gives for a service, or for all (`AWS_ENDPOINT_URL`).
    pub(crate) fn endpoint(&self, service_id: &str) -> Option<String> {
        let key = ServiceConfigKey::builder()
            .service_id(service_id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let own = key.ok().zip(self.config.service_config());
        let own = own.and_then(|(key, own)| own.load_config(key));
        own.or_else(|| self.config.endpoint_url().map(str::to_owned))
    }

    /// A service by the short way, at its endpoint.
    pub(crate) fn service(&self, api: &'static ServiceSpec, endpoint: &str) -> SignedClient {
        let service = SignedClient::new(&self.wire, api, endpoint);
        match self.config.timeout_config() {
            Some(timeouts) => service.within(timeouts),
            None => service,
        }
    }
}

/// The settings of a command: calls go where the environment's profile and region say, or to the
/// embedded cloud at `local`, an endpoint and its region. `name` tells its calls apart from others.
pub async fn for_command(name: &'static str, local: Option<(&str, &'static str)>) -> AwsClients {
    let app = AppName::new(name).expect("a command's name is plain letters");
    // A person waits, and would rather wait than begin again.
    let patient = timeouts(CONNECT, 3 * ATTEMPT, 6 * OPERATION);
    let mut loader = loader().app_name(app).timeout_config(patient);
    if let Some((endpoint, region)) = local {
        // The embedded cloud takes any signature, and nothing of a real account shall reach it.
        let anyone = Credentials::new("local", "local", None, None, "local");
        loader = loader
            .endpoint_url(endpoint)
            .region(Region::from_static(region))
            .credentials_provider(anyone);
    }
    AwsClients::load(loader).await
}

/// The settings of a client whose answers stream for as long as they take. How long nothing may come, its user
/// decides. A try of one's own, and no more: the job's attempts are the tries, and each is paid for.
pub async fn for_streams() -> SdkConfig {
    loader()
        .timeout_config(timeouts(CONNECT, FIRST, FIRST))
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await
}

/// The settings of clients of services that take seconds to answer, and are in this region wherever this runs.
pub async fn for_slow_services(region: &'static str) -> SdkConfig {
    let loader = loader().region(Region::from_static(region));
    // On the heap: its users are deep futures already.
    Box::pin(loader.timeout_config(slow_timeouts()).load()).await
}

fn loader() -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts(CONNECT, ATTEMPT, OPERATION))
        .retry_config(RetryConfig::standard().with_max_attempts(4))
}

/// The timeouts of a push to a connection.
pub(crate) fn push_timeouts() -> TimeoutConfig {
    // A push is best effort: the client's next gap heals what it misses, so it may not hold a job up.
    timeouts(CONNECT, ATTEMPT, 2 * ATTEMPT)
}

fn timeouts(connect: Duration, attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(connect)
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}

/// The timeouts of what takes long: a large result's upload, and services that take seconds to answer.
pub fn slow_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(SLOW_ATTEMPT)
        .operation_timeout(SLOW)
        .build()
}
