//! What stands locally for what only AWS has: the WebSocket API's domain, and values kept in
//! Secrets Manager.
//!
//! It does not make or keep any secret's value: the caller does.

use super::identity;
use super::node::{Entry, Node, Value};
use super::properties::Properties;
use super::scope::Scope;
use super::{Fault, Result};

const SECRET: &str = "AWS::SecretsManager::Secret";
const OPENING: &str = "{{resolve:";

/// The logical ids of the secrets whose value AWS would generate.
pub(super) fn generated(template: &Node) -> Result<Vec<String>> {
    let resources = match template.get("Resources") {
        Some(section) => section.node.entries("Resources")?,
        None => &[],
    };
    let generates = |entry: &&Entry| {
        let properties = entry.node.get("Properties");
        is_a(entry, SECRET)
            && properties.is_some_and(|p| p.node.get("GenerateSecretString").is_some())
    };
    Ok(resources
        .iter()
        .filter(generates)
        .map(|entry| entry.key.clone())
        .collect())
}

/// Holds a secret to the properties that the local cloud knows.
pub(super) fn check_secret(mut secret: Properties<'_>) -> Result<()> {
    secret.ignore(&["Name", "Description", "KmsKeyId", "ReplicaRegions", "Tags"]);
    secret.ignore(&["GenerateSecretString", "SecretString"]);
    secret.finish()
}

impl Scope<'_> {
    /// Puts the local gateway and the secrets' values into every text of a resolved node.
    pub(super) fn finish(&mut self, node: &mut Node) -> Result<()> {
        match &mut node.value {
            Value::Text(text) => {
                *text = self.local_gateway(text)?;
                if text.contains(OPENING) {
                    *text = self.with_secrets(text, node.line)?;
                }
            }
            Value::List(items) => {
                for item in items {
                    self.finish(item)?;
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    self.finish(&mut entry.node)?;
                }
            }
            Value::Null | Value::Call(..) => {}
        }
        Ok(())
    }

    /// The text with the WebSocket API's URL replaced by that of the local gateway.
    pub(super) fn local_gateway(&self, text: &str) -> Result<String> {
        let mut text = text.to_string();
        if !text.contains("://") {
            return Ok(text);
        }
        let apis = self.section("Resources")?.iter();
        for api in apis.filter(|entry| is_a(entry, "AWS::ApiGatewayV2::Api")) {
            let domain = identity::api_domain(&identity::api_id(&api.key));
            for (far, near) in [("https", "http"), ("wss", "ws")] {
                let far = format!("{far}://{domain}");
                text = text.replace(&far, &format!("{near}://{}", self.settings.gateway));
            }
        }
        Ok(text)
    }

    fn with_secrets(&mut self, text: &str, line: usize) -> Result<String> {
        let mut resolved = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPENING) {
            let (reference, after) = after
                .split_once("}}")
                .ok_or_else(|| Fault::at(line, "a dynamic reference is not closed by }}"))?;
            let reference = reference.strip_prefix("secretsmanager:").ok_or_else(|| {
                let problem =
                    "of the dynamic references only secretsmanager is known to the local cloud";
                Fault::at(line, problem)
            })?;
            resolved.push_str(before);
            resolved.push_str(&self.secret(reference, line)?);
            rest = after;
        }
        Ok(resolved + rest)
    }

    /// The value of `<name or ARN>[:SecretString[:<json key>[:<stage>[:<version>]]]]`. A secret has
    /// one version locally, so that the last two select nothing.
    fn secret(&mut self, reference: &str, line: usize) -> Result<String> {
        let secrets = self.section("Resources")?.iter();
        for entry in secrets.filter(|entry| is_a(entry, SECRET)) {
            let Some(secret) = self.resource(&entry.key, line)? else {
                continue;
            };
            let name = secret
                .properties
                .get("Name")
                .and_then(|name| name.node.as_text());
            let name = name.map_or_else(|| identity::default_name(&secret.id), str::to_string);
            for known in [&secret.identity.reference, &name] {
                let Some(rest) = reference.strip_prefix(known.as_str()) else {
                    continue;
                };
                if !(rest.is_empty() || rest.starts_with(':')) {
                    continue;
                }
                let whole = self.secret_string(&secret.id, &secret.properties, line)?;
                let mut parts = rest.strip_prefix(':').unwrap_or(rest).split(':');
                if !matches!(parts.next(), None | Some("" | "SecretString")) {
                    return Err(Fault::at(line, "a secret is read as SecretString"));
                }
                return match parts.next().filter(|key| !key.is_empty()) {
                    None => Ok(whole),
                    Some(key) => member(&whole, key).ok_or_else(|| {
                        Fault::at(line, format!("the secret {} has no text {key}", secret.id))
                    }),
                };
            }
        }
        Err(Fault::at(
            line,
            "the dynamic reference names no secret of this template",
        ))
    }

    fn secret_string(&self, id: &str, properties: &Node, line: usize) -> Result<String> {
        if let Some(given) = properties
            .get("SecretString")
            .and_then(|e| e.node.as_text())
        {
            return Ok(given.to_string());
        }
        let value =
            self.settings.secrets.get(id).ok_or_else(|| {
                Fault::at(line, format!("no value was given for the secret {id}"))
            })?;
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
            Fault::at(
                line,
                format!("SecretStringTemplate of {id} is no JSON object"),
            )
        })?;
        whole.insert(key.to_string(), value.as_str().into());
        Ok(serde_json::Value::Object(whole).to_string())
    }
}

fn member(whole: &str, key: &str) -> Option<String> {
    let whole: serde_json::Value = serde_json::from_str(whole).ok()?;
    whole.get(key)?.as_str().map(str::to_string)
}

fn is_a(entry: &Entry, kind: &str) -> bool {
    let own = entry.node.get("Type").and_then(|own| own.node.as_text());
    own == Some(kind)
}
