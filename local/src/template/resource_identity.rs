//! The return values of `Ref` and `GetAtt` for each resource type: the names and ARNs that AWS would assign.
//! A type that is missing here is not supported by the embedded cloud.

use std::collections::BTreeMap;

use crate::stack_spec::{ACCOUNT, REGION, Secret};

/// The stack's name: the prefix of generated names, and `AWS::StackName`.
pub(super) const STACK: &str = "longhaul";

/// Types without local effect: permissions, alarms, encryption, logs and deployments.
const INERT: [&str; 17] = [
    "AWS::ApiGateway::Account",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::KMS::Alias",
    "AWS::KMS::Key",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
];

/// How the rest of the template refers to one resource.
#[derive(Debug, Clone, Default)]
pub(super) struct ResourceIdentity {
    /// The value of `Ref`.
    pub(super) reference: String,
    /// The values of `GetAtt`, by attribute.
    pub(super) attributes: BTreeMap<&'static str, String>,
}

pub(super) fn is_inert(kind: &str) -> bool {
    INERT.contains(&kind)
}

/// The generated name of a resource without a name of its own.
pub(super) fn default_name(id: &str) -> String {
    format!("{STACK}-{id}")
}

/// The WebSocket API's id: stable across starts, and ten characters of a-z and 0-9 like AWS's own.
pub(super) fn api_id(id: &str) -> String {
    let letters = id.chars().filter(char::is_ascii_alphanumeric);
    let id: String = letters.chain(std::iter::repeat('0')).take(10).collect();
    id.to_ascii_lowercase()
}

/// The domain on which API Gateway would serve the WebSocket API.
pub(super) fn api_domain(api_id: &str) -> String {
    format!("{api_id}.execute-api.{REGION}.amazonaws.com")
}

/// The property that names a resource of type `kind`; `None` if the type has no such property.
fn name_property(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "AWS::ApiGatewayV2::Stage" => "StageName",
        "AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm" => "AlarmName",
        "AWS::CloudWatch::Dashboard" => "DashboardName",
        "AWS::CodeDeploy::Application" => "ApplicationName",
        "AWS::CodeDeploy::DeploymentGroup" => "DeploymentGroupName",
        "AWS::DynamoDB::Table" => "TableName",
        "AWS::Events::EventBus" | "AWS::Events::Rule" | "AWS::Scheduler::Schedule" => "Name",
        "AWS::IAM::ManagedPolicy" => "ManagedPolicyName",
        "AWS::IAM::Policy" => "PolicyName",
        "AWS::IAM::Role" => "RoleName",
        "AWS::KMS::Alias" => "AliasName",
        "AWS::Lambda::Alias" => "Name",
        "AWS::Lambda::Function" => "FunctionName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::S3::Bucket" => "BucketName",
        "AWS::SNS::Topic" => "TopicName",
        "AWS::SQS::Queue" => "QueueName",
        "AWS::SecretsManager::Secret" => "Name",
        _ => return None,
    })
}

/// The identity of the resource `id`; `property` reads its resolved properties as text. `None` if the
/// embedded cloud does not support the type.
pub(super) fn of(
    kind: &str,
    id: &str,
    endpoint: &str,
    property: impl Fn(&str) -> Option<String>,
) -> Option<ResourceIdentity> {
    let name = name_property(kind)
        .and_then(&property)
        .unwrap_or_else(|| default_name(id));
    let arn = |service: &str, rest: String| format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}");
    let iam = |rest: String| format!("arn:aws:iam::{ACCOUNT}:{rest}");
    let (reference, attributes) = match kind {
        "AWS::DynamoDB::Table" => {
            let arn = arn("dynamodb", format!("table/{name}"));
            (name, vec![("Arn", arn)])
        }
        "AWS::SQS::Queue" => {
            let url = format!("{endpoint}/{ACCOUNT}/{name}");
            let arn = arn("sqs", name.clone());
            (
                url.clone(),
                vec![("Arn", arn), ("QueueName", name), ("QueueUrl", url)],
            )
        }
        "AWS::S3::Bucket" => {
            // AWS adds random characters to a generated name. Bucket names are always lower case.
            let name = name.to_ascii_lowercase();
            let domain = format!("{name}.s3.amazonaws.com");
            let regional = format!("{name}.s3.{REGION}.amazonaws.com");
            let arn = format!("arn:aws:s3:::{name}");
            (
                name,
                vec![
                    ("Arn", arn),
                    ("DomainName", domain),
                    ("RegionalDomainName", regional),
                ],
            )
        }
        "AWS::Lambda::Function" => {
            let arn = arn("lambda", format!("function:{name}"));
            (name, vec![("Arn", arn)])
        }
        // `FunctionName` is a name or an ARN. A local function has one version.
        "AWS::Lambda::Version" | "AWS::Lambda::Alias" => {
            let function = property("FunctionName").unwrap_or_default();
            let function = match function.starts_with("arn:") {
                true => function,
                false => arn("lambda", format!("function:{function}")),
            };
            if kind == "AWS::Lambda::Alias" {
                let arn = format!("{function}:{name}");
                (arn.clone(), vec![("AliasArn", arn)])
            } else {
                let arn = format!("{function}:1");
                let version = ("Version", "1".to_string());
                (arn.clone(), vec![("FunctionArn", arn), version])
            }
        }
        "AWS::Lambda::EventSourceMapping" => (id.to_string(), vec![("Id", id.to_string())]),
        "AWS::Events::Rule" => {
            // A rule of another bus than the account's default has the bus in its ARN.
            let bus = property("EventBusName").unwrap_or_default();
            let bus = bus.rsplit('/').next().unwrap_or_default();
            let path = match bus {
                "" | "default" => format!("rule/{name}"),
                bus => format!("rule/{bus}/{name}"),
            };
            let arn = arn("events", path);
            (name, vec![("Arn", arn)])
        }
        "AWS::Scheduler::Schedule" => {
            let arn = arn("scheduler", format!("schedule/default/{name}"));
            (name, vec![("Arn", arn)])
        }
        "AWS::ApiGatewayV2::Api" => {
            let id = api_id(id);
            let endpoint = format!("wss://{}", api_domain(&id));
            (id.clone(), vec![("ApiId", id), ("ApiEndpoint", endpoint)])
        }
        "AWS::ApiGatewayV2::Stage" => (name, vec![]),
        "AWS::ApiGatewayV2::Route" => (id.to_string(), vec![("RouteId", id.to_string())]),
        "AWS::ApiGatewayV2::Integration" => {
            (id.to_string(), vec![("IntegrationId", id.to_string())])
        }
        "AWS::ApiGatewayV2::Authorizer" => (id.to_string(), vec![("AuthorizerId", id.to_string())]),
        "AWS::ApiGatewayV2::RouteResponse" => {
            (id.to_string(), vec![("RouteResponseId", id.to_string())])
        }
        "AWS::SecretsManager::Secret" => {
            let arn = Secret::arn_of(&name);
            (arn.clone(), vec![("Id", arn)])
        }
        "AWS::IAM::Role" => {
            let arn = iam(format!("role/{name}"));
            (name, vec![("Arn", arn), ("RoleId", id.to_string())])
        }
        "AWS::IAM::ManagedPolicy" => {
            let arn = iam(format!("policy/{name}"));
            (arn.clone(), vec![("PolicyArn", arn)])
        }
        "AWS::Logs::LogGroup" => {
            let arn = arn("logs", format!("log-group:{name}:*"));
            (name, vec![("Arn", arn)])
        }
        "AWS::KMS::Key" => {
            let arn = arn("kms", format!("key/{id}"));
            (
                id.to_string(),
                vec![("Arn", arn), ("KeyId", id.to_string())],
            )
        }
        "AWS::SNS::Topic" => {
            let arn = arn("sns", name.clone());
            (arn.clone(), vec![("TopicArn", arn), ("TopicName", name)])
        }
        "AWS::SNS::Subscription" => {
            let arn = arn("sns", id.to_string());
            (arn.clone(), vec![("Arn", arn)])
        }
        "AWS::Events::EventBus" => {
            let arn = arn("events", format!("event-bus/{name}"));
            (name.clone(), vec![("Arn", arn), ("Name", name)])
        }
        "AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm" => {
            let arn = arn("cloudwatch", format!("alarm:{name}"));
            (name, vec![("Arn", arn)])
        }
        other if is_inert(other) => (name, vec![]),
        _ => return None,
    };
    let attributes = attributes.into_iter().collect();
    Some(ResourceIdentity {
        reference,
        attributes,
    })
}
