//! Checks each call of a function against its role's policy statements.
//!
//! Calls of other callers are the operator's own and are always allowed.

mod required;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::aws_call::{AwsCall, Service};
use crate::error_response::error_response;
use crate::stack_spec::{ACCOUNT, Function, Grant};

pub use required::{queue_name_of, required_for_connection, required_for_json, required_for_s3};

/// The roles of a stack's functions. Clones share them.
#[derive(Clone)]
pub struct Permissions {
    grants: Arc<BTreeMap<String, Vec<Grant>>>,
}

/// A permission that a call needs: one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredPermission {
    /// An IAM action, such as `dynamodb:PutItem`.
    pub action: String,
    /// An ARN.
    pub resource: String,
    /// The prefix of a request that lists a bucket: IAM's condition key `s3:prefix`. `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

impl Permissions {
    pub fn from_functions(functions: &[Function]) -> Self {
        let grants = |function: &Function| Some((function.name.clone(), function.grants.clone()?));
        Self {
            grants: Arc::new(functions.iter().filter_map(grants).collect()),
        }
    }

    /// Whether calls of this caller are checked: only functions whose role is in the template.
    pub fn applies_to(&self, caller: &str) -> bool {
        self.grants.contains_key(caller)
    }

    /// The error response to a call that the caller's role does not allow; `None` if it is allowed.
    pub fn deny(&self, call: &AwsCall<'_>, required: &[RequiredPermission]) -> Option<Response> {
        let grants = self.grants.get(call.caller)?;
        let allowed =
            |permission: &&RequiredPermission| grants.iter().any(|grant| grant.allows(permission));
        let RequiredPermission {
            action, resource, ..
        } = required.iter().find(|permission| !allowed(permission))?;
        let caller = call.caller;
        tracing::error!(
            caller,
            action,
            resource,
            "the function's role does not allow the call"
        );
        let message = format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/{caller} is not authorized to perform: {action} \
             on resource: {resource} because no identity-based policy allows the {action} action"
        );
        let (status, code) = match call.service {
            Service::DynamoDb => (StatusCode::BAD_REQUEST, "AccessDeniedException"),
            Service::Sqs => (StatusCode::FORBIDDEN, "AccessDenied"),
            Service::Sns => (StatusCode::FORBIDDEN, "AuthorizationError"),
            Service::Events | Service::SecretsManager | Service::Logs => {
                (StatusCode::BAD_REQUEST, "AccessDeniedException")
            }
            Service::Sts => (StatusCode::FORBIDDEN, "AccessDenied"),
            Service::Lambda => (StatusCode::FORBIDDEN, "AccessDeniedException"),
            Service::ExecuteApi => (StatusCode::FORBIDDEN, "ForbiddenException"),
            Service::S3 => (StatusCode::FORBIDDEN, "AccessDenied"),
        };
        // S3 reports no details, and a key may contain characters that are invalid in XML.
        let message = match call.service {
            Service::S3 => "Access Denied",
            _ => &message,
        };
        Some(error_response(call.service, status, code, message))
    }
}

impl Grant {
    /// Whether this statement allows the permission, with IAM's wildcards. Actions are case-insensitive.
    pub fn allows(&self, permission: &RequiredPermission) -> bool {
        let action = permission.action.to_ascii_lowercase();
        let action = |pattern: &String| matches_wildcard(&pattern.to_ascii_lowercase(), &action);
        let resource = |pattern: &String| matches_wildcard(pattern, &permission.resource);
        let prefix = permission.prefix.as_deref();
        // A condition on a key that a request does not have is not met.
        let prefix = |pattern: &String| prefix.is_some_and(|text| matches_wildcard(pattern, text));
        self.actions.iter().any(action)
            && self.resources.iter().any(resource)
            && (self.prefixes.is_empty() || self.prefixes.iter().any(prefix))
    }
}

/// Whether `text` matches `pattern`, where `*` matches any characters and `?` exactly one.
fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let mut pattern = pattern.chars();
    let mut text = text.chars();
    loop {
        match pattern.next() {
            None => return text.next().is_none(),
            Some('*') => {
                let (rest, tail) = (pattern.as_str(), text.as_str());
                let mut cuts = tail.char_indices().map(|(cut, _)| cut).chain([tail.len()]);
                return cuts.any(|cut| matches_wildcard(rest, &tail[cut..]));
            }
            Some('?') => {
                if text.next().is_none() {
                    return false;
                }
            }
            Some(expected) => {
                if text.next() != Some(expected) {
                    return false;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(action: &str, resource: &str) -> Grant {
        Grant {
            actions: vec![action.to_owned()],
            resources: vec![resource.to_owned()],
            prefixes: vec![],
        }
    }

    fn permission(action: &str, resource: &str) -> RequiredPermission {
        RequiredPermission {
            action: action.to_owned(),
            resource: resource.to_owned(),
            prefix: None,
        }
    }

    #[test]
    fn a_condition_on_the_prefix_denies_every_other_prefix_and_a_request_without_one() {
        let grant = Grant {
            prefixes: vec!["a/*".to_owned(), "b".to_owned()],
            ..grant("s3:ListBucket", "*")
        };
        for (prefix, allowed) in [
            (Some("a/1"), true),
            (Some("b"), true),
            (Some("a"), false),
            (Some("b/"), false),
            (Some(""), false),
            (None, false),
        ] {
            let list = RequiredPermission {
                prefix: prefix.map(str::to_owned),
                ..permission("s3:ListBucket", "arn:aws:s3:::bucket")
            };
            assert_eq!(grant.allows(&list), allowed, "{prefix:?}");
        }
    }

    #[test]
    fn wildcards_match_as_in_iam() {
        let get = permission("s3:GetObject", "arn:aws:s3:::b/results/1");
        for (action, resource, allowed) in [
            ("s3:GetObject", "arn:aws:s3:::b/results/1", true),
            ("S3:getobject", "arn:aws:s3:::b/results/*", true),
            ("s3:Get*", "*", true),
            ("s3:*", "arn:aws:s3:::?/results/?", true),
            ("s3:GetObject", "arn:aws:s3:::b/results/", false),
            ("s3:GetObject", "arn:aws:s3:::B/results/*", false),
            ("s3:PutObject", "*", false),
            ("s3:GetObject", "arn:aws:s3:::b/results/1?", false),
        ] {
            let allows = grant(action, resource).allows(&get);
            assert_eq!(allows, allowed, "{action} on {resource}");
        }
    }
}
