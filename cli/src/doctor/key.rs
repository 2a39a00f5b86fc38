//! Checks that the policy of the stack's own KMS key lets the services use it that work with the stack's data.
//!
//! Without that nothing fails at deployment: events, messages and alarms are dropped later, in silence.

use anyhow::Result;
use serde_json::Value;

use super::aws_cli;
use super::finding::Findings;
use crate::target::AwsContext;

const CHECK: &str = "policy of the key";
/// Any alarm of the template, as all have the same actions.
const ALARM: &str = "dead-letters";

/// `key` is the key of the worker's environment, which is that of everything.
pub async fn check(aws: &AwsContext, key: &str, findings: &mut Findings) {
    if let Err(error) = compare(aws, key, findings).await {
        findings.skipped(CHECK, format!("{error:#}"));
    }
}

async fn compare(aws: &AwsContext, key: &str, findings: &mut Findings) -> Result<()> {
    let get = ["kms", "get-key-policy", "--key-id", key];
    let get = [&get[..], &["--policy-name", "default"]].concat();
    let answer = aws_cli::run(aws, &get).await?.unwrap_or_default();
    let policy: Value = serde_json::from_str(answer["Policy"].as_str().unwrap_or("null"))?;
    let region = aws.clients.region();
    let logs = format!(
        "logs.{}.amazonaws.com",
        region.map_or("", |region| region.as_ref())
    );
    let mut services = vec![logs.as_str(), "sns.amazonaws.com", "events.amazonaws.com"];
    if calls_somebody(aws).await? {
        services.push("cloudwatch.amazonaws.com");
    }
    let missing: Vec<&str> = services
        .iter()
        .copied()
        .filter(|service| !allows(&policy, service))
        .collect();
    if missing.is_empty() {
        findings.ok(CHECK, format!("it names {}", services.join(", ")));
        return Ok(());
    }
    let advice = "allow them kms:Decrypt and kms:GenerateDataKey* in the key's policy; without \
                  cloudwatch.amazonaws.com no alarm is sent";
    let found = format!("it does not name {}", missing.join(", "));
    findings.fail(CHECK, found, advice, "A stack that was changed by hand");
    Ok(())
}

/// Whether alarms notify a topic, which the key encrypts.
async fn calls_somebody(aws: &AwsContext) -> Result<bool> {
    let name = aws.resource_name(ALARM);
    let describe = ["cloudwatch", "describe-alarms", "--alarm-names", &name];
    let answer = aws_cli::run(aws, &describe).await?.unwrap_or_default();
    let actions = answer["MetricAlarms"][0]["AlarmActions"].as_array();
    Ok(actions.is_some_and(|actions| !actions.is_empty()))
}

/// Whether a statement allows the service to decrypt and to make data keys. Its conditions are not evaluated.
fn allows(policy: &Value, service: &str) -> bool {
    let statements = list(&policy["Statement"]);
    ["kms:Decrypt", "kms:GenerateDataKey"].iter().all(|needed| {
        statements.iter().any(|statement| {
            let services = list(&statement["Principal"]["Service"]);
            let named = services.iter().any(|named| **named == *service);
            let actions = list(&statement["Action"]);
            let action = |action: &&Value| covers(action.as_str().unwrap_or_default(), needed);
            statement["Effect"] == "Allow" && named && actions.iter().any(action)
        })
    })
}

/// Whether an action of a policy, which may end in `*`, covers an action.
fn covers(pattern: &str, action: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => action.starts_with(start),
        None => pattern == action,
    }
}

/// A policy's value, which is a list or its only item.
fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => vec![],
        one => vec![one],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_needs_both_actions_of_an_allow_statement() {
        let service = "cloudwatch.amazonaws.com";
        for (principal, action, allowed) in [
            (json!({"Service": service}), json!("kms:*"), true),
            (
                json!({"Service": ["sns.amazonaws.com", service]}),
                json!(["kms:Decrypt", "kms:GenerateDataKey*"]),
                true,
            ),
            (json!({"Service": service}), json!("kms:Decrypt"), false),
            (
                json!({"Service": "sns.amazonaws.com"}),
                json!("kms:*"),
                false,
            ),
            (json!({"AWS": "*"}), json!("kms:*"), false),
        ] {
            let statement = json!({"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"});
            let policy = json!({"Statement": [statement]});
            assert_eq!(allows(&policy, service), allowed, "{policy}");
        }
        let deny = json!({"Statement": {"Effect": "Deny", "Principal": {"Service": service}, "Action": "kms:*"}});
        assert!(!allows(&deny, service));
    }
}
