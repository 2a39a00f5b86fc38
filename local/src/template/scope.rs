//! The template's names and what they stand for: parameters, conditions and resources, each
//! resolved once, when it is first asked for, and never in a circle.
//!
//! It does not know the intrinsic functions (`intrinsics`) nor what any resource type is for.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::identity::{self, Identity, STACK};
use super::node::{Entry, Node, Value};
use super::{Fault, Result, Settings, parameters};
use crate::plan::{ACCOUNT, REGION};

/// Steps from a value to what it stands for, through functions and other resources. The bound
/// keeps hostile text from exhausting the stack; the project's template needs about 20.
const DEEPEST: usize = 200;

/// One resource with its properties resolved.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) id: String,
    pub(super) kind: String,
    /// The line of its logical id.
    pub(super) line: usize,
    /// A map without calls.
    pub(super) properties: Node,
    pub(super) identity: Identity,
}

/// A template while it is being resolved.
pub(super) struct Scope<'a> {
    pub(super) template: &'a Node,
    pub(super) settings: &'a Settings,
    pub(super) parameters: BTreeMap<String, Node>,
    conditions: BTreeMap<String, bool>,
    resources: BTreeMap<String, Rc<Resource>>,
    /// What is being resolved now, outermost first: to come upon it again is a circle.
    path: Vec<String>,
    depth: usize,
}

impl<'a> Scope<'a> {
    pub(super) fn new(template: &'a Node, settings: &'a Settings) -> Result<Scope<'a>> {
        let section = template.get("Parameters").map(|entry| &entry.node);
        Ok(Scope {
            template,
            settings,
            parameters: parameters::values(section, &settings.parameters, &settings.defaults)?,
            conditions: BTreeMap::new(),
            resources: BTreeMap::new(),
            path: Vec::new(),
            depth: 0,
        })
    }

    /// The entries of a section of the template; none where it has no such section.
    pub(super) fn section(&self, name: &str) -> Result<&'a [Entry]> {
        let template: &'a Node = self.template;
        template
            .get(name)
            .map_or(Ok(&[]), |section| section.node.entries(name))
    }

    /// Whether the condition `name` holds; `line` is where it is asked for.
    pub(super) fn condition(&mut self, name: &str, line: usize) -> Result<bool> {
        if let Some(known) = self.conditions.get(name) {
            return Ok(*known);
        }
        let entry = self
            .section("Conditions")?
            .iter()
            .find(|entry| entry.key == name)
            .ok_or_else(|| Fault::at(line, format!("there is no condition {name}")))?;
        let holds = self.once(format!("condition {name}"), line, |scope| {
            scope.test(&entry.node)
        })?;
        self.conditions.insert(name.to_string(), holds);
        Ok(holds)
    }

    /// The resource `id`, or `None` where its condition does not hold; `line` is where it is asked
    /// for.
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
                Fault::at(line, problem)
            })?;
        if let Some(condition) = entry.node.get("Condition") {
            let name = condition.node.as_text().unwrap_or_default();
            if !self.condition(name, condition.line)? {
                return Ok(None);
            }
        }
        let resource = self.once(format!("resource {id}"), line, |scope| {
            scope.resolved(entry)
        })?;
        let resource = Rc::new(resource);
        self.resources.insert(id.to_string(), resource.clone());
        Ok(Some(resource))
    }

    /// What `Ref` or a `${Name}` gives: a parameter's value, a pseudo parameter, or a resource's
    /// reference. `None` is `AWS::NoValue`.
    pub(super) fn reference(&mut self, name: &str, line: usize) -> Result<Option<Node>> {
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
            _ => self.existing(name, line)?.identity.reference.clone(),
        };
        Ok(Some(Node::text(line, text)))
    }

    /// What `GetAtt` gives.
    pub(super) fn attribute(&mut self, id: &str, attribute: &str, line: usize) -> Result<Node> {
        let resource = self.existing(id, line)?;
        let value = resource.identity.attributes.get(attribute).ok_or_else(|| {
            let problem = format!(
                "the attribute {attribute} of {} (resource {id}) is not known to the local cloud",
                resource.kind
            );
            Fault::at(line, problem)
        })?;
        Ok(Node::text(line, value.clone()))
    }

    /// Goes one step deeper in what is being resolved.
    pub(super) fn deeper<T>(
        &mut self,
        line: usize,
        step: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if self.depth >= DEEPEST {
            let problem =
                format!("this value is more than {DEEPEST} references and functions deep");
            return Err(Fault::at(line, problem));
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    fn existing(&mut self, id: &str, line: usize) -> Result<Rc<Resource>> {
        self.resource(id, line)?.ok_or_else(|| {
            let problem =
                format!("the resource {id} does not exist, because its condition is false");
            Fault::at(line, problem)
        })
    }

    fn resolved(&mut self, entry: &'a Entry) -> Result<Resource> {
        let (id, line) = (entry.key.clone(), entry.line);
        let kind = entry
            .node
            .get("Type")
            .and_then(|kind| Some((kind.line, kind.node.as_text()?)));
        let (kind_line, kind) =
            kind.ok_or_else(|| Fault::at(line, format!("the resource {id} has no Type")))?;
        if identity::of(kind, &id, "", |_| None).is_none() {
            return Err(Fault::at(kind_line, unknown(kind, &id)));
        }
        for other in depends_on(entry)? {
            let name = other.as_text().unwrap_or_default();
            self.resource(name, other.line)?;
        }
        let properties = match entry.node.get("Properties") {
            Some(properties) => self.value(&properties.node)?,
            None => None,
        };
        let mut properties = properties.unwrap_or(Node {
            line,
            value: Value::Map(Vec::new()),
        });
        properties.entries(&format!("Properties of {id}"))?;
        self.finish(&mut properties)?;
        let endpoint = &self.settings.endpoint;
        let property = |name: &str| Some(properties.get(name)?.node.as_text()?.to_string());
        let identity = identity::of(kind, &id, endpoint, property)
            .ok_or_else(|| Fault::at(kind_line, unknown(kind, &id)))?;
        let kind = kind.to_string();
        Ok(Resource {
            id,
            kind,
            line,
            properties,
            identity,
        })
    }

    /// Runs `step` for `what`, unless it is being run already.
    fn once<T>(
        &mut self,
        what: String,
        line: usize,
        step: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if let Some(start) = self.path.iter().position(|earlier| *earlier == what) {
            let circle = self.path[start..].join(", ");
            let problem = format!("a circular reference: {circle} and again {what}");
            return Err(Fault::at(line, problem));
        }
        self.path.push(what);
        let result = self.deeper(line, step);
        self.path.pop();
        result
    }
}

fn unknown(kind: &str, id: &str) -> String {
    let problem = format!("{kind} (resource {id}) is not known to the local cloud");
    match kind {
        "AWS::ApiGatewayV2::Deployment" => format!(
            "{problem}: a deployment is a snapshot that never follows a changed route, so give \
             the stage AutoDeploy: true instead"
        ),
        _ => problem,
    }
}

fn depends_on(entry: &Entry) -> Result<&[Node]> {
    match entry.node.get("DependsOn") {
        None => Ok(&[]),
        Some(one) if one.node.as_text().is_some() => Ok(std::slice::from_ref(&one.node)),
        Some(several) => several.node.items("DependsOn"),
    }
}
