//! Evaluates the response of a REQUEST authorizer: the effects, actions and resources of its IAM policy, and its
//! context.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::rejection::HandshakeRejection;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizerResponse {
    principal_id: String,
    policy_document: Policy,
    #[serde(default)]
    context: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    statement: OneOrMany<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: Effect,
    action: OneOrMany<String>,
    resource: OneOrMany<String>,
}

#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

/// Evaluates an authorizer's response for the method ARN, and returns its context for later events.
///
/// # Errors
/// 403 if the policy does not allow the method, 500 if the response is malformed.
pub(super) fn evaluate(payload: &[u8], method_arn: &str) -> Result<Value, HandshakeRejection> {
    let response: AuthorizerResponse = serde_json::from_slice(payload).map_err(|error| {
        tracing::warn!(%error, "malformed authorizer response");
        HandshakeRejection::AUTHORIZER_FAILED
    })?;
    let effects: Vec<Effect> = response
        .policy_document
        .statement
        .as_slice()
        .iter()
        .filter(|statement| statement.applies_to(method_arn))
        .map(|statement| statement.effect)
        .collect();
    if effects.contains(&Effect::Deny) || !effects.contains(&Effect::Allow) {
        return Err(HandshakeRejection::DENIED);
    }
    let mut authorizer = Map::new();
    for (key, value) in response.context.into_iter().flatten() {
        // API Gateway converts every context value to a string.
        let value = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => {
                tracing::warn!(
                    key,
                    "the authorizer's context contains an object, a list or null"
                );
                return Err(HandshakeRejection::AUTHORIZER_FAILED);
            }
        };
        authorizer.insert(key, Value::String(value));
    }
    authorizer.insert("principalId".into(), Value::String(response.principal_id));
    Ok(Value::Object(authorizer))
}

impl Statement {
    fn applies_to(&self, method_arn: &str) -> bool {
        let matches = |patterns: &OneOrMany<String>, text: &str| {
            patterns
                .as_slice()
                .iter()
                .any(|pattern| matches_wildcards(pattern.as_bytes(), text.as_bytes()))
        };
        let matches_action = self.action.as_slice().iter().any(|action| {
            matches_wildcards(
                action.to_ascii_lowercase().as_bytes(),
                b"execute-api:invoke",
            )
        });
        matches_action && matches(&self.resource, method_arn)
    }
}

/// Matches IAM's wildcards: `*` for any text, `?` for one character. It backtracks only to the last `*`, so its
/// time is at most the product of both lengths.
fn matches_wildcards(pattern: &[u8], text: &[u8]) -> bool {
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

    fn status(response: Value) -> u16 {
        match evaluate(response.to_string().as_bytes(), ARN) {
            Ok(_) => StatusCode::OK.as_u16(),
            Err(rejection) => rejection.status.as_u16(),
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
    fn a_deny_overrides_an_allow() {
        let mut response = policy("Allow", json!("execute-api:Invoke"), json!("*"));
        let deny = json!({ "Effect": "Deny", "Action": "execute-api:Invoke", "Resource": ARN });
        if let Some(list) = response["policyDocument"]["Statement"].as_array_mut() {
            list.push(deny);
        }
        assert_eq!(status(response), 403);
    }

    #[test]
    fn context_values_must_be_scalar_and_become_strings() {
        let mut response = policy("Allow", json!("execute-api:Invoke"), json!("*"));
        response["context"] = json!({ "name": "a", "level": 3, "admin": true });
        let authorizer = evaluate(response.to_string().as_bytes(), ARN);
        let expected = json!({
            "principalId": "alice", "name": "a", "level": "3", "admin": "true",
        });
        assert!(authorizer.is_ok_and(|authorizer| authorizer == expected));
        response["context"] = json!({ "deep": {} });
        assert_eq!(status(response.clone()), 500);
        response["context"] = json!({ "nothing": null });
        assert_eq!(status(response), 500);
    }

    #[test]
    fn wildcards_match_as_in_iam() {
        assert!(matches_wildcards(b"a*c?e", b"abbcde"));
        assert!(matches_wildcards(b"*", b""));
        assert!(!matches_wildcards(b"a*c", b"abcd"));
        assert!(!matches_wildcards(b"?", b""));
    }
}
