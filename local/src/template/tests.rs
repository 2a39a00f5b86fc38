//! Resolves the project's own template and modified versions of it.

use serde_json::json;

use super::*;
use crate::stack_spec::{Function, Grant, Throttle};

mod environment;
mod function_aliases;
mod hostile_input;
mod language;
mod roles;
mod secrets;
mod sns_eventbridge;

const TEMPLATE: &str = include_str!("../../../cloudformation/template.yaml");

fn inputs() -> TemplateInputs {
    TemplateInputs {
        aws_endpoint: "http://127.0.0.1:4566".into(),
        gateway_address: "127.0.0.1:3001".into(),
        secrets: BTreeMap::from([("TokenSecret".into(), "s3cret".into())]),
        ..TemplateInputs::default()
    }
}

fn project_stack(parameters: &[(&str, &str)]) -> std::result::Result<StackSpec, TemplateError> {
    let mut inputs = inputs();
    for (name, value) in parameters {
        inputs
            .parameters
            .insert(name.to_string(), value.to_string());
    }
    resolve("template.yaml", TEMPLATE, &inputs)
}

fn function<'p>(spec: &'p StackSpec, name: &str) -> &'p Function {
    spec.functions.iter().find(|f| f.name == name).unwrap()
}

#[test]
fn tables_have_keys_indexes_and_ttl() {
    let spec = project_stack(&[]).unwrap();
    let names: Vec<_> = spec
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "longhaul-connections",
            "longhaul-jobs",
            "longhaul-job-events",
            "longhaul-sessions",
            "longhaul-inbox",
            "longhaul-subscriptions"
        ]
    );
    for table in &spec.tables {
        assert_eq!(table.ttl_attribute.as_deref(), Some("ttl"));
        assert_eq!(table.create_request["TableName"], table.name);
        assert_eq!(table.create_request["BillingMode"], "PAY_PER_REQUEST");
        assert_eq!(table.create_request.get("SSESpecification"), None);
    }
    let jobs = &spec.tables[1].create_request;
    assert_eq!(
        jobs["KeySchema"],
        json!([{"AttributeName": "jobId", "KeyType": "HASH"}])
    );
    let open = json!({
        "IndexName": "open",
        "KeySchema": [
            {"AttributeName": "openShard", "KeyType": "HASH"},
            {"AttributeName": "createdAt", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    });
    assert_eq!(jobs["GlobalSecondaryIndexes"][1], open);
    assert_eq!(
        spec.tables[2].create_request.get("GlobalSecondaryIndexes"),
        None
    );
}

#[test]
fn the_local_database_accepts_every_table() {
    let spec = project_stack(&[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dynamo.db");
    let database = dynoxide::Database::new(path.to_str().unwrap()).unwrap();
    for table in spec.tables {
        let request = serde_json::from_value(table.create_request).unwrap();
        let made = database.create_table(request).unwrap();
        assert_eq!(made.table_description.table_name, table.name);
    }
}

#[test]
fn the_jobs_queue_has_a_dead_letter_queue_and_a_visibility_timeout_above_the_workers_timeout() {
    let spec = project_stack(&[]).unwrap();
    let names: Vec<_> = spec
        .queues
        .iter()
        .map(|queue| queue.name.as_str())
        .collect();
    let expected = [
        "longhaul-jobs",
        "longhaul-continuations",
        "longhaul-jobs-dlq",
        "longhaul-deliveries",
        "longhaul-publish",
        "longhaul-fanout",
        "longhaul-fanout-dlq",
    ];
    assert_eq!(names, expected);
    let jobs = &spec.queues[0].attributes;
    assert_eq!(jobs["VisibilityTimeout"], "5400");
    assert_eq!(jobs["MessageRetentionPeriod"], "1209600");
    assert_eq!(jobs["ReceiveMessageWaitTimeSeconds"], "20");
    let redrive: serde_json::Value = serde_json::from_str(&jobs["RedrivePolicy"]).unwrap();
    let target = "arn:aws:sqs:us-east-1:000000000000:longhaul-jobs-dlq";
    assert_eq!(
        redrive,
        json!({"deadLetterTargetArn": target, "maxReceiveCount": 20})
    );
    let short = project_stack(&[("WorkerTimeoutSeconds", "60")]).unwrap();
    assert_eq!(short.queues[0].attributes["VisibilityTimeout"], "360");
}

#[test]
fn the_jobs_queue_invokes_the_worker_and_a_schedule_invokes_the_sweep() {
    let spec = project_stack(&[("WorkerConcurrency", "4")]).unwrap();
    let source = &spec.event_sources[0];
    assert_eq!(
        (source.queue.as_str(), source.function.as_str()),
        ("longhaul-jobs", "longhaul-worker")
    );
    assert_eq!(
        (source.batch_size, source.maximum_concurrency),
        (1, Some(4))
    );
    assert!(source.reports_item_failures);
    let schedule = &spec.schedules[0];
    assert_eq!(
        (schedule.period.as_secs(), schedule.function.as_str()),
        (60, "longhaul-sweep")
    );
    assert_eq!(schedule.input, None);
    assert_eq!((spec.event_sources.len(), spec.schedules.len()), (5, 1));
    let source = &spec.event_sources[1];
    assert_eq!(
        (source.queue.as_str(), source.function.as_str()),
        ("longhaul-continuations", "longhaul-worker")
    );
}

#[test]
fn the_websocket_api_has_three_routes_and_one_route_response() {
    let websocket_api = project_stack(&[("Stage", "dev")])
        .unwrap()
        .websocket_api
        .unwrap();
    let throttle = Throttle {
        rate: 50.0,
        burst: 100,
    };
    assert_eq!(
        (websocket_api.stage.as_str(), websocket_api.throttle),
        ("dev", Some(throttle))
    );
    assert_eq!(websocket_api.route_selection, "$request.body.action");
    let routes: Vec<_> = websocket_api
        .routes
        .iter()
        .map(|(key, r)| {
            (
                key.as_str(),
                r.function.as_str(),
                r.authorizer.as_deref(),
                r.has_route_response,
            )
        })
        .collect();
    let expected = [
        (
            "$connect",
            "longhaul-connection",
            Some("longhaul-authorize"),
            false,
        ),
        ("$default", "longhaul-message", None, true),
        ("$disconnect", "longhaul-connection", None, false),
    ];
    assert_eq!(routes, expected);
    assert!(websocket_api.routes["$connect"].identity_sources.is_empty());
}

#[test]
fn outputs_are_local_and_inert_resources_are_listed() {
    let spec = project_stack(&[("ProjectName", "other")]).unwrap();
    assert_eq!(spec.outputs["WebSocketUrl"], "ws://127.0.0.1:3001/prod");
    assert_eq!(spec.outputs["JobsTableName"], "other-jobs");
    assert_eq!(
        spec.outputs["JobsDeadLetterQueueUrl"],
        "http://127.0.0.1:4566/000000000000/other-jobs-dlq"
    );
    assert!(
        spec.inert
            .contains(&("WorkerRole".into(), "AWS::IAM::Role".into()))
    );
    assert!(
        spec.inert
            .contains(&("WorkerLogs".into(), "AWS::Logs::LogGroup".into()))
    );
}

#[test]
fn a_route_without_a_route_response_is_marked_so() {
    let start = TEMPLATE.find("  DefaultRouteResponse:").unwrap();
    let end = TEMPLATE.find("Outputs:").unwrap();
    let without = format!("{}{}", &TEMPLATE[..start], &TEMPLATE[end..]);
    let spec = resolve("template.yaml", &without, &inputs()).unwrap();
    assert!(!spec.websocket_api.unwrap().routes["$default"].has_route_response);
}

/// The project's template with one text replaced, and the expected error.
#[test]
fn unsupported_template_changes_are_rejected() {
    for (from, to, expected) in [
        (
            "AutoDeploy: true",
            "AutoDeploy: false",
            "AutoDeploy of AWS::ApiGatewayV2::Stage",
        ),
        (
            "rate(1 minute)",
            "cron(0 12 * * ? *)",
            "ScheduleExpression of AWS::Events::Rule",
        ),
        (
            "rate(1 minute)",
            "rate(1 minutes)",
            "the embedded cloud supports no other schedule",
        ),
        (
            "ProtocolType: WEBSOCKET",
            "ProtocolType: HTTP",
            "must be WEBSOCKET",
        ),
        (
            "Seconds: 5400",
            "Seconds: 60",
            "shorter than the function's Timeout of 900 s",
        ),
        (
            "BatchSize: 1\n",
            "BatchSize: 11\n",
            "above 10 requires a MaximumBatchingWindowInSeconds",
        ),
        (
            "$request.body.action",
            "$request.header.action",
            "must be $request.body.<field>",
        ),
        (
            "$request.body.action",
            "${request.body.}",
            "must be $request.body.<field>",
        ),
        (
            "integrations/",
            "elsewhere/",
            "must be integrations/<id> with an integration of this template",
        ),
        (
            "2015-03-31",
            "2015-03-30",
            "must be the invocation ARN of a function",
        ),
        (
            "Runtime: provided.al2023",
            "Runtime: nodejs22.x",
            "must be provided.al2023",
        ),
        (
            "OTLP_ENDPOINT: !Ref OtlpEndpoint",
            "OTLP_ENDPOINT: !Sub '{{resolve:secretsmanager:${TokenSecret}:SecretBinary}}'",
            "can only be read as SecretString",
        ),
        (
            "OTLP_ENDPOINT: !Ref OtlpEndpoint",
            "OTLP_ENDPOINT: '{{resolve:ssm:name}}'",
            "supports only dynamic references to secretsmanager",
        ),
        (
            "RouteKey: $disconnect",
            "RouteKey: $default",
            "the route $default is defined twice",
        ),
    ] {
        assert!(TEMPLATE.contains(from), "{from}");
        let changed = TEMPLATE.replace(from, to);
        let error = resolve("t.yaml", &changed, &inputs()).unwrap_err();
        assert!(error.problem.contains(expected), "{error}");
    }
    let other = TEMPLATE.replace("$request.body.action", "$context.action");
    let line = other
        .lines()
        .position(|line| line.contains("$context.action"));
    let error = resolve("t.yaml", &other, &inputs()).unwrap_err();
    assert_eq!(error.line, line.unwrap() + 1);
}

#[test]
fn parameters_are_checked_against_their_constraints() {
    for (name, value, expected) in [
        (
            "Architecture",
            "mips",
            "parameter Architecture must be one of arm64, x86_64",
        ),
        (
            "LeaseSeconds",
            "901",
            "parameter LeaseSeconds is above its MaxValue of 900",
        ),
        (
            "LeaseSeconds",
            "soon",
            "parameter LeaseSeconds must be a number",
        ),
        (
            "ProjectName",
            "",
            "parameter ProjectName is below its MinLength of 1",
        ),
        ("Colour", "red", "the template has no parameter Colour"),
    ] {
        assert_eq!(
            project_stack(&[(name, value)]).unwrap_err().problem,
            expected
        );
    }
    let error = resolve("t.yaml", TEMPLATE, &TemplateInputs::default()).unwrap_err();
    assert_eq!(
        error.problem,
        "no value was given for the secret TokenSecret"
    );
}
