//! The vocabulary of AWS calls: which service, which operation, and which caller.

use serde::{Deserialize, Serialize};

/// The caller name that every event source mapping uses.
pub const EVENT_SOURCE: &str = "event-source";

/// An AWS service. Fault rules and the wire log use the serialized names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Service {
    #[serde(rename = "dynamodb")]
    DynamoDb,
    #[serde(rename = "sqs")]
    Sqs,
    /// The `@connections` API.
    #[serde(rename = "execute-api")]
    ExecuteApi,
    #[serde(rename = "s3")]
    S3,
    #[serde(rename = "sns")]
    Sns,
    #[serde(rename = "events")]
    Events,
    #[serde(rename = "lambda")]
    Lambda,
    #[serde(rename = "secretsmanager")]
    SecretsManager,
    /// CloudWatch Logs.
    #[serde(rename = "logs")]
    Logs,
    #[serde(rename = "sts")]
    Sts,
}

impl Service {
    pub fn name(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::Sqs => "sqs",
            Self::ExecuteApi => "execute-api",
            Self::S3 => "s3",
            Self::Sns => "sns",
            Self::Events => "events",
            Self::Lambda => "lambda",
            Self::SecretsManager => "secretsmanager",
            Self::Logs => "logs",
            Self::Sts => "sts",
        }
    }
}

/// One call to an AWS service.
#[derive(Debug, Clone, Copy)]
pub struct AwsCall<'a> {
    pub service: Service,
    pub operation: &'a str,
    /// The calling function's name, [`EVENT_SOURCE`], or empty for any other caller.
    pub caller: &'a str,
    /// The id of the calling execution environment; `None` if the caller is not a function.
    pub environment: Option<&'a str>,
}
