//! `AWS::SNS::Topic` and its subscriptions, `AWS::Events::EventBus` and the rules that match its events: which
//! queue gets what is published.
//!
//! Queues are the only subscribers and targets known here; mail and the like is without effect. Whether AWS
//! would let a message into the queue (its policy) is not read.

use std::rc::Rc;

use super::node::{Node, Value};
use super::properties::Properties;
use super::scope::Resource;
use super::{Fault, Result};
use crate::plan::{ACCOUNT, EventRule, Match, Plan, REGION, Topic};

/// Protocols that reach people.
const FOR_PEOPLE: [&str; 3] = ["email", "email-json", "sms"];

/// Adds what publishes into queues; a topic that reaches none is without effect.
pub(super) fn read(resources: &[Rc<Resource>], plan: &mut Plan) -> Result<()> {
    let of_kind = |kind: &'static str| resources.iter().filter(move |r| r.kind == kind);
    for resource in of_kind("AWS::SNS::Topic") {
        let mut properties = Properties::of(resource)?;
        properties.ignore(&["DisplayName", "KmsMasterKeyId", "Tags", "TopicName"]);
        let mut topic = Topic {
            arn: resource.identity.reference.clone(),
            queues: vec![],
        };
        for subscription in properties.maps("Subscription")? {
            topic.queues.extend(subscriber(subscription, plan)?);
        }
        properties.finish()?;
        for subscription in of_kind("AWS::SNS::Subscription") {
            let mut subscription = Properties::of(subscription)?;
            if subscription.required("TopicArn")? == topic.arn {
                topic.queues.extend(subscriber(subscription, plan)?);
            }
        }
        match topic.queues.is_empty() {
            true => plan
                .inert
                .push((resource.id.clone(), resource.kind.clone())),
            false => plan.topics.push(topic),
        }
    }
    for resource in of_kind("AWS::Events::EventBus") {
        let mut bus = Properties::of(resource)?;
        bus.ignore(&["Description", "KmsKeyIdentifier", "Name", "Tags"]);
        bus.finish()?;
        plan.buses.push(resource.identity.reference.clone());
    }
    Ok(())
}

/// The queue that a subscription leads to, if to any.
fn subscriber(mut subscription: Properties<'_>, plan: &Plan) -> Result<Option<String>> {
    let unknown = subscription.fault("Protocol", "must be sqs: topics reach queues only here");
    let lost = subscription.fault("Endpoint", "names no queue of this template");
    let protocol = subscription.required("Protocol")?;
    let endpoint = subscription.required("Endpoint")?;
    subscription.finish()?;
    match protocol {
        "sqs" => queue(endpoint, plan).ok_or(lost).map(Some),
        other if FOR_PEOPLE.contains(&other) => Ok(None),
        _ => Err(unknown),
    }
}

fn queue(arn: &str, plan: &Plan) -> Option<String> {
    let name = arn.strip_prefix(&format!("arn:aws:sqs:{REGION}:{ACCOUNT}:"))?;
    let mut names = plan.queues.iter().map(|queue| &queue.name);
    names.find(|known| *known == name).cloned()
}

/// The rule of a resource that has an `EventPattern`; `None` where it has none, or is switched off.
pub(super) fn rule(resource: &Resource, plan: &Plan) -> Result<Option<EventRule>> {
    let mut rule = Properties::of(resource)?;
    rule.ignore(&["Description", "EventPattern", "Name", "RoleArn"]);
    let Some(pattern) = resource.properties.get("EventPattern") else {
        return Ok(None);
    };
    let fields = pattern.node.entries("EventPattern")?.iter();
    let field = |entry: &super::node::Entry| {
        let matches = entry.node.items(&entry.key)?.iter().map(one_of);
        let matches = matches.collect::<Result<Vec<_>>>()?;
        match entry.key.as_str() {
            "source" | "detail-type" | "account" => Ok((entry.key.clone(), matches)),
            other => Err(Fault::at(
                entry.line,
                format!("{other} of EventPattern is not known to the local cloud"),
            )),
        }
    };
    let pattern = fields.map(field).collect::<Result<_>>()?;
    let bus = rule.text("EventBusName")?.unwrap_or("default");
    let bus = bus.rsplit('/').next().unwrap_or(bus).to_owned();
    let enabled = rule.text("State")? != Some("DISABLED");
    let mut queues = vec![];
    for mut target in rule.maps("Targets")? {
        let lost = target.fault("Arn", "names no queue of this template");
        target.ignore(&["Id"]);
        queues.push(queue(target.required("Arn")?, plan).ok_or(lost)?);
        target.finish()?;
    }
    rule.finish()?;
    Ok(enabled.then_some(EventRule {
        bus,
        pattern,
        queues,
    }))
}

fn one_of(node: &Node) -> Result<Match> {
    let odd = || {
        let problem = "a pattern must be a text or {prefix: text} here";
        Fault::at(node.line, problem)
    };
    match &node.value {
        Value::Text(text) => Ok(Match::Exactly(text.clone())),
        Value::Map(entries) if entries.len() == 1 => {
            let prefix = node
                .get("prefix")
                .and_then(|entry| entry.node.as_text())
                .ok_or_else(odd)?;
            Ok(Match::Prefix(prefix.to_owned()))
        }
        _ => Err(odd()),
    }
}
