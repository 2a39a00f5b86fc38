//! A proxy integration: a function, asked within API Gateway's time, and the answer it must give.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Inner;
use crate::lambda::Invoked;

/// API Gateway's longest wait for an integration.
const TIMEOUT: Duration = Duration::from_secs(29);

/// What a function answered.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    pub(super) status_code: u16,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) body: Option<String>,
}

impl Answer {
    /// A response header, by name in any case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter().flatten();
        let found = headers.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    TimedOut,
    /// The function failed, was throttled, is missing, or answered without `statusCode`.
    Failed,
}

/// Asks the function; what it does after the time is up is nobody's.
pub(super) async fn ask(gateway: &Inner, function: &str, event: Bytes) -> Result<Answer, Fault> {
    match invoke(gateway, function, event).await? {
        Invoked::Returned(payload) => serde_json::from_slice(&payload).map_err(|error| {
            tracing::warn!(function, %error, "malformed proxy response");
            Fault::Failed
        }),
        _ => Err(Fault::Failed),
    }
}

/// Invokes the function within the time and logs what went wrong.
pub(super) async fn invoke(
    gateway: &Inner,
    function: &str,
    event: Bytes,
) -> Result<Invoked, Fault> {
    let invoking = gateway.lambda.invoke(function, event, None);
    let Ok(invoked) = tokio::time::timeout(TIMEOUT, invoking).await else {
        tracing::warn!(function, "integration timed out");
        return Err(Fault::TimedOut);
    };
    match &invoked {
        Invoked::Returned(_) => {}
        Invoked::Failed { kind, .. } => tracing::warn!(function, ?kind, "integration failed"),
        Invoked::Throttled => tracing::warn!(function, "integration throttled"),
        Invoked::NoSuchFunction => tracing::error!(function, "integration does not exist"),
    }
    Ok(invoked)
}
