//! Resolves a CloudFormation template into a [`StackSpec`], so that the deployed template is also the one
//! that runs locally.
//!
//! It opens no files and starts nothing. A resource type or property that could change what runs and that
//! the embedded cloud does not support is an error with its line.

mod buckets;
mod error;
mod function_aliases;
mod functions;
mod inputs;
mod intrinsics;
mod parameter_rules;
mod parameters;
mod properties;
mod queues;
mod resolver;
mod resource_identity;
mod roles;
mod sns_eventbridge;
mod substitutions;
mod tables;
mod websocket_api;
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;

pub use error::TemplateError;
use error::{LineError, Result};
use function_aliases::FunctionIndex;
pub use inputs::TemplateInputs;
use properties::Properties;
use resolver::{Resolver, Resource};
use yaml::{Node, Value};

use crate::stack_spec::{ACCOUNT, Queue, REGION, StackSpec};

/// The visibility timeout of a queue that sets none, in seconds (SQS API reference).
const DEFAULT_VISIBILITY_SECONDS: u32 = 30;
/// CloudFormation's quota for resources in a template.
const MAX_RESOURCES: usize = 500;

/// Resolves the template's `text`; `file_name` is used in errors.
///
/// # Errors
/// The text is not YAML or not a template, refers to something that does not exist, or needs something
/// that the embedded cloud does not support.
pub fn resolve(
    file_name: &str,
    text: &str,
    inputs: &TemplateInputs,
) -> std::result::Result<StackSpec, TemplateError> {
    resolve_stack(text, inputs).map_err(|error| error.in_file(file_name))
}

/// The logical ids of the secrets for which AWS would generate a value. The caller generates each value
/// once, stores it, and passes it to [`resolve`] in [`TemplateInputs::secrets`].
///
/// # Errors
/// The text is not YAML, or its `Resources` are not a map.
pub fn generated_secrets(
    file_name: &str,
    text: &str,
) -> std::result::Result<Vec<String>, TemplateError> {
    let ids = yaml::parse(text).and_then(|template| substitutions::generated_secrets(&template));
    ids.map_err(|error| error.in_file(file_name))
}

fn resolve_stack(text: &str, inputs: &TemplateInputs) -> Result<StackSpec> {
    let template = yaml::parse(text)?;
    check_sections(&template)?;
    let mut resolver = Resolver::new(&template, inputs)?;
    parameter_rules::check(&mut resolver)?;
    for condition in resolver.section("Conditions")? {
        resolver.condition(&condition.key, condition.line)?;
    }
    let resources = existing_resources(&mut resolver)?;
    let mut spec = StackSpec::default();
    for resource in &resources {
        match resource.kind.as_str() {
            "AWS::DynamoDB::Table" => spec.tables.push(tables::read(resource)?),
            "AWS::SQS::Queue" => spec.queues.push(queues::read(resource)?),
            "AWS::S3::Bucket" => spec.buckets.push(buckets::read(resource)?),
            "AWS::Lambda::Function" => spec.functions.push(functions::read(resource)?),
            "AWS::SecretsManager::Secret" => {
                substitutions::check_secret(Properties::of(resource)?)?;
                spec.secrets.extend(resolver.secret(resource)?);
            }
            kind if resource_identity::is_inert(kind) => {
                spec.inert.push((resource.id.clone(), kind.to_string()));
            }
            _ => {}
        }
    }
    check_unique_names(&resources)?;
    check_redrive_targets(&resources, &spec.queues)?;
    roles::assign(&resources, &mut spec.functions)?;
    connect_resources(&resources, &mut spec)?;
    spec.outputs = outputs(&mut resolver)?;
    Ok(spec)
}

/// The second pass: resources that refer to queues and functions, which may be declared after them.
fn connect_resources(resources: &[Rc<Resource>], spec: &mut StackSpec) -> Result<()> {
    let visibility = |queue: &Queue| {
        let timeout = queue.attributes.get("VisibilityTimeout");
        let seconds = timeout.and_then(|seconds| seconds.parse().ok());
        (
            queue.name.clone(),
            seconds.unwrap_or(DEFAULT_VISIBILITY_SECONDS),
        )
    };
    let queues: Vec<_> = spec.queues.iter().map(visibility).collect();
    sns_eventbridge::read_topics_and_buses(resources, spec)?;
    let function_index = FunctionIndex::build(resources, &spec.functions)?;
    for resource in resources {
        match resource.kind.as_str() {
            "AWS::Lambda::EventSourceMapping" => {
                let source = functions::event_source(resource, &queues, &function_index)?;
                spec.event_sources.extend(source);
            }
            "AWS::Events::Rule" if resource.properties.get("EventPattern").is_some() => {
                let rule = sns_eventbridge::event_rule(resource, spec)?;
                spec.event_rules.extend(rule);
            }
            "AWS::Events::Rule" | "AWS::Scheduler::Schedule" => {
                let schedules = functions::schedules(resource, &function_index)?;
                spec.schedules.extend(schedules);
            }
            _ => {}
        }
    }
    spec.websocket_api = websocket_api::read(resources, &function_index)?;
    Ok(())
}

fn check_sections(template: &Node) -> Result<()> {
    let Value::Map(sections) = &template.value else {
        return Err(LineError::at(
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
                let problem = format!("the section {other} is not supported by the embedded cloud");
                return Err(LineError::at(section.line, problem));
            }
        }
    }
    Ok(())
}

/// Every resource whose condition is true, in the template's order.
fn existing_resources(resolver: &mut Resolver<'_>) -> Result<Vec<Rc<Resource>>> {
    let entries = resolver.section("Resources")?;
    let Some(first) = entries.first() else {
        return Err(LineError::at(1, "the template has no Resources"));
    };
    if entries.len() > MAX_RESOURCES {
        let problem = format!("the template has more than {MAX_RESOURCES} resources");
        return Err(LineError::at(first.line, problem));
    }
    let mut resources = Vec::with_capacity(entries.len());
    for entry in entries {
        resources.extend(resolver.resource(&entry.key, entry.line)?);
    }
    Ok(resources)
}

/// Two resources of the same type and name are an error, as in AWS.
fn check_unique_names(resources: &[Rc<Resource>]) -> Result<()> {
    let mut seen = BTreeMap::new();
    for resource in resources {
        let reference = resource.identity.reference.as_str();
        if let Some(first) = seen.insert((resource.kind.as_str(), reference), &resource.id) {
            let problem = format!("{} has the same name as {first}", resource.id);
            return Err(LineError::at(resource.line, problem));
        }
    }
    Ok(())
}

fn check_redrive_targets(resources: &[Rc<Resource>], queues: &[Queue]) -> Result<()> {
    for resource in resources.iter().filter(|r| r.kind == "AWS::SQS::Queue") {
        let Some(mut redrive) = Properties::of(resource)?.map("RedrivePolicy")? else {
            continue;
        };
        let unknown_queue = redrive.error(
            "deadLetterTargetArn",
            "does not name a queue of this template",
        );
        let target = redrive.required("deadLetterTargetArn")?;
        let arn = |queue: &Queue| format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", queue.name);
        if !queues.iter().any(|queue| arn(queue) == target) {
            return Err(unknown_queue);
        }
    }
    Ok(())
}

fn outputs(resolver: &mut Resolver<'_>) -> Result<BTreeMap<String, String>> {
    let mut outputs = BTreeMap::new();
    for output in resolver.section("Outputs")? {
        let (name, line) = (&output.key, output.line);
        if let Some(condition) = output.node.get("Condition") {
            let condition = condition.node.as_text().unwrap_or_default();
            if !resolver.condition(condition, line)? {
                continue;
            }
        }
        let missing = || {
            LineError::at(
                line,
                format!("the output {name} must have a Value of plain text"),
            )
        };
        let value = output.node.get("Value").ok_or_else(missing)?;
        let value = resolver.evaluate(&value.node)?;
        let text = value.as_ref().and_then(Node::as_text).ok_or_else(missing)?;
        outputs.insert(name.clone(), resolver.replace_gateway_url(text)?);
    }
    Ok(outputs)
}
