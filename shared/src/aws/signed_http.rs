//! Calls of AWS services, signed and sent and no more: the way of the few that every job makes.
//!
//! They look on the wire as the SDK's do, and go over the SDK's own connections; what they leave out is the
//! SDK's machinery of operations, which takes three times the processor time of all the rest (bench/README.md).
//! Everything rarer goes through the SDK. Knows HTTP, signatures and tries; what a call says, its user knows.

mod signature;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};
use tracing::Instrument;
use uuid::Uuid;

use self::signature::Signer;
use crate::clock;
use crate::telemetry::TRACE_ONLY;

/// Before a second try, and twice as long before each further one, drawn at random up to it.
const BACKOFF: Duration = Duration::from_millis(50);
/// The same where the service said that it is asked too much.
const THROTTLED_BACKOFF: Duration = Duration::from_millis(500);
/// Credentials are asked for again when they have no longer than this left.
const RENEWED_BEFORE: Duration = Duration::from_secs(300);
/// What DynamoDB and SQS say, besides status 429, when they are asked too much.
const THROTTLES: [&str; 6] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ThrottlingException",
    "TransactionInProgressException",
    "TooManyRequestsException",
];

/// Connections that are kept open, for the SDK's calls and for those of [`SignedClient`].
#[derive(Clone)]
pub(crate) struct Transport {
    /// Made at the first call: reading the machine's certificates takes longer than a cold start should.
    connector: Arc<OnceLock<SharedHttpConnector>>,
    settings: HttpConnectorSettings,
}

impl Transport {
    pub(crate) fn opened_within(connect: Duration) -> Self {
        Self {
            connector: Arc::default(),
            settings: HttpConnectorSettings::builder()
                .connect_timeout(connect)
                .build(),
        }
    }

    pub(crate) fn for_the_sdk(&self) -> SharedHttpClient {
        let transport = self.clone();
        http_client_fn(move |_, _| transport.connector().clone())
    }

    fn connector(&self) -> &SharedHttpConnector {
        self.connector.get_or_init(|| {
            let connector = Connector::builder().connector_settings(self.settings.clone());
            let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
            SharedHttpConnector::new(connector.tls_provider(provider).build())
        })
    }
}

/// A service's names.
pub(crate) struct ServiceSpec {
    /// As the SDK and its traces have it.
    name: &'static str,
    /// As signatures have it.
    signed: &'static str,
    /// Before the operation, where the service speaks JSON.
    target: &'static str,
}

pub(crate) const DYNAMODB: ServiceSpec = ServiceSpec {
    name: "DynamoDB",
    signed: "dynamodb",
    target: "DynamoDB_20120810.",
};
pub(crate) const SQS: ServiceSpec = ServiceSpec {
    name: "SQS",
    signed: "sqs",
    target: "AmazonSQS.",
};
pub(crate) const MANAGEMENT: ServiceSpec = ServiceSpec {
    name: "ApiGatewayManagementApi",
    signed: "execute-api",
    target: "",
};

/// Who calls, from where, and how often at most.
pub(crate) struct AwsCaller {
    transport: Transport,
    credentials: Option<SharedCredentialsProvider>,
    known: RwLock<Option<Credentials>>,
    region: Option<String>,
    user_agent: String,
    tries: u32,
}

/// A service at its endpoint.
#[derive(Clone)]
pub struct SignedClient {
    wire: Arc<AwsCaller>,
    api: &'static ServiceSpec,
    signer: Arc<RwLock<Option<Arc<Signer>>>>,
    /// Without a slash at its end.
    endpoint: Arc<str>,
    /// One try of a call, and all of them.
    attempt: Duration,
    operation: Duration,
}

/// What a service said to a call, other than that it is asked too much or broken.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub body: Bytes,
    /// As the header `x-amzn-errortype` has it; empty without one.
    pub error: String,
}

/// Why a call has no answer. It may have been performed all the same.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("it was answered {status} {code}: {message}")]
    Refused {
        status: u16,
        /// Such as `ConditionalCheckFailedException`.
        code: String,
        message: String,
        /// The whole answer.
        body: Bytes,
    },
    #[error("it took longer than {0:?}")]
    Timeout(Duration),
    #[error(transparent)]
    Transport(#[from] anyhow::Error),
}

/// An error as services that speak JSON word it.
#[derive(Default, Deserialize)]
struct AwsErrorBody {
    #[serde(default, rename = "__type")]
    kind: String,
    #[serde(default, alias = "Message")]
    message: String,
}

impl AwsCaller {
    /// With the SDK's region, credentials, name and number of tries.
    pub(crate) fn of(sdk: &SdkConfig, transport: Transport) -> Self {
        let app = sdk.app_name().map(|name| format!(" app/{name}"));
        let user_agent = concat!("longhaul/", env!("CARGO_PKG_VERSION"));
        Self {
            transport,
            credentials: sdk.credentials_provider(),
            known: RwLock::default(),
            region: sdk.region().map(ToString::to_string),
            user_agent: format!("{user_agent}{}", app.unwrap_or_default()),
            tries: sdk.retry_config().map_or(1, RetryConfig::max_attempts),
        }
    }

    async fn credentials(&self, now: Timestamp) -> anyhow::Result<Credentials> {
        if let Some(known) = self.known_credentials(now) {
            return Ok(known);
        }
        let provider = self.credentials.as_ref().context("no AWS credentials")?;
        let asked = provider.provide_credentials().await;
        let asked = asked.context("asking for AWS credentials")?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(asked.clone());
        Ok(asked)
    }

    fn known_credentials(&self, now: Timestamp) -> Option<Credentials> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref()?;
        let expiry = known.expiry();
        let last = expiry.is_none_or(|expiry| SystemTime::from(now + RENEWED_BEFORE) < expiry);
        last.then(|| known.clone())
    }
}

impl SignedClient {
    pub(crate) fn new(wire: &Arc<AwsCaller>, api: &'static ServiceSpec, endpoint: &str) -> Self {
        Self {
            wire: wire.clone(),
            api,
            signer: Arc::default(),
            endpoint: endpoint.trim_end_matches('/').into(),
            attempt: Duration::MAX,
            operation: Duration::MAX,
        }
    }

    pub(crate) fn within(mut self, timeouts: &TimeoutConfig) -> Self {
        self.attempt = timeouts.operation_attempt_timeout().unwrap_or(self.attempt);
        self.operation = timeouts.operation_timeout().unwrap_or(self.operation);
        self
    }

    /// Calls an operation of a service that speaks JSON: what it answered.
    pub async fn json(
        &self,
        operation: &'static str,
        request: &impl Serialize,
    ) -> Result<Bytes, CallError> {
        let target = format!("{}{operation}", self.api.target);
        let body = serde_json::to_vec(request).context("spelling a request")?;
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", &target),
        ];
        let answer = self.post(operation, "/", &headers, body.into(), |_| ());
        let answer = answer.await?;
        if answer.status == 200 {
            return Ok(answer.body);
        }
        let problem = answer.problem();
        Err(CallError::Refused {
            status: answer.status,
            code: problem.code().to_owned(),
            message: problem.message,
            body: answer.body,
        })
    }

    /// Posts this, and once more if that may help: where nothing answered in time, the service failed, or it is
    /// asked too much. `heard` is given the status of each try that was answered.
    pub async fn post(
        &self,
        operation: &'static str,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Bytes,
        heard: impl Fn(u16),
    ) -> Result<HttpResponse, CallError> {
        let url = format!("{}{path}", self.endpoint);
        let tries = async {
            let credentials = self.wire.credentials(clock::now()).await?;
            let mut tried = 1;
            loop {
                let sent = self.send(&credentials, &url, headers, body.clone());
                let sent = timeout(self.attempt, sent).await;
                let outcome = sent.unwrap_or(Err(CallError::Timeout(self.attempt)));
                if let Ok(answer) = &outcome {
                    heard(answer.status);
                }
                let Some(backoff) = backoff(&outcome).filter(|_| tried < self.wire.tries) else {
                    return outcome;
                };
                sleep(jittered(backoff * 2_u32.pow(tried - 1))).await;
                tried += 1;
            }
        };
        let span = tracing::debug_span!(
            target: TRACE_ONLY,
            "call",
            otel.name = format!("{}.{operation}", self.api.name),
            rpc.system = "aws-api",
            rpc.service = self.api.name,
            rpc.method = operation,
        );
        let tries = timeout(self.operation, tries).instrument(span).await;
        tries.unwrap_or(Err(CallError::Timeout(self.operation)))
    }

    async fn send(
        &self,
        credentials: &Credentials,
        url: &str,
        headers: &[(&'static str, &str)],
        body: Bytes,
    ) -> Result<HttpResponse, CallError> {
        let mut request = Request::post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).context("a call's headers")?;
        let request = self.signed(request, credentials)?.map(SdkBody::from);
        let request = request.try_into().context("a call's address")?;
        let connector = self.wire.transport.connector();
        let answer = connector.call(request).await.context("sending a call")?;
        let status = answer.status().as_u16();
        let error = answer.headers().get("x-amzn-errortype");
        let error = error.unwrap_or_default().to_owned();
        let body = answer.into_body().collect().await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
        Ok(HttpResponse {
            status,
            body,
            error,
        })
    }

    /// With its signature, and with what is not signed, as it may be changed on the way.
    fn signed(
        &self,
        mut request: Request<Bytes>,
        credentials: &Credentials,
    ) -> anyhow::Result<Request<Bytes>> {
        let host = request.uri().authority().context("an endpoint's host")?;
        let host = HeaderValue::from_str(host.as_str())?;
        request.headers_mut().insert(header::HOST, host);
        let now = clock::now();
        self.signer(credentials, now)?.sign(&mut request, now)?;
        let user_agent = HeaderValue::from_str(&self.wire.user_agent)?;
        request.headers_mut().insert(header::USER_AGENT, user_agent);
        Ok(request)
    }

    fn signer(&self, credentials: &Credentials, now: Timestamp) -> anyhow::Result<Arc<Signer>> {
        let known = self.signer.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known
            .as_ref()
            .filter(|known| known.matches(credentials, now))
        {
            return Ok(known.clone());
        }
        drop(known);
        let region = self.wire.region.as_ref().context("no AWS region")?;
        let signer = Arc::new(Signer::new(credentials, region, self.api.signed, now));
        *self.signer.write().unwrap_or_else(PoisonError::into_inner) = Some(signer.clone());
        Ok(signer)
    }
}

impl HttpResponse {
    fn problem(&self) -> AwsErrorBody {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl AwsErrorBody {
    /// Its kind without the namespace (`com.amazonaws.sqs#QueueDoesNotExist`).
    fn code(&self) -> &str {
        self.kind.rsplit('#').next().unwrap_or_default()
    }
}

/// How long to wait for another try, where one may help.
fn backoff(outcome: &Result<HttpResponse, CallError>) -> Option<Duration> {
    match outcome {
        Err(_) => Some(BACKOFF),
        Ok(answer) if answer.status < 400 => None,
        Ok(answer) if answer.status == 429 => Some(THROTTLED_BACKOFF),
        Ok(answer) if answer.status >= 500 => Some(BACKOFF),
        Ok(answer) => THROTTLES
            .contains(&answer.problem().code())
            .then_some(THROTTLED_BACKOFF),
    }
}

/// Up to this long, so that those who came at once do not come again at once.
pub(crate) fn jittered(most: Duration) -> Duration {
    let drawn = Uuid::new_v4().as_u128() as u32;
    most.mul_f64(f64::from(drawn) / f64::from(u32::MAX))
}
