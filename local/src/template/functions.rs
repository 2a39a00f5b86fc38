//! `AWS::Lambda::Function` and what calls one: event source mappings and schedules.
//!
//! It does not know how a function is run; its role is read by `roles`. Where
//! it logs is left out, and of where its code lies in S3 only the package's name is read.

use std::time::Duration;

use super::aliases::Callable;
use super::properties::Properties;
use super::scope::Resource;
use super::{Result, identity};
use crate::permissions::RequiredPermission;
use crate::plan::{ACCOUNT, EventSource, Function, Grant, REGION, Schedule};

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
    let runtime = function.fault(
        "Runtime",
        "must be provided.al2023: functions are programs here",
    );
    if function.required("Runtime")? != "provided.al2023" {
        return Err(runtime);
    }
    let name = function.text("FunctionName")?;
    let name = name.map_or_else(|| identity::default_name(&resource.id), str::to_string);
    let handler = function.required("Handler")?.to_string();
    let package = match function.map("Code")? {
        Some(mut code) => code.text("S3Key")?.map(str::to_string),
        None => None,
    };
    // Defaults and ranges of the Lambda API reference.
    let timeout = function.number("Timeout", 1, 900)?.unwrap_or(3);
    let memory = function.number("MemorySize", 128, 10_240)?.unwrap_or(128);
    let reserved_concurrency = function.number("ReservedConcurrentExecutions", 0, 1_000_000)?;
    let variables = match function.map("Environment")? {
        Some(mut environment) => environment.map("Variables")?,
        None => None,
    };
    let variables = variables.map_or(Ok(Vec::new()), Properties::pairs)?;
    let text = |(key, value): (&str, &str)| (key.to_string(), value.to_string());
    function.finish()?;
    Ok(Function {
        name,
        arn: resource.identity.attributes["Arn"].clone(),
        handler,
        package,
        timeout: Duration::from_secs(timeout),
        memory,
        environment: variables.into_iter().map(text).collect(),
        reserved_concurrency,
        grants: None,
    })
}

/// An event source mapping, or `None` where the template switches it off. Its queue and function
/// must be among those given.
pub(super) fn event_source(
    resource: &Resource,
    queues: &[(String, u32)],
    callable: &Callable<'_>,
) -> Result<Option<EventSource>> {
    let mut source = Properties::of(resource)?;
    source.ignore(&["KmsKeyArn", "MetricsConfig", "Tags"]);
    let no_queue = source.fault("EventSourceArn", "names no queue of this template");
    let arn = source.required("EventSourceArn")?;
    let is_source = |name: &str| arn == format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}");
    let queue = queues.iter().find(|(name, _)| is_source(name));
    let (queue, visibility) = queue.ok_or(no_queue)?;
    let no_function = source.fault("FunctionName", "names no function of this template");
    let named = source.required("FunctionName")?;
    let function = callable.find(named).ok_or(no_function)?;
    // AWS refuses the mapping otherwise: Lambda polls the queue by the function's role.
    for action in ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"] {
        let need = RequiredPermission {
            action: format!("sqs:{action}"),
            resource: arn.to_owned(),
        };
        let allows = |grants: &Vec<Grant>| grants.iter().any(|grant| grant.allows(&need));
        if !function.grants.as_ref().is_none_or(allows) {
            let problem = format!("names a function whose role does not allow {}", need.action);
            return Err(source.fault("FunctionName", &problem));
        }
    }
    // And otherwise as well: a message would come back while it is still worked on.
    if Duration::from_secs(u64::from(*visibility)) < function.timeout {
        let problem = format!(
            "names a queue whose VisibilityTimeout of {visibility} s is shorter than the \
             function's Timeout of {} s",
            function.timeout.as_secs()
        );
        return Err(source.fault("EventSourceArn", &problem));
    }
    // Ranges of the Lambda API reference for a standard queue.
    let window = source
        .number("MaximumBatchingWindowInSeconds", 0, 300)?
        .unwrap_or(0);
    let large = source.fault(
        "BatchSize",
        "above 10 needs a MaximumBatchingWindowInSeconds",
    );
    let batch_size = source.number("BatchSize", 1, 10_000)?.unwrap_or(10);
    if batch_size > 10 && window == 0 {
        return Err(large);
    }
    let maximum_concurrency = match source.map("ScalingConfig")? {
        None => None,
        Some(mut scaling) => {
            let most = scaling.number("MaximumConcurrency", 2, 1_000)?;
            scaling.finish()?;
            most
        }
    };
    let odd = source.fault(
        "FunctionResponseTypes",
        "can only be ReportBatchItemFailures",
    );
    let responses = source.texts("FunctionResponseTypes")?;
    if responses
        .iter()
        .any(|response| *response != "ReportBatchItemFailures")
    {
        return Err(odd);
    }
    let enabled = source.flag("Enabled")?.unwrap_or(true);
    source.finish()?;
    Ok(enabled.then(|| EventSource {
        queue: queue.clone(),
        function: function.name.clone(),
        batch_size,
        batching_window: Duration::from_secs(window),
        maximum_concurrency,
        reports_item_failures: !responses.is_empty(),
    }))
}

/// The schedules of an `AWS::Events::Rule` (one for each target) or of an
/// `AWS::Scheduler::Schedule`; none where it is disabled.
pub(super) fn schedules(resource: &Resource, callable: &Callable<'_>) -> Result<Vec<Schedule>> {
    let mut rule = Properties::of(resource)?;
    rule.ignore(&["Description", "FlexibleTimeWindow"]);
    let name = rule.text("Name")?;
    let name = name.map_or_else(|| identity::default_name(&resource.id), str::to_string);
    let wrong = rule.fault(
        "ScheduleExpression",
        "must be rate(1 minute), rate(2 hours) or the like: the local cloud knows no other",
    );
    let every = rate(rule.required("ScheduleExpression")?).ok_or(wrong)?;
    let state = rule.fault("State", "must be ENABLED or DISABLED");
    let enabled = match rule.text("State")? {
        None | Some("ENABLED") => true,
        Some("DISABLED") => false,
        Some(_) => return Err(state),
    };
    let mut targets = rule.maps("Targets")?;
    targets.extend(rule.map("Target")?);
    rule.finish()?;
    let mut schedules = Vec::new();
    for mut target in targets {
        target.ignore(&["Id", "RoleArn"]);
        let no_function = target.fault("Arn", "names no function of this template");
        let arn = target.required("Arn")?;
        let function = callable.find(arn).ok_or(no_function)?;
        let input = target.text("Input")?.map(str::to_string);
        target.finish()?;
        schedules.push(Schedule {
            name: name.clone(),
            every,
            function: function.name.clone(),
            input,
        });
    }
    schedules.retain(|_| enabled);
    Ok(schedules)
}

/// `rate(1 minute)`, `rate(5 minutes)`: AWS wants the singular for 1 and the plural otherwise.
fn rate(expression: &str) -> Option<Duration> {
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
