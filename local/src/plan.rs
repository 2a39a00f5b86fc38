//! What a template asks for, resolved: the one thing that the template reader hands to the services.
//!
//! Plain data. It knows neither YAML nor sockets: the reader fills it, each service takes its part.

use std::collections::BTreeMap;
use std::time::Duration;

/// The account that every local ARN names; AWS issues no such account.
pub const ACCOUNT: &str = "000000000000";
/// The region that every local ARN names and every local signature is read under.
pub const REGION: &str = "us-east-1";

/// Everything that one stack needs in order to run.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub tables: Vec<Table>,
    pub queues: Vec<Queue>,
    pub buckets: Vec<Bucket>,
    pub functions: Vec<Function>,
    pub event_sources: Vec<EventSource>,
    pub schedules: Vec<Schedule>,
    /// SNS topics that reach a queue.
    pub topics: Vec<Topic>,
    /// EventBridge buses, by name.
    pub buses: Vec<String>,
    pub event_rules: Vec<EventRule>,
    pub gateway: Option<Gateway>,
    /// Resources that exist only in AWS (alarms, roles, log groups): logical id and type.
    pub inert: Vec<(String, String)>,
    /// The stack's outputs, by output key.
    pub outputs: BTreeMap<String, String>,
}

/// A DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    /// The `CreateTable` request that makes it, in DynamoDB's JSON.
    pub create: serde_json::Value,
    /// The attribute that holds the expiry time (epoch seconds), where the template enables TTL.
    pub ttl_attribute: Option<String>,
}

/// An SQS standard queue.
#[derive(Debug, Clone)]
pub struct Queue {
    pub name: String,
    /// Attributes as `CreateQueue` takes them: names and values as SQS spells them, so
    /// `VisibilityTimeout` is a string of seconds and `RedrivePolicy` a string of JSON.
    pub attributes: BTreeMap<String, String>,
}

/// An S3 bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bucket {
    pub name: String,
    /// The first that fits a browser's request decides.
    pub cors: Vec<CorsRule>,
    pub expiry: Vec<Expiry>,
}

/// Which pages may call a bucket from a browser.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CorsRule {
    pub id: Option<String>,
    /// Such as `https://app.example.com`; each may hold one `*`, and so may a header.
    pub origins: Vec<String>,
    /// Of `GET`, `PUT`, `POST`, `DELETE`, `HEAD`.
    pub methods: Vec<String>,
    pub headers: Vec<String>,
    /// The headers of an answer that the page may read.
    pub exposed: Vec<String>,
    /// How long a browser may keep a preflight's answer, in seconds.
    pub max_age: Option<u32>,
}

/// Objects whose key begins with `prefix` are deleted so many days after they were written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Expiry {
    pub prefix: String,
    pub days: u32,
}

/// A Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    pub name: String,
    pub arn: String,
    /// The template's `Handler`: it reaches the process as `_HANDLER`.
    pub handler: String,
    /// The `S3Key` of its code.
    pub package: Option<String>,
    /// Past it the process is killed.
    pub timeout: Duration,
    /// MiB.
    pub memory: u32,
    pub environment: BTreeMap<String, String>,
    /// At most so many invocations at once (`ReservedConcurrentExecutions`).
    pub reserved_concurrency: Option<u32>,
    /// What its role allows; `None` where the role is none of the template's, and unknown.
    pub grants: Option<Vec<Grant>>,
}

/// A statement of a role that allows each of these actions on each of these resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Such as `dynamodb:PutItem`; with IAM's wildcards.
    pub actions: Vec<String>,
    /// ARNs; with IAM's wildcards.
    pub resources: Vec<String>,
}

/// An SQS event source mapping.
#[derive(Debug, Clone)]
pub struct EventSource {
    /// The queue's name, and the function's.
    pub queue: String,
    pub function: String,
    pub batch_size: u32,
    pub batching_window: Duration,
    /// At most so many invocations at once (`ScalingConfig.MaximumConcurrency`).
    pub maximum_concurrency: Option<u32>,
    /// Whether `FunctionResponseTypes` has `ReportBatchItemFailures`.
    pub reports_item_failures: bool,
}

/// An SNS topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    pub arn: String,
    /// The names of the queues that subscribe to it.
    pub queues: Vec<String>,
}

/// An EventBridge rule that matches events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRule {
    /// The bus's name.
    pub bus: String,
    /// Fields of the event, each with what it may be.
    pub pattern: Vec<(String, Vec<Match>)>,
    /// The names of the queues that are its targets.
    pub queues: Vec<String>,
}

/// What a pattern wants of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    Exactly(String),
    Prefix(String),
}

/// A function that runs by the clock.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub name: String,
    pub every: Duration,
    pub function: String,
    /// The event that the function gets; `None` means the scheduler's own.
    pub input: Option<String>,
}

/// An API Gateway WebSocket API with its one stage.
#[derive(Debug, Clone)]
pub struct Gateway {
    pub api_id: String,
    pub stage: String,
    /// `RouteSelectionExpression`, such as `$request.body.action`.
    pub route_selection: String,
    /// By route key (`$connect`, `$disconnect`, `$default`, or an action's name).
    pub routes: BTreeMap<String, Route>,
    /// The stage's default throttle: requests a second and burst.
    pub throttle: Option<(f64, u32)>,
}

/// One route of the WebSocket API.
#[derive(Debug, Clone)]
pub struct Route {
    pub function: String,
    /// The REQUEST authorizer's function (only `$connect` may have one).
    pub authorizer: Option<String>,
    /// The identity sources without which API Gateway answers 401 without asking the authorizer.
    pub identity_sources: Vec<String>,
    /// Whether a `RouteResponse` is declared: without one, the function's body reaches nobody.
    pub responds: bool,
}
