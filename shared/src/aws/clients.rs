//! The configuration of all AWS clients: timeouts, retries, connections.
//!
//! The SDK reads `AWS_ENDPOINT_URL`, which the embedded cloud sets for its functions.

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
use crate::domain::backoff::MAX_CALL_ATTEMPTS;

/// One attempt of one call. DynamoDB and SQS answer in milliseconds; an attempt that takes this long is lost.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// All attempts of one call: below API Gateway's 29 s, with time for a second call.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);
/// Opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// One attempt of a slow call, and all of them. The largest result takes some seconds from a small function,
/// and a lease of two minutes has 80 s left after a heartbeat.
const SLOW_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
const SLOW_OPERATION_TIMEOUT: Duration = Duration::from_secs(60);

/// The first byte of a streamed response: the model thinks, and a guardrail reads, before it.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(180);

/// The configuration that every client starts from.
pub async fn config() -> SdkConfig {
    loader().load().await
}

/// The SDK's configuration, to which this derefs, and signed HTTP for the calls that every job makes.
#[derive(Clone)]
pub struct AwsClients {
    config: SdkConfig,
    caller: Arc<AwsCaller>,
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
        let transport = Transport::with_connect_timeout(CONNECT_TIMEOUT);
        let loader = loader.http_client(transport.sdk_client());
        let config = loader.load().await;
        let caller = Arc::new(AwsCaller::of(&config, transport));
        Self { config, caller }
    }

    /// The endpoint that the environment or the profile sets for a service, or for all (`AWS_ENDPOINT_URL`).
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

    /// A signed client of a service at this endpoint.
    pub(crate) fn service(&self, api: &'static ServiceSpec, endpoint: &str) -> SignedClient {
        let service = SignedClient::new(&self.caller, api, endpoint);
        match self.config.timeout_config() {
            Some(timeouts) => service.within(timeouts),
            None => service,
        }
    }
}

/// The clients of a command, for the environment's profile and region, or for the embedded cloud at `local`
/// (its endpoint and region). `name` identifies the command's calls in logs.
pub async fn for_command(name: &'static str, local: Option<(&str, &'static str)>) -> AwsClients {
    let app = AppName::new(name).expect("a command's name is plain letters");
    // A person prefers waiting to starting again.
    let timeouts_for_people = timeouts(CONNECT_TIMEOUT, 3 * ATTEMPT_TIMEOUT, 6 * OPERATION_TIMEOUT);
    let mut loader = loader().app_name(app).timeout_config(timeouts_for_people);
    if let Some((endpoint, region)) = local {
        // The embedded cloud accepts any signature, and must not receive the credentials of a real account.
        let anyone = Credentials::new("local", "local", None, None, "local");
        loader = loader
            .endpoint_url(endpoint)
            .region(Region::from_static(region))
            .credentials_provider(anyone);
    }
    AwsClients::load(loader).await
}

/// The configuration of a client with streamed responses of any length. The caller limits the time between two
/// pieces. There is no retry: the job's attempts retry, and each call is paid for.
pub async fn for_streams() -> SdkConfig {
    loader()
        .timeout_config(timeouts(
            CONNECT_TIMEOUT,
            FIRST_BYTE_TIMEOUT,
            FIRST_BYTE_TIMEOUT,
        ))
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await
}

/// The configuration of clients of services that take seconds to answer and exist in this region only.
pub async fn for_slow_services(region: &'static str) -> SdkConfig {
    let loader = loader().region(Region::from_static(region));
    // On the heap, because the callers are large futures already.
    Box::pin(loader.timeout_config(slow_timeouts()).load()).await
}

fn loader() -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts(
            CONNECT_TIMEOUT,
            ATTEMPT_TIMEOUT,
            OPERATION_TIMEOUT,
        ))
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_CALL_ATTEMPTS))
}

/// The timeouts of a push to a connection.
pub(crate) fn push_timeouts() -> TimeoutConfig {
    // A push is best effort and must not delay a job: the client closes the gap when it sees the next event.
    timeouts(CONNECT_TIMEOUT, ATTEMPT_TIMEOUT, 2 * ATTEMPT_TIMEOUT)
}

/// The timeouts of reading a secret: the authorizer has 5 s in all.
pub(crate) fn secret_timeouts() -> TimeoutConfig {
    timeouts(
        CONNECT_TIMEOUT,
        Duration::from_secs(2),
        Duration::from_secs(4),
    )
}

fn timeouts(connect: Duration, attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(connect)
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}

/// The timeouts of slow calls: the upload of a large result, and services that take seconds to answer.
pub fn slow_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(SLOW_ATTEMPT_TIMEOUT)
        .operation_timeout(SLOW_OPERATION_TIMEOUT)
        .build()
}
