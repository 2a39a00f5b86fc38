//! Reads a CloudFormation template into a [`Plan`]: the template that deploys is the one that runs
//! locally.
//!
//! It opens no file and starts nothing. It refuses to guess: a resource type or property that it
//! does not know, and that could change what runs, is an error with its line.

mod aliases;
mod buckets;
mod functions;
mod gateway;
mod identity;
mod intrinsics;
mod node;
mod parameters;
mod properties;
mod publishing;
mod queues;
mod roles;
mod rules;
mod scope;
mod substitutes;
mod tables;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;

use aliases::Callable;
use node::{Node, Value};
use properties::Properties;
use scope::{Resource, Scope};

use crate::plan::{ACCOUNT, Plan, Queue, REGION};

/// The visibility timeout of a queue that sets none, in seconds (SQS API reference).
const DEFAULT_VISIBILITY: u32 = 30;
/// CloudFormation's quota for resources in a template.
const MOST_RESOURCES: usize = 500;

/// What the template does not say itself.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Values of the template's parameters, by name, in place of their defaults.
    pub parameters: BTreeMap<String, String>,
    /// Values in place of defaults, for those of these parameters that the template has: what whoever
    /// starts the cloud would set, whatever the template.
    pub defaults: BTreeMap<String, String>,
    /// Where the AWS services answer, such as `http://127.0.0.1:4566`: queue URLs begin with it.
    pub endpoint: String,
    /// Host and port of the WebSocket gateway, such as `127.0.0.1:3001`.
    pub gateway: String,
    /// The values that AWS would have generated, by the secret's logical id (see [`secrets`]).
    pub secrets: BTreeMap<String, String>,
}

/// What is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: line {line}: {problem}")]
pub struct TemplateError {
    /// The file's name, as the caller gave it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// One sentence, without its full stop.
    pub problem: String,
}

/// An error before it knows its file's name.
#[derive(Debug)]
struct Fault {
    line: usize,
    problem: String,
}

type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    fn at(line: usize, problem: impl Into<String>) -> Fault {
        Fault {
            line,
            problem: problem.into(),
        }
    }

    fn within(self, file: &str) -> TemplateError {
        TemplateError {
            file: file.to_string(),
            line: self.line,
            problem: self.problem,
        }
    }
}

/// Reads the template's `text` and resolves it into what one stack needs in order to run; `name`
/// is the file's name, for errors.
///
/// # Errors
/// For what is not YAML, not a template, refers to what is not there, or needs something that the
/// local cloud does not have.
pub fn read(
    name: &str,
    text: &str,
    settings: &Settings,
) -> std::result::Result<Plan, TemplateError> {
    plan(text, settings).map_err(|fault| fault.within(name))
}

/// The logical ids of the secrets for which AWS would generate a value. The caller makes each
/// value once, keeps it, and gives it to [`read`] in [`Settings::secrets`].
///
/// # Errors
/// For what is not YAML or has no proper `Resources`.
pub fn secrets(name: &str, text: &str) -> std::result::Result<Vec<String>, TemplateError> {
    let generated = node::parse(text).and_then(|template| substitutes::generated(&template));
    generated.map_err(|fault| fault.within(name))
}

fn plan(text: &str, settings: &Settings) -> Result<Plan> {
    let template = node::parse(text)?;
    check_sections(&template)?;
    let mut scope = Scope::new(&template, settings)?;
    rules::check(&mut scope)?;
    for condition in scope.section("Conditions")? {
        scope.condition(&condition.key, condition.line)?;
    }
    let resources = existing(&mut scope)?;
    let mut plan = Plan::default();
    for resource in &resources {
        match resource.kind.as_str() {
            "AWS::DynamoDB::Table" => plan.tables.push(tables::read(resource)?),
            "AWS::SQS::Queue" => plan.queues.push(queues::read(resource)?),
            "AWS::S3::Bucket" => plan.buckets.push(buckets::read(resource)?),
            "AWS::Lambda::Function" => plan.functions.push(functions::read(resource)?),
            "AWS::SecretsManager::Secret" => {
                substitutes::check_secret(Properties::of(resource)?)?;
            }
            kind if identity::is_inert(kind) => {
                plan.inert.push((resource.id.clone(), kind.to_string()));
            }
            _ => {}
        }
    }
    check_names(&resources)?;
    check_redrives(&resources, &plan.queues)?;
    roles::assign(&resources, &mut plan.functions)?;
    wire(&resources, &mut plan)?;
    plan.outputs = outputs(&mut scope)?;
    Ok(plan)
}

/// Connects what the first pass found: a mapping or a route may stand before what it names.
fn wire(resources: &[Rc<Resource>], plan: &mut Plan) -> Result<()> {
    let visibility = |queue: &Queue| {
        let set = queue.attributes.get("VisibilityTimeout");
        let seconds = set.and_then(|seconds| seconds.parse().ok());
        (queue.name.clone(), seconds.unwrap_or(DEFAULT_VISIBILITY))
    };
    let queues: Vec<_> = plan.queues.iter().map(visibility).collect();
    publishing::read(resources, plan)?;
    let callable = Callable::read(resources, &plan.functions)?;
    for resource in resources {
        match resource.kind.as_str() {
            "AWS::Lambda::EventSourceMapping" => {
                let source = functions::event_source(resource, &queues, &callable)?;
                plan.event_sources.extend(source);
            }
            "AWS::Events::Rule" if resource.properties.get("EventPattern").is_some() => {
                let rule = publishing::rule(resource, plan)?;
                plan.event_rules.extend(rule);
            }
            "AWS::Events::Rule" | "AWS::Scheduler::Schedule" => {
                let schedules = functions::schedules(resource, &callable)?;
                plan.schedules.extend(schedules);
            }
            _ => {}
        }
    }
    plan.gateway = gateway::read(resources, &callable)?;
    Ok(())
}

fn check_sections(template: &Node) -> Result<()> {
    let Value::Map(sections) = &template.value else {
        return Err(Fault::at(
            template.line,
            "a template must be a map of sections",
        ));
    };
    for section in sections {
        match section.key.as_str() {
            "AWSTemplateFormatVersion"
            | "Description"
            | "Metadata"
            | "Parameters"
            | "Mappings"
            | "Conditions"
            | "Rules"
            | "Resources"
            | "Outputs" => {}
            other => {
                let problem = format!("the section {other} is not known to the local cloud");
                return Err(Fault::at(section.line, problem));
            }
        }
    }
    Ok(())
}

/// Every resource whose condition holds, in the template's order.
fn existing(scope: &mut Scope<'_>) -> Result<Vec<Rc<Resource>>> {
    let entries = scope.section("Resources")?;
    let Some(first) = entries.first() else {
        return Err(Fault::at(1, "the template has no Resources"));
    };
    if entries.len() > MOST_RESOURCES {
        let problem = format!("the template has more than {MOST_RESOURCES} resources");
        return Err(Fault::at(first.line, problem));
    }
    let mut resources = Vec::with_capacity(entries.len());
    for entry in entries {
        resources.extend(scope.resource(&entry.key, entry.line)?);
    }
    Ok(resources)
}

/// Two resources of one type and name would be one thing here, and an error in AWS.
fn check_names(resources: &[Rc<Resource>]) -> Result<()> {
    let mut seen = BTreeMap::new();
    for resource in resources {
        let reference = resource.identity.reference.as_str();
        if let Some(first) = seen.insert((resource.kind.as_str(), reference), &resource.id) {
            let problem = format!("{} has the same name as {first}", resource.id);
            return Err(Fault::at(resource.line, problem));
        }
    }
    Ok(())
}

fn check_redrives(resources: &[Rc<Resource>], queues: &[Queue]) -> Result<()> {
    for resource in resources.iter().filter(|r| r.kind == "AWS::SQS::Queue") {
        let Some(mut redrive) = Properties::of(resource)?.map("RedrivePolicy")? else {
            continue;
        };
        let lost = redrive.fault("deadLetterTargetArn", "names no queue of this template");
        let target = redrive.required("deadLetterTargetArn")?;
        let arn = |queue: &Queue| format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", queue.name);
        if !queues.iter().any(|queue| arn(queue) == target) {
            return Err(lost);
        }
    }
    Ok(())
}

fn outputs(scope: &mut Scope<'_>) -> Result<BTreeMap<String, String>> {
    let mut outputs = BTreeMap::new();
    for output in scope.section("Outputs")? {
        let (name, line) = (&output.key, output.line);
        if let Some(condition) = output.node.get("Condition") {
            let condition = condition.node.as_text().unwrap_or_default();
            if !scope.condition(condition, line)? {
                continue;
            }
        }
        let missing = || {
            Fault::at(
                line,
                format!("the output {name} must have a Value of plain text"),
            )
        };
        let value = output.node.get("Value").ok_or_else(missing)?;
        let value = scope.value(&value.node)?;
        let text = value.as_ref().and_then(Node::as_text).ok_or_else(missing)?;
        outputs.insert(name.clone(), scope.local_gateway(text)?);
    }
    Ok(outputs)
}
