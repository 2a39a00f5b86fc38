//! `AWS::Lambda::Function`, its event source mappings and its schedules.
//!
//! Of the code's location in S3, only the package's name is read. `roles` adds the function's grants.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::error::Result;
use super::function_aliases::FunctionIndex;
use super::properties::Properties;
use super::resolver::Resource;
use super::resource_identity;
use crate::permissions::RequiredPermission;
use crate::stack_spec::{ACCOUNT, EventSource, Function, Grant, REGION, Schedule};

/// Maximum size of all environment variables of a function as JSON, in bytes (Lambda quotas).
const MAX_ENVIRONMENT_BYTES: usize = 4_096;

pub(super) fn read(resource: &Resource) -> Result<Function> {
    let mut function = Properties::of(resource)?;
    function.ignore(&[
        "Architectures",
        "Description",
        "EphemeralStorage",
        "KmsKeyArn",
        "LoggingConfig",
        "RecursiveLoop",
        "Role",
        "RuntimeManagementConfig",
        "Tags",
        "TracingConfig",
        "VpcConfig",
    ]);
    let unsupported_runtime = function.error(
        "Runtime",
        "must be provided.al2023: the embedded cloud runs only native programs",
    );
    if function.required("Runtime")? != "provided.al2023" {
        return Err(unsupported_runtime);
    }
    let name = function.text("FunctionName")?;
    let name = name.map_or_else(
        || resource_identity::default_name(&resource.id),
        str::to_string,
    );
    let handler = function.required("Handler")?.to_string();
    let package = match function.map("Code")? {
        Some(mut code) => code.text("S3Key")?.map(str::to_string),
        None => None,
    };
    // Defaults and ranges of the Lambda API reference.
    let timeout = function.number("Timeout", 1, 900)?.unwrap_or(3);
    let memory_mib = function.number("MemorySize", 128, 10_240)?.unwrap_or(128);
    let reserved_concurrency = function.number("ReservedConcurrentExecutions", 0, 1_000_000)?;
    let too_large = function.error(
        "Environment",
        &format!("is larger than Lambda's {MAX_ENVIRONMENT_BYTES} bytes"),
    );
    let variables = match function.map("Environment")? {
        Some(mut environment) => environment.map("Variables")?,
        None => None,
    };
    let variables = variables.map_or(Ok(Vec::new()), Properties::pairs)?;
    let text = |(key, value): (&str, &str)| (key.to_string(), value.to_string());
    let environment: BTreeMap<_, _> = variables.into_iter().map(text).collect();
    if json!(environment).to_string().len() > MAX_ENVIRONMENT_BYTES {
        return Err(too_large);
    }
    function.deny_unknown()?;
    Ok(Function {
        name,
        arn: resource.identity.attributes["Arn"].clone(),
        handler,
        package,
        timeout: Duration::from_secs(timeout),
        memory_mib,
        environment,
        reserved_concurrency,
        grants: None,
    })
}

/// An event source mapping; `None` if the template disables it. `queues` are the template's queues, each with
/// its visibility timeout in seconds.
pub(super) fn event_source(
    resource: &Resource,
    queues: &[(String, u32)],
    function_index: &FunctionIndex<'_>,
) -> Result<Option<EventSource>> {
    let mut source = Properties::of(resource)?;
    source.ignore(&["KmsKeyArn", "MetricsConfig", "Tags"]);
    let unknown_queue = source.error("EventSourceArn", "does not name a queue of this template");
    let arn = source.required("EventSourceArn")?;
    let is_source = |name: &str| arn == format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}");
    let queue = queues.iter().find(|(name, _)| is_source(name));
    let (queue, visibility) = queue.ok_or(unknown_queue)?;
    let unknown_function =
        source.error("FunctionName", "does not name a function of this template");
    let function_name = source.required("FunctionName")?;
    let function = function_index.find(function_name).ok_or(unknown_function)?;
    // Lambda polls the queue with the function's role, so AWS rejects a mapping without these permissions.
    for action in ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"] {
        let need = RequiredPermission {
            action: format!("sqs:{action}"),
            resource: arn.to_owned(),
            prefix: None,
        };
        let allows = |grants: &Vec<Grant>| grants.iter().any(|grant| grant.allows(&need));
        if !function.grants.as_ref().is_none_or(allows) {
            let problem = format!("names a function whose role does not allow {}", need.action);
            return Err(source.error("FunctionName", &problem));
        }
    }
    // AWS also rejects a shorter visibility timeout: messages would reappear while they are being processed.
    if Duration::from_secs(u64::from(*visibility)) < function.timeout {
        let problem = format!(
            "names a queue whose VisibilityTimeout of {visibility} s is shorter than the \
             function's Timeout of {} s",
            function.timeout.as_secs()
        );
        return Err(source.error("EventSourceArn", &problem));
    }
    // Ranges of the Lambda API reference for a standard queue.
    let window = source
        .number("MaximumBatchingWindowInSeconds", 0, 300)?
        .unwrap_or(0);
    let missing_window = source.error(
        "BatchSize",
        "above 10 requires a MaximumBatchingWindowInSeconds",
    );
    let batch_size = source.number("BatchSize", 1, 10_000)?.unwrap_or(10);
    if batch_size > 10 && window == 0 {
        return Err(missing_window);
    }
    let maximum_concurrency = match source.map("ScalingConfig")? {
        None => None,
        Some(mut scaling) => {
            let maximum = scaling.number("MaximumConcurrency", 2, 1_000)?;
            scaling.deny_unknown()?;
            maximum
        }
    };
    let unsupported_response_type = source.error(
        "FunctionResponseTypes",
        "can only be ReportBatchItemFailures",
    );
    let responses = source.texts("FunctionResponseTypes")?;
    if responses
        .iter()
        .any(|response| *response != "ReportBatchItemFailures")
    {
        return Err(unsupported_response_type);
    }
    let enabled = source.flag("Enabled")?.unwrap_or(true);
    source.deny_unknown()?;
    Ok(enabled.then(|| EventSource {
        queue: queue.clone(),
        function: function.name.clone(),
        batch_size,
        batching_window: Duration::from_secs(window),
        maximum_concurrency,
        reports_item_failures: !responses.is_empty(),
    }))
}

/// The schedules of an `AWS::Events::Rule` (one per target) or an `AWS::Scheduler::Schedule`; empty if it is
/// disabled.
pub(super) fn schedules(
    resource: &Resource,
    function_index: &FunctionIndex<'_>,
) -> Result<Vec<Schedule>> {
    let mut rule = Properties::of(resource)?;
    rule.ignore(&["Description", "FlexibleTimeWindow"]);
    let name = rule.text("Name")?;
    let name = name.map_or_else(
        || resource_identity::default_name(&resource.id),
        str::to_string,
    );
    let unsupported_expression = rule.error(
        "ScheduleExpression",
        "must be a rate such as rate(1 minute) or rate(2 hours): the embedded cloud supports no other schedule",
    );
    let period = parse_rate(rule.required("ScheduleExpression")?).ok_or(unsupported_expression)?;
    let invalid_state = rule.error("State", "must be ENABLED or DISABLED");
    let enabled = match rule.text("State")? {
        None | Some("ENABLED") => true,
        Some("DISABLED") => false,
        Some(_) => return Err(invalid_state),
    };
    let mut targets = rule.maps("Targets")?;
    targets.extend(rule.map("Target")?);
    rule.deny_unknown()?;
    let mut schedules = Vec::new();
    for mut target in targets {
        target.ignore(&["Id", "RoleArn"]);
        let unknown_function = target.error("Arn", "does not name a function of this template");
        let arn = target.required("Arn")?;
        let function = function_index.find(arn).ok_or(unknown_function)?;
        let input = target.text("Input")?.map(str::to_string);
        target.deny_unknown()?;
        schedules.push(Schedule {
            name: name.clone(),
            period,
            function: function.name.clone(),
            input,
        });
    }
    schedules.retain(|_| enabled);
    Ok(schedules)
}

/// Parses `rate(1 minute)` or `rate(5 minutes)`: AWS requires the singular for 1 and the plural otherwise.
fn parse_rate(expression: &str) -> Option<Duration> {
    let inside = expression.strip_prefix("rate(")?.strip_suffix(')')?;
    let (number, unit) = inside.split_once(' ')?;
    let number: u32 = number.parse().ok()?;
    let seconds = match (number, unit) {
        (1, "minute") | (2.., "minutes") => 60,
        (1, "hour") | (2.., "hours") => 3_600,
        (1, "day") | (2.., "days") => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(u64::from(number) * seconds))
}
