//! A REQUEST authorizer: who may connect, by the IAM policy that a function answers. It reads only
//! what API Gateway reads of a policy: effect, action and resource, with wildcards.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Inner;
use super::connect::Refusal;
use super::event::{self, Peer};
use super::integration;
use super::request::Handshake;
use crate::lambda::Invoked;
use crate::plan::Route;

/// What the route's authorizer lets later events carry; `None` where the route has none.
///
/// # Errors
/// 401 without an identity source or by the function's word, 403 by policy, 500 otherwise.
pub(super) async fn admit(
    gateway: &Inner,
    route: &Route,
    peer: &Peer,
    handshake: &Handshake,
) -> Result<Option<Value>, Refusal> {
    let Some(function) = &route.authorizer else {
        return Ok(None);
    };
    let missing = |source: &&String| !handshake.carries(source);
    if route.identity_sources.iter().any(|source| missing(&source)) {
        return Err(Refusal::UNAUTHORIZED);
    }
    let event = event::authorize(gateway, peer, handshake);
    match integration::invoke(gateway, function, event).await {
        Ok(Invoked::Returned(payload)) => judge(&payload, &event::method_arn(gateway)),
        Ok(Invoked::Failed { payload, .. }) if says_unauthorized(&payload) => {
            Err(Refusal::UNAUTHORIZED)
        }
        _ => Err(Refusal::AUTHORIZER_FAILED),
    }
}

/// Lambda's only way to say 401: an error with exactly this message.
fn says_unauthorized(payload: &Bytes) -> bool {
    serde_json::from_slice::<Value>(payload)
        .is_ok_and(|error| error["errorMessage"] == "Unauthorized")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    principal_id: String,
    policy_document: Policy,
    #[serde(default)]
    context: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    statement: OneOrMore<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: Effect,
    action: OneOrMore<String>,
    resource: OneOrMore<String>,
}

#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            OneOrMore::One(one) => std::slice::from_ref(one),
            OneOrMore::More(more) => more,
        }
    }
}

fn judge(payload: &[u8], arn: &str) -> Result<Option<Value>, Refusal> {
    let output: Output = serde_json::from_slice(payload).map_err(|error| {
        tracing::warn!(%error, "malformed authorizer response");
        Refusal::AUTHORIZER_FAILED
    })?;
    let effects: Vec<Effect> = output
        .policy_document
        .statement
        .as_slice()
        .iter()
        .filter(|statement| statement.covers(arn))
        .map(|statement| statement.effect)
        .collect();
    if effects.contains(&Effect::Deny) || !effects.contains(&Effect::Allow) {
        return Err(Refusal::DENIED);
    }
    let mut authorizer = Map::new();
    for (key, value) in output.context.into_iter().flatten() {
        // Functions get every context value as a string, whatever it was.
        let value = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => {
                tracing::warn!(
                    key,
                    "an authorizer's context takes no objects, lists or nulls"
                );
                return Err(Refusal::AUTHORIZER_FAILED);
            }
        };
        authorizer.insert(key, Value::String(value));
    }
    authorizer.insert("principalId".into(), Value::String(output.principal_id));
    Ok(Some(Value::Object(authorizer)))
}

impl Statement {
    fn covers(&self, arn: &str) -> bool {
        let matches = |patterns: &OneOrMore<String>, text: &str| {
            patterns
                .as_slice()
                .iter()
                .any(|pattern| glob(pattern.as_bytes(), text.as_bytes()))
        };
        let action = self.action.as_slice().iter().any(|action| {
            glob(
                action.to_ascii_lowercase().as_bytes(),
                b"execute-api:invoke",
            )
        });
        action && matches(&self.resource, arn)
    }
}

/// IAM's wildcards: `*` for any text, `?` for one character. It backs up to the last `*` only, so
/// it takes at most the product of both lengths.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match &mut star {
                Some((at, from)) => {
                    *from += 1;
                    (p, t) = (*at + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:local/prod/$connect";

    fn status(output: Value) -> u16 {
        match judge(output.to_string().as_bytes(), ARN) {
            Ok(_) => StatusCode::OK.as_u16(),
            Err(refusal) => refusal.status.as_u16(),
        }
    }

    fn policy(effect: &str, action: Value, resource: Value) -> Value {
        json!({ "principalId": "alice", "policyDocument": { "Statement": [
            { "Effect": effect, "Action": action, "Resource": resource }
        ]}})
    }

    #[test]
    fn a_policy_must_allow_and_not_deny() {
        let invoke = json!("execute-api:Invoke");
        assert_eq!(status(policy("Allow", invoke.clone(), json!(ARN))), 200);
        assert_eq!(status(policy("Allow", json!("*"), json!(["x", "*"]))), 200);
        assert_eq!(
            status(policy(
                "Allow",
                json!(["execute-api:*"]),
                json!("arn:*/prod/*")
            )),
            200
        );
        assert_eq!(status(policy("Deny", invoke.clone(), json!(ARN))), 403);
        assert_eq!(
            status(policy("Allow", invoke.clone(), json!("arn:*/dev/*"))),
            403
        );
        assert_eq!(
            status(policy("Allow", json!("s3:GetObject"), json!("*"))),
            403
        );
        assert_eq!(status(policy("Perhaps", invoke, json!("*"))), 500);
        assert_eq!(status(json!({ "principalId": "alice" })), 500);
        assert_eq!(status(json!(null)), 500);
    }

    #[test]
    fn a_deny_beats_an_allow() {
        let mut output = policy("Allow", json!("execute-api:Invoke"), json!("*"));
        let deny = json!({ "Effect": "Deny", "Action": "execute-api:Invoke", "Resource": ARN });
        if let Some(list) = output["policyDocument"]["Statement"].as_array_mut() {
            list.push(deny);
        }
        assert_eq!(status(output), 403);
    }

    #[test]
    fn context_is_scalar_and_reaches_functions_as_strings() {
        let mut output = policy("Allow", json!("execute-api:Invoke"), json!("*"));
        output["context"] = json!({ "name": "a", "level": 3, "admin": true });
        let authorizer = judge(output.to_string().as_bytes(), ARN);
        assert!(authorizer.is_ok_and(|said| said
            == Some(json!({
                "principalId": "alice", "name": "a", "level": "3", "admin": "true",
            }))));
        output["context"] = json!({ "deep": {} });
        assert_eq!(status(output.clone()), 500);
        output["context"] = json!({ "nothing": null });
        assert_eq!(status(output), 500);
    }

    #[test]
    fn wildcards_match_as_in_iam() {
        assert!(glob(b"a*c?e", b"abbcde"));
        assert!(glob(b"*", b""));
        assert!(!glob(b"a*c", b"abcd"));
        assert!(!glob(b"?", b""));
    }
}
