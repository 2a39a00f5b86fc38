//! Replaces values that exist only in AWS: the WebSocket API's domain, and Secrets Manager references. Reads secrets.
//!
//! The secrets' values come from the caller.

use super::error::{LineError, Result};
use super::properties::Properties;
use super::resolver::{Resolver, Resource};
use super::resource_identity;
use super::yaml::{MapEntry, Node, Value};
use crate::stack_spec::Secret;

const SECRET_TYPE: &str = "AWS::SecretsManager::Secret";
const DYNAMIC_REFERENCE_START: &str = "{{resolve:";
/// The stages of a secret's versions.
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// The logical ids of the secrets for which AWS would generate a value.
pub(super) fn generated_secrets(template: &Node) -> Result<Vec<String>> {
    let resources = match template.get("Resources") {
        Some(section) => section.node.entries("Resources")?,
        None => &[],
    };
    let generates = |entry: &&MapEntry| {
        let properties = entry.node.get("Properties");
        has_type(entry, SECRET_TYPE)
            && properties.is_some_and(|p| p.node.get("GenerateSecretString").is_some())
    };
    Ok(resources
        .iter()
        .filter(generates)
        .map(|entry| entry.key.clone())
        .collect())
}

/// Rejects a secret with a property that the embedded cloud does not support.
pub(super) fn check_secret(mut secret: Properties<'_>) -> Result<()> {
    secret.ignore(&["Name", "Description", "KmsKeyId", "ReplicaRegions", "Tags"]);
    secret.ignore(&["GenerateSecretString", "SecretString"]);
    secret.deny_unknown()
}

impl Resolver<'_> {
    /// Inserts the local gateway's URL and the secrets' values into every text of a resolved node.
    pub(super) fn substitute(&mut self, node: &mut Node) -> Result<()> {
        match &mut node.value {
            Value::Text(text) => {
                *text = self.replace_gateway_url(text)?;
                if text.contains(DYNAMIC_REFERENCE_START) {
                    *text = self.substitute_secrets(text, node.line)?;
                }
            }
            Value::List(items) => {
                for item in items {
                    self.substitute(item)?;
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    self.substitute(&mut entry.node)?;
                }
            }
            Value::Null | Value::Call(..) => {}
        }
        Ok(())
    }

    /// The text with the WebSocket API's URL replaced by that of the local gateway.
    pub(super) fn replace_gateway_url(&self, text: &str) -> Result<String> {
        let mut text = text.to_string();
        if !text.contains("://") {
            return Ok(text);
        }
        let apis = self.section("Resources")?.iter();
        for api in apis.filter(|entry| has_type(entry, "AWS::ApiGatewayV2::Api")) {
            let domain = resource_identity::api_domain(&resource_identity::api_id(&api.key));
            for (aws_scheme, local_scheme) in [("https", "http"), ("wss", "ws")] {
                let aws_url = format!("{aws_scheme}://{domain}");
                let local_url = format!("{local_scheme}://{}", self.inputs.gateway_address);
                text = text.replace(&aws_url, &local_url);
            }
        }
        Ok(text)
    }

    fn substitute_secrets(&mut self, text: &str, line: usize) -> Result<String> {
        let mut resolved = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(DYNAMIC_REFERENCE_START) {
            let (reference, after) = after
                .split_once("}}")
                .ok_or_else(|| LineError::at(line, "a dynamic reference is not closed with }}"))?;
            let reference = reference.strip_prefix("secretsmanager:").ok_or_else(|| {
                let problem =
                    "the embedded cloud supports only dynamic references to secretsmanager";
                LineError::at(line, problem)
            })?;
            resolved.push_str(before);
            resolved.push_str(&self.secret_value(reference, line)?);
            rest = after;
        }
        Ok(resolved + rest)
    }

    /// The value of `<name or ARN>[:SecretString[:<json key>[:<stage>[:<version>]]]]`. Of a version's id no use is
    /// made: a local secret has only the stages AWSCURRENT and AWSPREVIOUS.
    fn secret_value(&mut self, reference: &str, line: usize) -> Result<String> {
        let secrets = self.section("Resources")?.iter();
        for entry in secrets.filter(|entry| has_type(entry, SECRET_TYPE)) {
            let Some(secret) = self.resource(&entry.key, line)? else {
                continue;
            };
            let name = secret_name(&secret);
            for known in [&secret.identity.reference, &name] {
                let Some(rest) = reference.strip_prefix(known.as_str()) else {
                    continue;
                };
                if !(rest.is_empty() || rest.starts_with(':')) {
                    continue;
                }
                let mut parts = rest.strip_prefix(':').unwrap_or(rest).split(':');
                if !matches!(parts.next(), None | Some("" | "SecretString")) {
                    return Err(LineError::at(
                        line,
                        "a secret can only be read as SecretString",
                    ));
                }
                let (key, stage) = (parts.next(), parts.next());
                let whole =
                    self.secret_string(&secret.id, &secret.properties, stage_of(stage), line)?;
                return match key.filter(|key| !key.is_empty()) {
                    None => Ok(whole),
                    Some(key) => json_member(&whole, key).ok_or_else(|| {
                        LineError::at(
                            line,
                            format!("the secret {} has no text member {key}", secret.id),
                        )
                    }),
                };
            }
        }
        Err(LineError::at(
            line,
            "the dynamic reference does not name a secret of this template",
        ))
    }

    /// A secret and its values; `None` for one that has none before somebody writes it.
    pub(super) fn secret(&self, resource: &Resource) -> Result<Option<Secret>> {
        let (id, properties) = (&resource.id, &resource.properties);
        let has = |name| properties.get(name).is_some();
        if !has("SecretString") && !has("GenerateSecretString") {
            return Ok(None);
        }
        let value = |stage| self.secret_string(id, properties, stage, resource.line);
        Ok(Some(Secret {
            logical_id: id.clone(),
            name: secret_name(resource),
            arn: resource.identity.reference.clone(),
            value: value(CURRENT)?,
            previous_value: value(PREVIOUS).ok(),
        }))
    }

    fn secret_string(
        &self,
        id: &str,
        properties: &Node,
        stage: &str,
        line: usize,
    ) -> Result<String> {
        let given = properties.get("SecretString");
        let value = match (stage, given.and_then(|e| e.node.as_text())) {
            (CURRENT, Some(given)) => return Ok(given.to_string()),
            (CURRENT, None) => self.inputs.secrets.get(id).ok_or_else(|| {
                LineError::at(line, format!("no value was given for the secret {id}"))
            })?,
            (stage, _) => {
                let previous = self.inputs.previous_secrets.get(id);
                let previous = previous.filter(|_| stage == PREVIOUS);
                previous.ok_or_else(|| {
                    LineError::at(line, format!("the secret {id} has no version {stage}"))
                })?
            }
        };
        let generate = properties.get("GenerateSecretString");
        let setting = |key| {
            generate
                .and_then(|g| g.node.get(key))
                .and_then(|e| e.node.as_text())
        };
        let Some(key) = setting("GenerateStringKey") else {
            return Ok(value.clone());
        };
        let template = setting("SecretStringTemplate").unwrap_or("{}");
        let mut whole: serde_json::Map<_, _> = serde_json::from_str(template).map_err(|_| {
            LineError::at(
                line,
                format!("SecretStringTemplate of {id} must be a JSON object"),
            )
        })?;
        whole.insert(key.to_string(), value.as_str().into());
        Ok(serde_json::Value::Object(whole).to_string())
    }
}

fn secret_name(secret: &Resource) -> String {
    let name = secret.properties.get("Name");
    let name = name.and_then(|name| name.node.as_text());
    name.map_or_else(
        || resource_identity::default_name(&secret.id),
        str::to_string,
    )
}

/// The stage that a reference names; Secrets Manager's default is the current one.
fn stage_of(part: Option<&str>) -> &str {
    part.filter(|stage| !stage.is_empty()).unwrap_or(CURRENT)
}

fn json_member(whole: &str, key: &str) -> Option<String> {
    let whole: serde_json::Value = serde_json::from_str(whole).ok()?;
    whole.get(key)?.as_str().map(str::to_string)
}

fn has_type(entry: &MapEntry, kind: &str) -> bool {
    let entry_kind = entry.node.get("Type").and_then(|kind| kind.node.as_text());
    entry_kind == Some(kind)
}
