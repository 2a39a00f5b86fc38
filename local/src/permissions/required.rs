//! The permissions that a request needs, by service.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::RequiredPermission;
use crate::aws_call::Service;
use crate::s3::S3Target;
use crate::stack_spec::{ACCOUNT, REGION};

/// The fields of a JSON request that name resources.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RequestResources<'a> {
    #[serde(borrow)]
    table_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    index_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    request_items: BTreeMap<Cow<'a, str>, IgnoredAny>,
    #[serde(borrow)]
    transact_items: Vec<BTreeMap<Cow<'a, str>, TransactItem<'a>>>,
    #[serde(borrow)]
    queue_url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    queue_name: Option<Cow<'a, str>>,
}

/// One action of a transaction.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TransactItem<'a> {
    #[serde(borrow)]
    table_name: Cow<'a, str>,
}

/// The name of the queue with this URL: its last segment, so that any host name of this machine works. A slash at the
/// end is ignored.
pub fn queue_name_of(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    url.rsplit('/').next().unwrap_or_default()
}

/// The permissions for a DynamoDB or SQS call; for all resources if the request names none.
pub fn required_for_json(
    service: Service,
    operation: &str,
    body: &[u8],
) -> Vec<RequiredPermission> {
    let request = serde_json::from_slice::<RequestResources<'_>>(body).unwrap_or_default();
    if service == Service::Sqs {
        let queue = request.queue_url.or(request.queue_name).unwrap_or_default();
        let queue = queue_name_of(&queue);
        // A batch operation needs the action of its single operation.
        let action = operation.strip_suffix("Batch").unwrap_or(operation);
        return vec![RequiredPermission {
            action: format!("sqs:{action}"),
            resource: format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"),
            prefix: None,
        }];
    }
    let permission = |operation: &str, table: &str| RequiredPermission {
        action: format!("dynamodb:{operation}"),
        resource: format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"),
        prefix: None,
    };
    let single = request.table_name.map(|table| match request.index_name {
        Some(index) => permission(operation, &format!("{table}/index/{index}")),
        None => permission(operation, &table),
    });
    let batch = request.request_items.keys();
    let transaction = request.transact_items.iter().flatten();
    let required: Vec<RequiredPermission> = single
        .into_iter()
        .chain(batch.map(|table| permission(operation, table)))
        .chain(
            transaction.map(|(kind, item)| permission(transaction_action(kind), &item.table_name)),
        )
        .collect();
    if required.is_empty() {
        return vec![RequiredPermission {
            action: format!("dynamodb:{operation}"),
            resource: "*".to_owned(),
            prefix: None,
        }];
    }
    required
}

/// The action for one part of a transaction: IAM has no action for the whole.
fn transaction_action(kind: &str) -> &'static str {
    match kind {
        "Put" => "PutItem",
        "Update" => "UpdateItem",
        "Delete" => "DeleteItem",
        "Get" => "GetItem",
        _ => "ConditionCheckItem",
    }
}

/// The permissions for an S3 call. `copy_source` is the value of `x-amz-copy-source`.
pub fn required_for_s3(target: &S3Target, copy_source: Option<&str>) -> Vec<RequiredPermission> {
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
        // The keys are in the body, which is not read here.
        (Some(bucket), None) if target.operation == "DeleteObjects" => {
            format!("arn:aws:s3:::{bucket}/*")
        }
        (Some(bucket), None) => format!("arn:aws:s3:::{bucket}"),
    };
    let permission = RequiredPermission {
        action: format!("s3:{action}"),
        resource,
        prefix: target.prefix.clone(),
    };
    let source = copy_source.map(|source| RequiredPermission {
        action: "s3:GetObject".to_owned(),
        resource: format!("arn:aws:s3:::{}", source.trim_start_matches('/')),
        prefix: None,
    });
    [permission].into_iter().chain(source).collect()
}

/// The permission for an `@connections` call; `path` is `/<stage>/@connections/<id>`.
pub fn required_for_connection(
    api_id: &str,
    stage: &str,
    method: &str,
    connection_id: &str,
) -> Vec<RequiredPermission> {
    vec![RequiredPermission {
        action: "execute-api:ManageConnections".to_owned(),
        resource: format!(
            "arn:aws:execute-api:{REGION}:{ACCOUNT}:{api_id}/{stage}/{method}/@connections/{connection_id}"
        ),
        prefix: None,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(action: &str, resource: &str) -> RequiredPermission {
        RequiredPermission {
            action: action.to_owned(),
            resource: resource.to_owned(),
            prefix: None,
        }
    }

    #[test]
    fn a_call_needs_a_permission_for_each_resource() {
        let table = |name: &str| format!("arn:aws:dynamodb:us-east-1:000000000000:table/{name}");
        let dynamodb = |operation, body: &str| {
            required_for_json(Service::DynamoDb, operation, body.as_bytes())
        };
        assert_eq!(
            dynamodb(
                "Query",
                r#"{"TableName": "jobs", "IndexName": "open", "Limit": 5}"#
            ),
            [permission("dynamodb:Query", &table("jobs/index/open"))]
        );
        assert_eq!(
            dynamodb(
                "BatchGetItem",
                r#"{"RequestItems": {"a": {"Keys": []}, "b": {}}}"#
            ),
            [
                permission("dynamodb:BatchGetItem", &table("a")),
                permission("dynamodb:BatchGetItem", &table("b"))
            ]
        );
        let transaction = r#"{"TransactItems": [{"Update": {"TableName": "jobs", "Key": {}}},
            {"ConditionCheck": {"TableName": "events"}}]}"#;
        assert_eq!(
            dynamodb("TransactWriteItems", transaction),
            [
                permission("dynamodb:UpdateItem", &table("jobs")),
                permission("dynamodb:ConditionCheckItem", &table("events"))
            ]
        );
        let send = r#"{"QueueUrl": "http://127.0.0.1:4566/000000000000/jobs/", "Entries": []}"#;
        assert_eq!(
            required_for_json(Service::Sqs, "SendMessageBatch", send.as_bytes()),
            [permission(
                "sqs:SendMessage",
                "arn:aws:sqs:us-east-1:000000000000:jobs"
            )]
        );
        let anything = permission("dynamodb:ExecuteStatement", "*");
        assert_eq!(
            dynamodb("ExecuteStatement", r#"{"Statement": "SELECT"}"#),
            [anything]
        );
        assert_eq!(
            dynamodb("GetItem", "no JSON"),
            [permission("dynamodb:GetItem", "*")]
        );
        assert_eq!(
            required_for_connection("api", "prod", "POST", "abc="),
            [permission(
                "execute-api:ManageConnections",
                "arn:aws:execute-api:us-east-1:000000000000:api/prod/POST/@connections/abc="
            )]
        );
    }
}
