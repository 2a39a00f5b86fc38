//! SNS topics with their subscriptions, and EventBridge buses with their event pattern rules.
//!
//! Only queues are supported as subscribers and targets; e-mail and SMS have no local effect. The queues'
//! policies are not checked.

use std::rc::Rc;

use super::error::{LineError, Result};
use super::properties::Properties;
use super::resolver::Resource;
use super::yaml::{MapEntry, Node, Value};
use crate::stack_spec::{ACCOUNT, EventRule, FieldMatcher, QueueTarget, REGION, StackSpec, Topic};

/// Protocols that notify people: without local effect.
const HUMAN_PROTOCOLS: [&str; 3] = ["email", "email-json", "sms"];

/// Adds topics and buses. A topic without queue subscriptions has no local effect.
pub(super) fn read_topics_and_buses(
    resources: &[Rc<Resource>],
    spec: &mut StackSpec,
) -> Result<()> {
    let of_kind = |kind: &'static str| resources.iter().filter(move |r| r.kind == kind);
    for resource in of_kind("AWS::SNS::Topic") {
        let mut properties = Properties::of(resource)?;
        properties.ignore(&["DisplayName", "KmsMasterKeyId", "Tags", "TopicName"]);
        let mut topic = Topic {
            arn: resource.identity.reference.clone(),
            targets: vec![],
        };
        for subscription in properties.maps("Subscription")? {
            topic.targets.extend(subscribed_queue(subscription, spec)?);
        }
        properties.deny_unknown()?;
        for subscription in of_kind("AWS::SNS::Subscription") {
            let mut subscription = Properties::of(subscription)?;
            if subscription.required("TopicArn")? == topic.arn {
                topic.targets.extend(subscribed_queue(subscription, spec)?);
            }
        }
        match topic.targets.is_empty() {
            true => spec
                .inert
                .push((resource.id.clone(), resource.kind.clone())),
            false => spec.topics.push(topic),
        }
    }
    for resource in of_kind("AWS::Events::EventBus") {
        let mut bus = Properties::of(resource)?;
        bus.ignore(&["Description", "KmsKeyIdentifier", "Name", "Tags"]);
        bus.deny_unknown()?;
        spec.buses.push(resource.identity.reference.clone());
    }
    Ok(())
}

/// The subscribed queue; `None` if the subscription notifies people.
fn subscribed_queue(
    mut subscription: Properties<'_>,
    spec: &StackSpec,
) -> Result<Option<QueueTarget>> {
    let unsupported_protocol = subscription.error(
        "Protocol",
        "must be sqs: the embedded cloud delivers only to queues",
    );
    let unknown_queue = subscription.error("Endpoint", "does not name a queue of this template");
    let protocol = subscription.required("Protocol")?;
    let endpoint = subscription.required("Endpoint")?;
    let dead_letter_queue = match subscription.map("RedrivePolicy")? {
        None => None,
        Some(redrive) => Some(dead_letter_queue(redrive, "deadLetterTargetArn", spec)?),
    };
    subscription.deny_unknown()?;
    match protocol {
        "sqs" => {
            let queue = queue_name(endpoint, spec).ok_or(unknown_queue)?;
            Ok(Some(QueueTarget {
                queue,
                dead_letter_queue,
            }))
        }
        other if HUMAN_PROTOCOLS.contains(&other) => Ok(None),
        _ => Err(unsupported_protocol),
    }
}

/// The queue whose ARN is the only property, `key`.
fn dead_letter_queue(
    mut properties: Properties<'_>,
    key: &str,
    spec: &StackSpec,
) -> Result<String> {
    let unknown_queue = properties.error(key, "does not name a queue of this template");
    let queue = queue_name(properties.required(key)?, spec).ok_or(unknown_queue)?;
    properties.deny_unknown()?;
    Ok(queue)
}

fn queue_name(arn: &str, spec: &StackSpec) -> Option<String> {
    let name = arn.strip_prefix(&format!("arn:aws:sqs:{REGION}:{ACCOUNT}:"))?;
    let mut names = spec.queues.iter().map(|queue| &queue.name);
    names.find(|known| *known == name).cloned()
}

/// The rule of a resource with an `EventPattern`; `None` if it has none or is disabled.
pub(super) fn event_rule(resource: &Resource, spec: &StackSpec) -> Result<Option<EventRule>> {
    let mut rule = Properties::of(resource)?;
    rule.ignore(&["Description", "EventPattern", "Name", "RoleArn"]);
    let Some(pattern) = resource.properties.get("EventPattern") else {
        return Ok(None);
    };
    let fields = pattern.node.entries("EventPattern")?.iter();
    let field = |entry: &MapEntry| {
        let matchers = entry.node.items(&entry.key)?.iter().map(field_matcher);
        let matchers = matchers.collect::<Result<Vec<_>>>()?;
        match entry.key.as_str() {
            "source" | "detail-type" | "account" => Ok((entry.key.clone(), matchers)),
            other => Err(LineError::at(
                entry.line,
                format!("{other} of EventPattern is not supported by the embedded cloud"),
            )),
        }
    };
    let pattern = fields.map(field).collect::<Result<_>>()?;
    let bus = rule.text("EventBusName")?.unwrap_or("default");
    let bus = bus.rsplit('/').next().unwrap_or(bus).to_owned();
    let enabled = rule.text("State")? != Some("DISABLED");
    let mut targets = vec![];
    for mut target in rule.maps("Targets")? {
        let unknown_queue = target.error("Arn", "does not name a queue of this template");
        target.ignore(&["Id"]);
        let queue = queue_name(target.required("Arn")?, spec).ok_or(unknown_queue)?;
        let dead_letter_queue = match target.map("DeadLetterConfig")? {
            None => None,
            Some(config) => Some(dead_letter_queue(config, "Arn", spec)?),
        };
        target.deny_unknown()?;
        targets.push(QueueTarget {
            queue,
            dead_letter_queue,
        });
    }
    rule.deny_unknown()?;
    Ok(enabled.then_some(EventRule {
        arn: resource.identity.attributes["Arn"].clone(),
        bus,
        pattern,
        targets,
    }))
}

fn field_matcher(node: &Node) -> Result<FieldMatcher> {
    let unsupported = || {
        let problem = "a value of a pattern must be a text or {prefix: text}: the embedded cloud supports nothing else";
        LineError::at(node.line, problem)
    };
    match &node.value {
        Value::Text(text) => Ok(FieldMatcher::Exact(text.clone())),
        Value::Map(entries) if entries.len() == 1 => {
            let prefix = node
                .get("prefix")
                .and_then(|entry| entry.node.as_text())
                .ok_or_else(unsupported)?;
            Ok(FieldMatcher::Prefix(prefix.to_owned()))
        }
        _ => Err(unsupported()),
    }
}
