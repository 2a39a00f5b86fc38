//! The environment and limits of the project's project_stack functions.

use super::*;

#[test]
fn functions_have_their_handlers_limits_and_environment() {
    let spec = project_stack(&[]).unwrap();
    let handlers: Vec<_> = spec.functions.iter().map(|f| f.handler.as_str()).collect();
    assert_eq!(
        handlers,
        [
            "authorize",
            "connection",
            "deliver",
            "message",
            "sweep",
            "publish",
            "fanout",
            "worker"
        ]
    );
    let worker = function(&spec, "longhaul-worker");
    assert_eq!(
        worker.arn,
        "arn:aws:lambda:us-east-1:000000000000:function:longhaul-worker"
    );
    assert_eq!((worker.timeout.as_secs(), worker.memory_mib), (900, 512));
    let environment = BTreeMap::from(
        [
            ("CONNECTIONS_ENDPOINT", "http://127.0.0.1:3001/prod"),
            ("CONNECTIONS_TABLE", "longhaul-connections"),
            (
                "CONTINUATIONS_QUEUE_URL",
                "http://127.0.0.1:4566/000000000000/longhaul-continuations",
            ),
            ("COST_EXPLORER", "false"),
            ("COST_OPTIMIZATION_HUB", "false"),
            ("FINOPS_BILL_IS_SAMPLE", "false"),
            (
                "JOBS_QUEUE_URL",
                "http://127.0.0.1:4566/000000000000/longhaul-jobs",
            ),
            (
                "JOBS_DEAD_LETTER_QUEUE_URL",
                "http://127.0.0.1:4566/000000000000/longhaul-jobs-dlq",
            ),
            ("JOBS_TABLE", "longhaul-jobs"),
            ("JOB_EVENTS_TABLE", "longhaul-job-events"),
            ("JOB_RETENTION_DAYS", "30"),
            ("LEASE_SECONDS", "30"),
            ("LOG_LEVEL", "info"),
            ("MAX_ATTEMPTS", "3"),
            ("NOOP_ENABLED", "false"),
            ("PROJECT", "longhaul"),
            ("RELEASE", "first"),
            ("RESULTS_BUCKET", "longhaul-results-000000000000-us-east-1"),
            ("RESULT_URL_SECONDS", "900"),
            ("TRUSTED_ADVISOR", "false"),
            ("SESSIONS_TABLE", "longhaul-sessions"),
            ("CHAT_MAX_TOKENS", "2048"),
            ("CHAT_GUARDRAIL_VERSION", "DRAFT"),
        ]
        .map(|(key, value)| (key.to_string(), value.to_string())),
    );
    let (set, unset): (BTreeMap<_, _>, BTreeMap<_, _>) = (worker.environment.clone().into_iter())
        .partition(|(name, _)| environment.contains_key(name));
    assert_eq!(set, environment);
    let empty = "AGENT_ARNS AGENT_KINDS CHAT_AGENT_RUNTIME_ARN CHAT_GUARDRAIL_ID CHAT_INPUT_PRICE \
        CHAT_MODEL_ID CHAT_OUTPUT_PRICE FINOPS_BILL OTLP_ENDPOINT TRANSCRIBER_ARN";
    assert!(unset.values().all(String::is_empty), "{unset:?}");
    assert_eq!(Vec::from_iter(unset.into_keys()).join(" "), empty);
}

#[test]
fn an_environment_is_no_larger_than_lambdas() {
    let agents = |count: usize| {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:agent-";
        let arns: Vec<String> = (0..count).map(|number| format!("{arn}{number}")).collect();
        project_stack(&[("AgentArns", &arns.join(","))])
    };
    agents(16).unwrap();
    let error = agents(40).unwrap_err();
    assert!(
        error.problem.contains("AgentArns is above its MaxLength"),
        "{error}"
    );
    let function = |length: usize| {
        let text = format!(
            "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      \
             Runtime: provided.al2023\n      Handler: f\n      Code: {{}}\n      \
             Environment: {{Variables: {{A: {}}}}}\n",
            "x".repeat(length)
        );
        resolve("t.yaml", &text, &inputs())
    };
    // With {"A":""} around it.
    function(4096 - 8).unwrap();
    let error = function(4097 - 8).unwrap_err();
    assert!(
        error
            .problem
            .contains("Environment of AWS::Lambda::Function (resource F) is larger than"),
        "{error}"
    );
}
