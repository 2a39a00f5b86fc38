//! A proxy integration: invokes a function within API Gateway's timeout and parses its response.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::state::GatewayState;
use crate::lambda::InvokeOutcome;

/// API Gateway's maximum integration timeout.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);

/// A function's response in the format of a proxy integration.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProxyResponse {
    pub(super) status_code: u16,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) body: Option<String>,
}

impl ProxyResponse {
    /// A response header by its case-insensitive name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter().flatten();
        let header = headers.find(|(key, _)| key.eq_ignore_ascii_case(name));
        header.and_then(|(_, value)| value.as_str())
    }
}

/// Why there is no proxy response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IntegrationError {
    TimedOut,
    /// The function failed, was throttled, does not exist, or responded without `statusCode`.
    Failed,
}

/// Invokes the function and parses its proxy response. After the timeout, the invocation continues and its
/// response is dropped.
pub(super) async fn invoke_proxy(
    gateway: &GatewayState,
    function: &str,
    event: Bytes,
) -> Result<ProxyResponse, IntegrationError> {
    match invoke(gateway, function, event).await? {
        InvokeOutcome::Returned(payload) => serde_json::from_slice(&payload).map_err(|error| {
            tracing::warn!(function, %error, "malformed proxy response");
            IntegrationError::Failed
        }),
        _ => Err(IntegrationError::Failed),
    }
}

/// Invokes the function within the timeout and logs failures.
pub(super) async fn invoke(
    gateway: &GatewayState,
    function: &str,
    event: Bytes,
) -> Result<InvokeOutcome, IntegrationError> {
    let invocation = gateway.lambda.invoke(function, event, None);
    let Ok(outcome) = tokio::time::timeout(INTEGRATION_TIMEOUT, invocation).await else {
        tracing::warn!(function, "integration timed out");
        return Err(IntegrationError::TimedOut);
    };
    match &outcome {
        InvokeOutcome::Returned(_) => {}
        InvokeOutcome::Failed { kind, .. } => {
            tracing::warn!(function, ?kind, "integration failed");
        }
        InvokeOutcome::Throttled => tracing::warn!(function, "integration throttled"),
        InvokeOutcome::NoSuchFunction => {
            tracing::error!(function, "the integration's function does not exist");
        }
    }
    Ok(outcome)
}
