//! What functions may do: each call that one makes, against the statements of its role.
//!
//! Knows actions and resources as IAM spells them, and neither templates nor what a call does. Calls of
//! anyone but the functions are the operator's own, and pass.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::aws_call::{Called, Service};
use crate::error_response::refused;
use crate::plan::{ACCOUNT, Function, Grant, REGION};
use crate::s3::Target;

/// The roles of a stack's functions. Clones share them.
#[derive(Clone)]
pub struct Permissions {
    grants: Arc<BTreeMap<String, Vec<Grant>>>,
}

/// What a call needs: one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// Such as `dynamodb:PutItem`.
    pub action: String,
    /// An ARN.
    pub resource: String,
}

impl Permissions {
    pub fn of(functions: &[Function]) -> Self {
        let grants = |function: &Function| Some((function.name.clone(), function.grants.clone()?));
        Self {
            grants: Arc::new(functions.iter().filter_map(grants).collect()),
        }
    }

    /// Whether calls of this caller are checked: it is a function whose role the template has.
    pub fn bind(&self, caller: &str) -> bool {
        self.grants.contains_key(caller)
    }

    /// The answer to a call that the caller's role does not allow; `None` lets it pass.
    pub fn refusal(&self, called: &Called<'_>, needs: &[Need]) -> Option<Response> {
        let grants = self.grants.get(called.caller)?;
        let allowed = |need: &&Need| grants.iter().any(|grant| grant.allows(need));
        let Need { action, resource } = needs.iter().find(|need| !allowed(need))?;
        let caller = called.caller;
        tracing::error!(caller, action, resource, "a role does not allow a call");
        let message = format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/{caller} is not authorized to perform: {action} \
             on resource: {resource} because no identity-based policy allows the {action} action"
        );
        let (status, code) = match called.service {
            Service::DynamoDb => (StatusCode::BAD_REQUEST, "AccessDeniedException"),
            Service::Sqs => (StatusCode::FORBIDDEN, "AccessDenied"),
            Service::Sns => (StatusCode::FORBIDDEN, "AuthorizationError"),
            Service::Events => (StatusCode::BAD_REQUEST, "AccessDeniedException"),
            Service::Lambda => (StatusCode::FORBIDDEN, "AccessDeniedException"),
            Service::ExecuteApi => (StatusCode::FORBIDDEN, "ForbiddenException"),
            Service::S3 => (StatusCode::FORBIDDEN, "AccessDenied"),
        };
        // S3 says no more than this, and a key may hold what XML doesn't take.
        let message = match called.service {
            Service::S3 => "Access Denied",
            _ => &message,
        };
        Some(refused(called.service, status, code, message))
    }
}

impl Grant {
    /// Whether this statement covers the need, by IAM's wildcards; actions are of any case.
    pub fn allows(&self, need: &Need) -> bool {
        let action = need.action.to_ascii_lowercase();
        let action = |pattern: &String| fits(&pattern.to_ascii_lowercase(), &action);
        let resource = |pattern: &String| fits(pattern, &need.resource);
        self.actions.iter().any(action) && self.resources.iter().any(resource)
    }
}

/// Whether `text` fits `pattern`, where `*` stands for any characters and `?` for one.
fn fits(pattern: &str, text: &str) -> bool {
    let mut pattern = pattern.chars();
    let mut text = text.chars();
    loop {
        match pattern.next() {
            None => return text.next().is_none(),
            Some('*') => {
                let (rest, tail) = (pattern.as_str(), text.as_str());
                let mut cuts = tail.char_indices().map(|(cut, _)| cut).chain([tail.len()]);
                return cuts.any(|cut| fits(rest, &tail[cut..]));
            }
            Some('?') => {
                if text.next().is_none() {
                    return false;
                }
            }
            Some(letter) => {
                if text.next() != Some(letter) {
                    return false;
                }
            }
        }
    }
}

/// What of a JSON request says on which resources it acts.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Request<'a> {
    #[serde(borrow)]
    table_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    index_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    request_items: BTreeMap<Cow<'a, str>, IgnoredAny>,
    #[serde(borrow)]
    transact_items: Vec<BTreeMap<Cow<'a, str>, Part<'a>>>,
    #[serde(borrow)]
    queue_url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    queue_name: Option<Cow<'a, str>>,
}

/// One action of a transaction.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part<'a> {
    #[serde(borrow)]
    table_name: Cow<'a, str>,
}

/// What a call of DynamoDB or SQS needs: leave to act on everything where it doesn't say on what it acts.
pub fn of_json(service: Service, operation: &str, body: &[u8]) -> Vec<Need> {
    let request = serde_json::from_slice::<Request<'_>>(body).unwrap_or_default();
    if service == Service::Sqs {
        let queue = request.queue_url.or(request.queue_name).unwrap_or_default();
        let queue = queue.rsplit('/').next().unwrap_or_default();
        // A batch needs what each of its entries would.
        let action = operation.strip_suffix("Batch").unwrap_or(operation);
        return vec![Need {
            action: format!("sqs:{action}"),
            resource: format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"),
        }];
    }
    let need = |operation: &str, table: &str| Need {
        action: format!("dynamodb:{operation}"),
        resource: format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"),
    };
    let one = request.table_name.map(|table| match request.index_name {
        Some(index) => need(operation, &format!("{table}/index/{index}")),
        None => need(operation, &table),
    });
    let several = request.request_items.keys();
    let parts = request.transact_items.iter().flatten();
    let needs: Vec<Need> = one
        .into_iter()
        .chain(several.map(|table| need(operation, table)))
        .chain(parts.map(|(kind, part)| need(transacted(kind), &part.table_name)))
        .collect();
    if needs.is_empty() {
        return vec![Need {
            action: format!("dynamodb:{operation}"),
            resource: "*".to_owned(),
        }];
    }
    needs
}

/// The action that a part of a transaction needs: IAM knows no action for the whole.
fn transacted(kind: &str) -> &'static str {
    match kind {
        "Put" => "PutItem",
        "Update" => "UpdateItem",
        "Delete" => "DeleteItem",
        "Get" => "GetItem",
        _ => "ConditionCheckItem",
    }
}

/// What a call of S3 needs, by the actions that S3 has for its operations; `copied` is what a copy is made
/// of (`x-amz-copy-source`).
pub fn of_s3(target: &Target, copied: Option<&str>) -> Vec<Need> {
    let action = match target.operation {
        "HeadObject" => "GetObject",
        "CreateMultipartUpload"
        | "UploadPart"
        | "UploadPartCopy"
        | "CompleteMultipartUpload"
        | "CopyObject" => "PutObject",
        "ListObjects" | "ListObjectsV2" | "HeadBucket" => "ListBucket",
        "ListParts" => "ListMultipartUploadParts",
        "ListMultipartUploads" => "ListBucketMultipartUploads",
        "ListBuckets" => "ListAllMyBuckets",
        "DeleteBucketCors" => "PutBucketCORS",
        "DeleteObjects" => "DeleteObject",
        other => other,
    };
    let resource = match (&target.bucket, &target.key) {
        (None, _) => "*".to_owned(),
        (Some(bucket), Some(key)) => format!("arn:aws:s3:::{bucket}/{key}"),
        // Its keys stand in the body, which is not read here.
        (Some(bucket), None) if target.operation == "DeleteObjects" => {
            format!("arn:aws:s3:::{bucket}/*")
        }
        (Some(bucket), None) => format!("arn:aws:s3:::{bucket}"),
    };
    let need = Need {
        action: format!("s3:{action}"),
        resource,
    };
    let source = copied.map(|source| Need {
        action: "s3:GetObject".to_owned(),
        resource: format!("arn:aws:s3:::{}", source.trim_start_matches('/')),
    });
    [need].into_iter().chain(source).collect()
}

/// What a call of `@connections` needs: `path` is `/<stage>/@connections/<id>`.
pub fn of_connection(api_id: &str, method: &str, path: &str) -> Vec<Need> {
    let (stage, connection) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or_default();
    vec![Need {
        action: "execute-api:ManageConnections".to_owned(),
        resource: format!(
            "arn:aws:execute-api:{REGION}:{ACCOUNT}:{api_id}/{stage}/{method}/{connection}"
        ),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(action: &str, resource: &str) -> Grant {
        Grant {
            actions: vec![action.to_owned()],
            resources: vec![resource.to_owned()],
        }
    }

    fn need(action: &str, resource: &str) -> Need {
        Need {
            action: action.to_owned(),
            resource: resource.to_owned(),
        }
    }

    #[test]
    fn wildcards_stand_for_what_iam_says() {
        let get = need("s3:GetObject", "arn:aws:s3:::b/results/1");
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

    #[test]
    fn a_call_needs_an_action_on_each_resource_that_it_names() {
        let table = |name: &str| format!("arn:aws:dynamodb:us-east-1:000000000000:table/{name}");
        let dynamodb =
            |operation, body: &str| of_json(Service::DynamoDb, operation, body.as_bytes());
        assert_eq!(
            dynamodb(
                "Query",
                r#"{"TableName": "jobs", "IndexName": "open", "Limit": 5}"#
            ),
            [need("dynamodb:Query", &table("jobs/index/open"))]
        );
        assert_eq!(
            dynamodb(
                "BatchGetItem",
                r#"{"RequestItems": {"a": {"Keys": []}, "b": {}}}"#
            ),
            [
                need("dynamodb:BatchGetItem", &table("a")),
                need("dynamodb:BatchGetItem", &table("b"))
            ]
        );
        let transaction = r#"{"TransactItems": [{"Update": {"TableName": "jobs", "Key": {}}},
            {"ConditionCheck": {"TableName": "events"}}]}"#;
        assert_eq!(
            dynamodb("TransactWriteItems", transaction),
            [
                need("dynamodb:UpdateItem", &table("jobs")),
                need("dynamodb:ConditionCheckItem", &table("events"))
            ]
        );
        let send = r#"{"QueueUrl": "http://127.0.0.1:4566/000000000000/jobs", "Entries": []}"#;
        assert_eq!(
            of_json(Service::Sqs, "SendMessageBatch", send.as_bytes()),
            [need(
                "sqs:SendMessage",
                "arn:aws:sqs:us-east-1:000000000000:jobs"
            )]
        );
        let anything = need("dynamodb:ExecuteStatement", "*");
        assert_eq!(
            dynamodb("ExecuteStatement", r#"{"Statement": "SELECT"}"#),
            [anything]
        );
        assert_eq!(
            dynamodb("GetItem", "no JSON"),
            [need("dynamodb:GetItem", "*")]
        );
        assert_eq!(
            of_connection("api", "POST", "/prod/@connections/abc="),
            [need(
                "execute-api:ManageConnections",
                "arn:aws:execute-api:us-east-1:000000000000:api/prod/POST/@connections/abc="
            )]
        );
    }
}
