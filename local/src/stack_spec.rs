//! The resolved stack: the template reader produces it, the embedded services are configured from it.
//!
//! Plain data without YAML, sockets or I/O.

use std::collections::BTreeMap;
use std::time::Duration;

/// The account id in every local ARN. AWS never issues this id.
pub const ACCOUNT: &str = "000000000000";
/// The region in every local ARN and local request signature.
pub const REGION: &str = "us-east-1";

/// Everything that is needed to run one stack.
#[derive(Debug, Clone, Default)]
pub struct StackSpec {
    pub tables: Vec<Table>,
    pub queues: Vec<Queue>,
    pub buckets: Vec<Bucket>,
    pub functions: Vec<Function>,
    pub event_sources: Vec<EventSource>,
    pub schedules: Vec<Schedule>,
    /// SNS topics with at least one queue subscription.
    pub topics: Vec<Topic>,
    /// Names of the EventBridge buses.
    pub buses: Vec<String>,
    pub event_rules: Vec<EventRule>,
    pub websocket_api: Option<WebSocketApi>,
    pub secrets: Vec<Secret>,
    /// Resources without local effect (alarms, roles, log groups): logical id and type.
    pub inert: Vec<(String, String)>,
    /// The stack's outputs, by output key.
    pub outputs: BTreeMap<String, String>,
}

/// A DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    /// The `CreateTable` request, in DynamoDB's JSON.
    pub create_request: serde_json::Value,
    /// The TTL attribute (epoch seconds); `None` if the template does not enable TTL.
    pub ttl_attribute: Option<String>,
}

/// An SQS standard queue.
#[derive(Debug, Clone)]
pub struct Queue {
    pub name: String,
    /// Attributes in the format of `CreateQueue`: `VisibilityTimeout` is a string of seconds,
    /// `RedrivePolicy` a string of JSON.
    pub attributes: BTreeMap<String, String>,
}

/// An S3 bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bucket {
    pub name: String,
    /// The first rule that matches a browser's request applies.
    pub cors: Vec<CorsRule>,
    pub expiry: Vec<Expiry>,
}

/// A CORS rule: which web origins may call a bucket from a browser. S3 stores it serialized, so its
/// field names must not change.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CorsRule {
    pub id: Option<String>,
    /// For example `https://app.example.com`. An origin or header may contain one `*`.
    pub origins: Vec<String>,
    /// Any of `GET`, `PUT`, `POST`, `DELETE`, `HEAD`.
    pub methods: Vec<String>,
    pub headers: Vec<String>,
    /// Response headers that the page may read.
    pub exposed: Vec<String>,
    /// How long a browser may cache a preflight response, in seconds.
    pub max_age: Option<u32>,
}

/// A lifecycle rule: objects whose key starts with `prefix` are deleted `days` days after they were written.
/// S3 stores it serialized, so its field names must not change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Expiry {
    pub prefix: String,
    pub days: u32,
}

/// A secret of Secrets Manager.
#[derive(Clone)]
pub struct Secret {
    pub logical_id: String,
    pub name: String,
    pub arn: String,
    pub value: String,
    /// The value before it; `None` if the secret was never replaced.
    pub previous_value: Option<String>,
}

impl Secret {
    /// The ARN of the secret with this name. AWS appends six random characters; here they are the same at each start.
    pub fn arn_of(name: &str) -> String {
        format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-000000")
    }
}

impl std::fmt::Debug for Secret {
    /// Without the values.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Secret").field(&self.arn).finish()
    }
}

/// A Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    pub name: String,
    pub arn: String,
    /// The template's `Handler`, passed to the process as `_HANDLER`.
    pub handler: String,
    /// The `S3Key` of its code.
    pub package: Option<String>,
    /// The process is killed when an invocation exceeds it.
    pub timeout: Duration,
    pub memory_mib: u32,
    pub environment: BTreeMap<String, String>,
    /// Maximum number of concurrent invocations (`ReservedConcurrentExecutions`).
    pub reserved_concurrency: Option<u32>,
    /// What its role allows; `None` if the template does not fully define the role.
    pub grants: Option<Vec<Grant>>,
}

/// An `Allow` statement of a role: every action on every resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// For example `dynamodb:PutItem`; may contain IAM wildcards.
    pub actions: Vec<String>,
    /// ARNs; may contain IAM wildcards.
    pub resources: Vec<String>,
    /// The condition on `s3:prefix`: one of these must match the prefix of a request that lists a bucket. They may
    /// contain wildcards. Empty without such a condition.
    pub prefixes: Vec<String>,
}

/// An SQS event source mapping.
#[derive(Debug, Clone)]
pub struct EventSource {
    /// The queue's name.
    pub queue: String,
    /// The function's name.
    pub function: String,
    pub batch_size: u32,
    pub batching_window: Duration,
    /// Maximum number of concurrent invocations (`ScalingConfig.MaximumConcurrency`).
    pub maximum_concurrency: Option<u32>,
    /// Whether `FunctionResponseTypes` contains `ReportBatchItemFailures`.
    pub reports_item_failures: bool,
}

/// An SNS topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    pub arn: String,
    /// The subscribed queues.
    pub targets: Vec<QueueTarget>,
}

/// A queue that SNS or EventBridge delivers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueTarget {
    /// The queue's name.
    pub queue: String,
    /// The name of the queue that receives what can't be delivered.
    pub dead_letter_queue: Option<String>,
}

/// An EventBridge rule with an event pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRule {
    /// The ARN that AWS would give it.
    pub arn: String,
    /// The bus's name.
    pub bus: String,
    /// The event's fields, each with its accepted values.
    pub pattern: Vec<(String, Vec<FieldMatcher>)>,
    pub targets: Vec<QueueTarget>,
}

/// One accepted value of a field in an event pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldMatcher {
    Exact(String),
    Prefix(String),
}

/// A schedule that invokes a function periodically.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub name: String,
    pub period: Duration,
    pub function: String,
    /// The function's event; `None` means EventBridge's scheduled event.
    pub input: Option<String>,
}

/// An API Gateway WebSocket API with one stage.
#[derive(Debug, Clone)]
pub struct WebSocketApi {
    pub api_id: String,
    pub stage: String,
    /// `RouteSelectionExpression`, for example `$request.body.action`.
    pub route_selection: String,
    /// By route key (`$connect`, `$disconnect`, `$default`, or an action's name).
    pub routes: BTreeMap<String, Route>,
    /// The stage's default throttle.
    pub throttle: Option<Throttle>,
}

/// A stage's throttle: a token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throttle {
    /// Sustained requests per second.
    pub rate: f64,
    /// Maximum number of requests at once.
    pub burst: u32,
}

/// One route of the WebSocket API.
#[derive(Debug, Clone)]
pub struct Route {
    pub function: String,
    /// The function of the REQUEST authorizer (only `$connect` may have one).
    pub authorizer: Option<String>,
    /// If one of these is missing, API Gateway responds 401 without invoking the authorizer.
    pub identity_sources: Vec<String>,
    /// Whether the template declares a `RouteResponse`. Without one, the function's response body is
    /// dropped.
    pub has_route_response: bool,
}
