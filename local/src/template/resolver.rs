//! Resolves parameters, conditions and resources by name: each once, on first use, with cycle detection.
//!
//! `intrinsics` adds the evaluation of intrinsic functions, `substitutions` the replacement of values that
//! exist only in AWS.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::error::{LineError, Result};
use super::inputs::TemplateInputs;
use super::parameters;
use super::resource_identity::{self, ResourceIdentity, STACK};
use super::yaml::{MapEntry, Node, Value};
use crate::stack_spec::{ACCOUNT, REGION};

/// Maximum depth of nested functions and references. It keeps hostile input from exhausting the stack; the
/// project's own template needs about 20.
const MAX_DEPTH: usize = 200;

/// A resource with resolved properties.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) id: String,
    pub(super) kind: String,
    /// The line of the logical id.
    pub(super) line: usize,
    /// A map without intrinsic functions.
    pub(super) properties: Node,
    pub(super) identity: ResourceIdentity,
}

/// The state of resolving one template.
pub(super) struct Resolver<'a> {
    pub(super) template: &'a Node,
    pub(super) inputs: &'a TemplateInputs,
    pub(super) parameters: BTreeMap<String, Node>,
    conditions: BTreeMap<String, bool>,
    resources: BTreeMap<String, Rc<Resource>>,
    /// What is being resolved now, outermost first. Resolving one of these again is a circular reference.
    path: Vec<String>,
    depth: usize,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(template: &'a Node, inputs: &'a TemplateInputs) -> Result<Resolver<'a>> {
        let section = template.get("Parameters").map(|entry| &entry.node);
        Ok(Resolver {
            template,
            inputs,
            parameters: parameters::values(
                section,
                &inputs.parameters,
                &inputs.parameter_defaults,
            )?,
            conditions: BTreeMap::new(),
            resources: BTreeMap::new(),
            path: Vec::new(),
            depth: 0,
        })
    }

    /// The entries of a section of the template; empty if there is no such section.
    pub(super) fn section(&self, name: &str) -> Result<&'a [MapEntry]> {
        let template: &'a Node = self.template;
        template
            .get(name)
            .map_or(Ok(&[]), |section| section.node.entries(name))
    }

    /// Whether the condition `name` is true; `line` is where it is referenced.
    pub(super) fn condition(&mut self, name: &str, line: usize) -> Result<bool> {
        if let Some(known) = self.conditions.get(name) {
            return Ok(*known);
        }
        let entry = self
            .section("Conditions")?
            .iter()
            .find(|entry| entry.key == name)
            .ok_or_else(|| LineError::at(line, format!("the condition {name} is not defined")))?;
        let is_true = self.detect_cycle(format!("condition {name}"), line, |resolver| {
            resolver.evaluate_condition(&entry.node)
        })?;
        self.conditions.insert(name.to_string(), is_true);
        Ok(is_true)
    }

    /// The resource `id`, or `None` if its condition is false; `line` is where it is referenced.
    pub(super) fn resource(&mut self, id: &str, line: usize) -> Result<Option<Rc<Resource>>> {
        if let Some(known) = self.resources.get(id) {
            return Ok(Some(known.clone()));
        }
        let entry = self
            .section("Resources")?
            .iter()
            .find(|entry| entry.key == id)
            .ok_or_else(|| {
                let problem = format!("{id} is neither a parameter nor a resource of the template");
                LineError::at(line, problem)
            })?;
        if let Some(condition) = entry.node.get("Condition") {
            let name = condition.node.as_text().unwrap_or_default();
            if !self.condition(name, condition.line)? {
                return Ok(None);
            }
        }
        let resource = self.detect_cycle(format!("resource {id}"), line, |resolver| {
            resolver.resolve_resource(entry)
        })?;
        let resource = Rc::new(resource);
        self.resources.insert(id.to_string(), resource.clone());
        Ok(Some(resource))
    }

    /// The value of `Ref` or `${Name}`: a parameter, a pseudo parameter or a resource. `None` is
    /// `AWS::NoValue`.
    pub(super) fn resolve_ref(&mut self, name: &str, line: usize) -> Result<Option<Node>> {
        if let Some(parameter) = self.parameters.get(name) {
            return Ok(Some(parameter.clone()));
        }
        let text = match name {
            "AWS::AccountId" => ACCOUNT.to_string(),
            "AWS::Region" => REGION.to_string(),
            "AWS::Partition" => "aws".to_string(),
            "AWS::URLSuffix" => "amazonaws.com".to_string(),
            "AWS::StackName" => STACK.to_string(),
            "AWS::StackId" => {
                format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/local")
            }
            "AWS::NoValue" => return Ok(None),
            _ => self
                .existing_resource(name, line)?
                .identity
                .reference
                .clone(),
        };
        Ok(Some(Node::text(line, text)))
    }

    /// The value of `GetAtt`.
    pub(super) fn resolve_attribute(
        &mut self,
        id: &str,
        attribute: &str,
        line: usize,
    ) -> Result<Node> {
        let resource = self.existing_resource(id, line)?;
        let value = resource.identity.attributes.get(attribute).ok_or_else(|| {
            let problem = format!(
                "the attribute {attribute} of {} (resource {id}) is not supported by the embedded cloud",
                resource.kind
            );
            LineError::at(line, problem)
        })?;
        Ok(Node::text(line, value.clone()))
    }

    /// Runs `step` one level deeper, up to [`MAX_DEPTH`].
    pub(super) fn with_depth<T>(
        &mut self,
        line: usize,
        step: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            let problem =
                format!("this value nests more than {MAX_DEPTH} references and functions");
            return Err(LineError::at(line, problem));
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    fn existing_resource(&mut self, id: &str, line: usize) -> Result<Rc<Resource>> {
        self.resource(id, line)?.ok_or_else(|| {
            let problem =
                format!("the resource {id} does not exist, because its condition is false");
            LineError::at(line, problem)
        })
    }

    fn resolve_resource(&mut self, entry: &'a MapEntry) -> Result<Resource> {
        let (id, line) = (entry.key.clone(), entry.line);
        let kind = entry
            .node
            .get("Type")
            .and_then(|kind| Some((kind.line, kind.node.as_text()?)));
        let (kind_line, kind) =
            kind.ok_or_else(|| LineError::at(line, format!("the resource {id} has no Type")))?;
        if resource_identity::of(kind, &id, "", |_| None).is_none() {
            return Err(LineError::at(kind_line, unsupported_type(kind, &id)));
        }
        for other in depends_on(entry)? {
            let name = other.as_text().unwrap_or_default();
            self.resource(name, other.line)?;
        }
        let properties = match entry.node.get("Properties") {
            Some(properties) => self.evaluate(&properties.node)?,
            None => None,
        };
        let mut properties = properties.unwrap_or(Node {
            line,
            value: Value::Map(Vec::new()),
        });
        properties.entries(&format!("Properties of {id}"))?;
        self.substitute(&mut properties)?;
        let endpoint = &self.inputs.aws_endpoint;
        let property = |name: &str| Some(properties.get(name)?.node.as_text()?.to_string());
        let identity = resource_identity::of(kind, &id, endpoint, property)
            .ok_or_else(|| LineError::at(kind_line, unsupported_type(kind, &id)))?;
        let kind = kind.to_string();
        Ok(Resource {
            id,
            kind,
            line,
            properties,
            identity,
        })
    }

    /// Runs `step` for `what`; fails if `what` is already being resolved.
    fn detect_cycle<T>(
        &mut self,
        what: String,
        line: usize,
        step: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if let Some(start) = self.path.iter().position(|earlier| *earlier == what) {
            let cycle = self.path[start..].join(", ");
            let problem = format!("circular reference: {cycle}, {what}");
            return Err(LineError::at(line, problem));
        }
        self.path.push(what);
        let result = self.with_depth(line, step);
        self.path.pop();
        result
    }
}

fn unsupported_type(kind: &str, id: &str) -> String {
    let problem = format!("{kind} (resource {id}) is not supported by the embedded cloud");
    match kind {
        "AWS::ApiGatewayV2::Deployment" => format!(
            "{problem}: a deployment is a snapshot that does not follow changed routes, so set \
             AutoDeploy: true on the stage instead"
        ),
        _ => problem,
    }
}

fn depends_on(entry: &MapEntry) -> Result<&[Node]> {
    match entry.node.get("DependsOn") {
        None => Ok(&[]),
        Some(single) if single.node.as_text().is_some() => Ok(std::slice::from_ref(&single.node)),
        Some(list) => list.node.items("DependsOn"),
    }
}
