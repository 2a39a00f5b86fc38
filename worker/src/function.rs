//! A Lambda function of somebody else's that does a part of the work: asked, and waited for.
//!
//! What it is given and what it gives is JSON; what that means is its analysis' business. What went wrong there
//! is in the worker's log, and not told to users.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;
use longhaul_shared::{limits, sdk};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::analysis::{Context, Failure};

/// A function runs for a quarter of an hour at most (Lambda's quota), and answers then.
const LONGEST: Duration = Duration::from_secs(15 * 60 + 10);
/// To open a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// What is shown of an error that a function tells, in the log.
const SHOWN: usize = 512;

pub struct Function {
    arn: String,
    client: OnceCell<Client>,
}

impl Function {
    /// The function of this ARN, which may name an alias or a version.
    pub fn new(arn: String) -> Self {
        Self {
            arn,
            client: OnceCell::new(),
        }
    }

    /// Its answer. What fails there or on the way is worth another attempt of the job.
    pub async fn ask(&self, context: &Context, payload: &Value) -> Result<Value, Failure> {
        let client = self.client.get_or_init(open).await;
        let invoke = client
            .invoke()
            .function_name(&self.arn)
            .payload(Blob::new(payload.to_string()));
        let answer = invoke.send().await.map_err(|error| {
            let error = anyhow::Error::from(error.into_service_error());
            self.failed(context, &format!("{error:#}"))
        })?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        if answer.function_error.is_some() {
            let told = String::from_utf8_lossy(&payload);
            return Err(self.failed(context, limits::prefix(&told, SHOWN)));
        }
        serde_json::from_slice(&payload).map_err(|error| self.failed(context, &error.to_string()))
    }

    fn failed(&self, context: &Context, error: &str) -> Failure {
        tracing::warn!(job = %context.job(), function = self.arn, error, "a function did not do its part");
        Failure::Retry {
            code: "FUNCTION_FAILED",
            message: "A part of the work failed.".to_owned(),
        }
    }
}

/// A try of one's own, and no more: the job's attempts are the tries, and a call of which nothing is heard may
/// still be at work.
async fn open() -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(LONGEST)
        .operation_timeout(LONGEST)
        .build();
    let settings = Builder::from(&sdk::config().await)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(settings)
}
