//! How this project's AWS clients behave: one set of timeouts and retries, stated.
//!
//! Knows no table and no queue. `AWS_ENDPOINT_URL`, which the local stack sets, is read by the SDK.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

/// One try of one call. DynamoDB and SQS answer in milliseconds; a try that takes this long is lost.
const ATTEMPT: Duration = Duration::from_secs(3);
/// All tries of one call: below API Gateway's 29 s with room for a second call.
const OPERATION: Duration = Duration::from_secs(10);
/// To open a connection.
const CONNECT: Duration = Duration::from_millis(1500);

/// One try of an upload, and all of them: the largest result takes some seconds from a small function,
/// and what a heartbeat leaves of a lease of two minutes is 80 s.
const UPLOAD_ATTEMPT: Duration = Duration::from_secs(20);
const UPLOAD: Duration = Duration::from_secs(60);

/// The settings that every client starts from.
pub async fn config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .load()
        .await
}

/// The timeouts of a push to a connection.
pub fn push_timeouts() -> TimeoutConfig {
    // A push is best effort: the client's next gap heals what it misses, so it may not hold a job up.
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(2 * ATTEMPT)
        .build()
}

/// The timeouts of a large result's upload.
pub fn upload_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(UPLOAD_ATTEMPT)
        .operation_timeout(UPLOAD)
        .build()
}
