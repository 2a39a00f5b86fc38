//! Signed HTTP calls to AWS services, with retries, for the few calls that every job makes. Other calls go
//! through the SDK.
//!
//! The requests equal the SDK's and use its connections. They avoid the SDK's operation machinery, which takes
//! three times the processor time of all the rest (bench/README.md).

mod signature;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use aws_config::SdkConfig;
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

use self::signature::Signer;
use crate::clock;
use crate::domain::backoff::{
    Backoff, CallBackoff, DYNAMODB_WRITES, PUSHES, SECRET_READS, SQS_CALLS,
};
use crate::random::Random;
use crate::telemetry::TRACE_ONLY;

/// Credentials that expire sooner than this are fetched again.
const REFRESH_BEFORE_EXPIRY: Duration = Duration::from_secs(300);
/// The error codes of DynamoDB and SQS that mean throttling, besides status 429.
const THROTTLING_CODES: [&str; 6] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ThrottlingException",
    "TransactionInProgressException",
    "TooManyRequestsException",
];

const JSON_1_0: &str = "application/x-amz-json-1.0";

/// The connection pool that the SDK's clients and [`SignedClient`] share.
#[derive(Clone)]
pub(crate) struct Transport {
    /// Created by the first call: reading the machine's certificates is too slow for a cold start.
    connector: Arc<OnceLock<SharedHttpConnector>>,
    settings: HttpConnectorSettings,
}

impl Transport {
    pub(crate) fn with_connect_timeout(connect: Duration) -> Self {
        Self {
            connector: Arc::default(),
            settings: HttpConnectorSettings::builder()
                .connect_timeout(connect)
                .build(),
        }
    }

    pub(crate) fn sdk_client(&self) -> SharedHttpClient {
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
    /// The name in the SDK and in its traces.
    name: &'static str,
    /// The name in signatures.
    signing_name: &'static str,
    /// The prefix of an operation in `x-amz-target`, for a JSON service.
    target: &'static str,
    /// The content type of a JSON service.
    content_type: &'static str,
    backoff: CallBackoff,
}

pub(crate) const DYNAMODB: ServiceSpec = ServiceSpec {
    name: "DynamoDB",
    signing_name: "dynamodb",
    target: "DynamoDB_20120810.",
    content_type: JSON_1_0,
    backoff: DYNAMODB_WRITES,
};
pub(crate) const SQS: ServiceSpec = ServiceSpec {
    name: "SQS",
    signing_name: "sqs",
    target: "AmazonSQS.",
    content_type: JSON_1_0,
    backoff: SQS_CALLS,
};
pub(crate) const MANAGEMENT: ServiceSpec = ServiceSpec {
    name: "ApiGatewayManagementApi",
    signing_name: "execute-api",
    target: "",
    content_type: "",
    backoff: PUSHES,
};
pub(crate) const SECRETS_MANAGER: ServiceSpec = ServiceSpec {
    name: "Secrets Manager",
    signing_name: "secretsmanager",
    target: "secretsmanager.",
    content_type: "application/x-amz-json-1.1",
    backoff: SECRET_READS,
};

/// The caller: its credentials, region and user agent.
pub(crate) struct AwsCaller {
    transport: Transport,
    credentials: Option<SharedCredentialsProvider>,
    cached: RwLock<Option<Credentials>>,
    region: Option<String>,
    user_agent: String,
}

/// A client of one service at one endpoint.
#[derive(Clone)]
pub struct SignedClient {
    caller: Arc<AwsCaller>,
    api: &'static ServiceSpec,
    signer: Arc<RwLock<Option<Arc<Signer>>>>,
    /// Without a trailing slash.
    endpoint: Arc<str>,
    /// The timeout of one attempt of a call, and of all attempts.
    attempt: Duration,
    operation: Duration,
}

/// A service's response to a call.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub body: Bytes,
    /// The header `x-amzn-errortype`; empty without it.
    pub error: String,
}

/// Why a call failed. The service may have performed it all the same.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the service answered {status} {code}: {message}")]
    Refused {
        status: u16,
        /// Such as `ConditionalCheckFailedException`.
        code: String,
        message: String,
        /// The whole response body.
        body: Bytes,
    },
    #[error("the call took longer than {0:?}")]
    Timeout(Duration),
    #[error(transparent)]
    Transport(#[from] anyhow::Error),
}

/// The error body of a JSON service.
#[derive(Default, Deserialize)]
struct AwsErrorBody {
    #[serde(default, rename = "__type")]
    kind: String,
    #[serde(default, alias = "Message")]
    message: String,
}

impl AwsCaller {
    /// The caller of the SDK's configuration.
    pub(crate) fn of(sdk: &SdkConfig, transport: Transport) -> Self {
        let app = sdk.app_name().map(|name| format!(" app/{name}"));
        let user_agent = concat!("longhaul/", env!("CARGO_PKG_VERSION"));
        Self {
            transport,
            credentials: sdk.credentials_provider(),
            cached: RwLock::default(),
            region: sdk.region().map(ToString::to_string),
            user_agent: format!("{user_agent}{}", app.unwrap_or_default()),
        }
    }

    async fn credentials(&self, now: Timestamp) -> anyhow::Result<Credentials> {
        if let Some(cached) = self.cached_credentials(now) {
            return Ok(cached);
        }
        let provider = self.credentials.as_ref().context("no AWS credentials")?;
        let asked = provider.provide_credentials().await;
        let asked = asked.context("fetching AWS credentials")?;
        *self.cached.write().unwrap_or_else(PoisonError::into_inner) = Some(asked.clone());
        Ok(asked)
    }

    fn cached_credentials(&self, now: Timestamp) -> Option<Credentials> {
        let cached = self.cached.read().unwrap_or_else(PoisonError::into_inner);
        let cached = cached.as_ref()?;
        let expiry = cached.expiry();
        let last =
            expiry.is_none_or(|expiry| SystemTime::from(now + REFRESH_BEFORE_EXPIRY) < expiry);
        last.then(|| cached.clone())
    }
}

impl SignedClient {
    pub(crate) fn new(caller: &Arc<AwsCaller>, api: &'static ServiceSpec, endpoint: &str) -> Self {
        Self {
            caller: caller.clone(),
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

    /// Calls an operation of a JSON service and returns the response body.
    pub async fn json(
        &self,
        operation: &'static str,
        request: &impl Serialize,
    ) -> Result<Bytes, CallError> {
        let target = format!("{}{operation}", self.api.target);
        let body = serde_json::to_vec(request).context("serializing a request")?;
        let headers = [
            ("content-type", self.api.content_type),
            ("x-amz-target", &target),
        ];
        let response = self.post(operation, "/", &headers, body.into(), |_| ());
        let response = response.await?;
        if response.status == 200 {
            return Ok(response.body);
        }
        let error = response.error_body();
        Err(CallError::Refused {
            status: response.status,
            code: error.code().to_owned(),
            message: error.message,
            body: response.body,
        })
    }

    /// Sends a POST request. It is repeated after a timeout, a server error or throttling. `on_response` is
    /// called with the status of each response.
    pub async fn post(
        &self,
        operation: &'static str,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Bytes,
        on_response: impl Fn(u16),
    ) -> Result<HttpResponse, CallError> {
        let url = format!("{}{path}", self.endpoint);
        let attempts = async {
            let credentials = self.caller.credentials(clock::now()).await?;
            let mut failed = 0;
            loop {
                let sent = self.send(&credentials, &url, headers, body.clone());
                let sent = timeout(self.attempt, sent).await;
                let outcome = sent.unwrap_or(Err(CallError::Timeout(self.attempt)));
                if let Ok(response) = &outcome {
                    on_response(response.status);
                }
                failed += 1;
                let backoff = backoff(&self.api.backoff, &outcome);
                let wait =
                    backoff.and_then(|backoff| backoff.after(failed, Random::system().number()));
                let Some(wait) = wait else {
                    return outcome;
                };
                sleep(wait).await;
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
        let attempts = timeout(self.operation, attempts).instrument(span).await;
        attempts.unwrap_or(Err(CallError::Timeout(self.operation)))
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
        let request = self.sign(request, credentials)?.map(SdkBody::from);
        let request = request.try_into().context("a call's address")?;
        let connector = self.caller.transport.connector();
        let response = connector.call(request).await.context("sending a call")?;
        let status = response.status().as_u16();
        let error = response.headers().get("x-amzn-errortype");
        let error = error.unwrap_or_default().to_owned();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
        Ok(HttpResponse {
            status,
            body,
            error,
        })
    }

    /// Signs the request and adds the unsigned headers, which may be changed on the way.
    fn sign(
        &self,
        mut request: Request<Bytes>,
        credentials: &Credentials,
    ) -> anyhow::Result<Request<Bytes>> {
        let host = request.uri().authority().context("an endpoint's host")?;
        let host = HeaderValue::from_str(host.as_str())?;
        request.headers_mut().insert(header::HOST, host);
        let now = clock::now();
        self.signer(credentials, now)?.sign(&mut request, now)?;
        let user_agent = HeaderValue::from_str(&self.caller.user_agent)?;
        request.headers_mut().insert(header::USER_AGENT, user_agent);
        Ok(request)
    }

    fn signer(&self, credentials: &Credentials, now: Timestamp) -> anyhow::Result<Arc<Signer>> {
        let cached = self.signer.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = cached
            .as_ref()
            .filter(|cached| cached.matches(credentials, now))
        {
            return Ok(cached.clone());
        }
        drop(cached);
        let region = self.caller.region.as_ref().context("no AWS region")?;
        let signer = Arc::new(Signer::new(credentials, region, self.api.signing_name, now));
        *self.signer.write().unwrap_or_else(PoisonError::into_inner) = Some(signer.clone());
        Ok(signer)
    }
}

impl HttpResponse {
    fn error_body(&self) -> AwsErrorBody {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl AwsErrorBody {
    /// The error code without its namespace (`com.amazonaws.sqs#QueueDoesNotExist`).
    fn code(&self) -> &str {
        self.kind.rsplit('#').next().unwrap_or_default()
    }
}

/// The policy for another attempt; `None` if no other attempt is due.
fn backoff<'a>(
    policy: &'a CallBackoff,
    outcome: &Result<HttpResponse, CallError>,
) -> Option<&'a Backoff> {
    match outcome {
        Err(_) => Some(&policy.failed),
        Ok(response) if response.status < 400 => None,
        Ok(response) if response.status == 429 => Some(&policy.throttled),
        Ok(response) if response.status >= 500 => Some(&policy.failed),
        Ok(response) => THROTTLING_CODES
            .contains(&response.error_body().code())
            .then_some(&policy.throttled),
    }
}
