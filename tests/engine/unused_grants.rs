//! The actions that a stack's roles allow and that no call in its wire log has needed.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use longhaul_local::permissions::RequiredPermission;
use longhaul_local::stack_spec::{Grant, StackSpec};
use serde_json::json;

use crate::support::wire_log::WireLog;

/// Actions used by AWS on the function's behalf, or by a browser with a presigned URL: no call of the function shows them.
const NOT_IN_THE_WIRE_LOG: [&str; 6] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "s3:GetObject",
];

/// Function, action and resource of each grant that no call has needed.
pub fn unused_grants(
    spec: &StackSpec,
    wire_log: &WireLog,
) -> Result<BTreeSet<(String, String, String)>> {
    let mut used = vec![];
    for call in wire_log.calls()? {
        let needs = call.get("needs").cloned().unwrap_or(json!([]));
        let needs: Vec<RequiredPermission> = serde_json::from_value(needs)?;
        let caller = call["caller"].as_str().unwrap_or_default();
        used.extend(needs.into_iter().map(|need| (caller.to_owned(), need)));
    }
    let mut unused_grants = BTreeSet::new();
    for function in &spec.functions {
        let grants = function.grants.as_deref().context("a role of its own")?;
        for (grant, action, resource) in grants.iter().flat_map(actions_and_resources) {
            let grant = Grant {
                actions: vec![action.clone()],
                resources: vec![resource.clone()],
                prefixes: grant.prefixes.clone(),
            };
            let is_used = used
                .iter()
                .any(|(caller, need)| *caller == function.name && grant.allows(need));
            if !is_used && !NOT_IN_THE_WIRE_LOG.contains(&action.as_str()) {
                unused_grants.insert((function.name.clone(), action, resource));
            }
        }
    }
    Ok(unused_grants)
}

fn actions_and_resources(grant: &Grant) -> Vec<(&Grant, String, String)> {
    let actions = grant.actions.iter();
    let pair = |action: &String| {
        let action = action.clone();
        grant
            .resources
            .iter()
            .map(move |resource| (grant, action.clone(), resource.clone()))
    };
    actions.flat_map(pair).collect()
}
