//! What the reader makes of the project's own template, and of changes to it.

use serde_json::json;

use super::*;
use crate::plan::{Function, Grant};

mod aliases;
mod environment;
mod hostile;
mod language;
mod roles;

const TEMPLATE: &str = include_str!("../../../cloudformation/template.yaml");

fn settings() -> Settings {
    Settings {
        endpoint: "http://127.0.0.1:4566".into(),
        gateway: "127.0.0.1:3001".into(),
        secrets: BTreeMap::from([("TokenSecret".into(), "s3cret".into())]),
        ..Settings::default()
    }
}

fn own(parameters: &[(&str, &str)]) -> std::result::Result<Plan, TemplateError> {
    let mut settings = settings();
    for (name, value) in parameters {
        settings
            .parameters
            .insert(name.to_string(), value.to_string());
    }
    read("template.yaml", TEMPLATE, &settings)
}

fn function<'p>(plan: &'p Plan, name: &str) -> &'p Function {
    plan.functions.iter().find(|f| f.name == name).unwrap()
}

#[test]
fn tables_have_their_keys_indexes_and_expiry() {
    let plan = own(&[]).unwrap();
    let names: Vec<_> = plan
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
    for table in &plan.tables {
        assert_eq!(table.ttl_attribute.as_deref(), Some("ttl"));
        assert_eq!(table.create["TableName"], table.name);
        assert_eq!(table.create["BillingMode"], "PAY_PER_REQUEST");
        assert_eq!(table.create.get("SSESpecification"), None);
    }
    let jobs = &plan.tables[1].create;
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
    assert_eq!(plan.tables[2].create.get("GlobalSecondaryIndexes"), None);
}

#[test]
fn the_local_database_takes_every_table() {
    let plan = own(&[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dynamo.db");
    let database = dynoxide::Database::new(path.to_str().unwrap()).unwrap();
    for table in plan.tables {
        let request = serde_json::from_value(table.create).unwrap();
        let made = database.create_table(request).unwrap();
        assert_eq!(made.table_description.table_name, table.name);
    }
}

#[test]
fn the_jobs_queue_redrives_to_the_dead_letter_queue_and_outlasts_the_worker() {
    let plan = own(&[]).unwrap();
    let names: Vec<_> = plan
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
    let jobs = &plan.queues[0].attributes;
    assert_eq!(jobs["VisibilityTimeout"], "5400");
    assert_eq!(jobs["MessageRetentionPeriod"], "1209600");
    assert_eq!(jobs["ReceiveMessageWaitTimeSeconds"], "20");
    let redrive: serde_json::Value = serde_json::from_str(&jobs["RedrivePolicy"]).unwrap();
    let target = "arn:aws:sqs:us-east-1:000000000000:longhaul-jobs-dlq";
    assert_eq!(
        redrive,
        json!({"deadLetterTargetArn": target, "maxReceiveCount": 20})
    );
    let short = own(&[("WorkerTimeoutSeconds", "60")]).unwrap();
    assert_eq!(short.queues[0].attributes["VisibilityTimeout"], "360");
}

#[test]
fn the_queue_feeds_the_worker_and_the_clock_the_sweep() {
    let plan = own(&[("WorkerConcurrency", "4")]).unwrap();
    let source = &plan.event_sources[0];
    assert_eq!(
        (source.queue.as_str(), source.function.as_str()),
        ("longhaul-jobs", "longhaul-worker")
    );
    assert_eq!(
        (source.batch_size, source.maximum_concurrency),
        (1, Some(4))
    );
    assert!(source.reports_item_failures);
    let schedule = &plan.schedules[0];
    assert_eq!(
        (schedule.every.as_secs(), schedule.function.as_str()),
        (60, "longhaul-sweep")
    );
    assert_eq!(schedule.input, None);
    assert_eq!((plan.event_sources.len(), plan.schedules.len()), (5, 1));
    let source = &plan.event_sources[1];
    assert_eq!(
        (source.queue.as_str(), source.function.as_str()),
        ("longhaul-continuations", "longhaul-worker")
    );
}

#[test]
fn the_gateway_has_three_routes_and_one_of_them_answers() {
    let gateway = own(&[("Stage", "dev")]).unwrap().gateway.unwrap();
    assert_eq!(
        (gateway.stage.as_str(), gateway.throttle),
        ("dev", Some((50.0, 100)))
    );
    assert_eq!(gateway.route_selection, "$request.body.action");
    let routes: Vec<_> = gateway
        .routes
        .iter()
        .map(|(key, r)| {
            (
                key.as_str(),
                r.function.as_str(),
                r.authorizer.as_deref(),
                r.responds,
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
    assert!(gateway.routes["$connect"].identity_sources.is_empty());
}

#[test]
fn outputs_are_local_and_inert_resources_are_listed() {
    let plan = own(&[("ProjectName", "other")]).unwrap();
    assert_eq!(plan.outputs["WebSocketUrl"], "ws://127.0.0.1:3001/prod");
    assert_eq!(plan.outputs["JobsTableName"], "other-jobs");
    assert_eq!(
        plan.outputs["JobsDeadLetterQueueUrl"],
        "http://127.0.0.1:4566/000000000000/other-jobs-dlq"
    );
    assert!(
        plan.inert
            .contains(&("WorkerRole".into(), "AWS::IAM::Role".into()))
    );
    assert!(
        plan.inert
            .contains(&("WorkerLogs".into(), "AWS::Logs::LogGroup".into()))
    );
}

#[test]
fn a_route_without_its_route_response_answers_nobody() {
    let start = TEMPLATE.find("  DefaultRouteResponse:").unwrap();
    let end = TEMPLATE.find("Outputs:").unwrap();
    let without = format!("{}{}", &TEMPLATE[..start], &TEMPLATE[end..]);
    let plan = read("template.yaml", &without, &settings()).unwrap();
    assert!(!plan.gateway.unwrap().routes["$default"].responds);
}

/// The project's template with one text replaced, and what the reader then says.
#[test]
fn a_change_that_the_local_cloud_cannot_follow_is_refused() {
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
            "the local cloud knows no other",
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
            "above 10 needs a MaximumBatchingWindowInSeconds",
        ),
        (
            "$request.body.action",
            "$request.header.action",
            "must be $request.body. and a field",
        ),
        (
            "$request.body.action",
            "${request.body.}",
            "must be $request.body. and a field",
        ),
        (
            "integrations/",
            "elsewhere/",
            "must be integrations/ and an integration of this template",
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
            "${TokenSecret}:SecretString",
            "${TokenSecret}:SecretBinary",
            "read as SecretString",
        ),
        (
            "secretsmanager:${",
            "ssm:${",
            "only secretsmanager is known",
        ),
        (
            "RouteKey: $disconnect",
            "RouteKey: $default",
            "the route $default is there twice",
        ),
    ] {
        assert!(TEMPLATE.contains(from), "{from}");
        let changed = TEMPLATE.replace(from, to);
        let error = read("t.yaml", &changed, &settings()).unwrap_err();
        assert!(error.problem.contains(expected), "{error}");
    }
    let other = TEMPLATE.replace("$request.body.action", "$context.action");
    let line = other
        .lines()
        .position(|line| line.contains("$context.action"));
    let error = read("t.yaml", &other, &settings()).unwrap_err();
    assert_eq!(error.line, line.unwrap() + 1);
}

#[test]
fn parameters_are_held_to_their_constraints() {
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
        assert_eq!(own(&[(name, value)]).unwrap_err().problem, expected);
    }
    let error = read("t.yaml", TEMPLATE, &Settings::default()).unwrap_err();
    assert_eq!(
        error.problem,
        "no value was given for the secret TokenSecret"
    );
}
