//! Lambda with real processes that use the real Rust runtime. The helpers also serve the tests of other
//! services.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::pool::EnvironmentPool;
use super::{FailureKind, FunctionPrograms, InvokeOutcome, Lambda, LaunchOptions};
use crate::stack_spec::{self, Function};

/// The program of one of `examples/`, which `cargo test` builds along with the tests.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join("examples")
        .join(name);
    assert!(
        program.exists(),
        "{} is missing: run cargo build --examples",
        program.display()
    );
    program
}

pub(crate) fn function(name: &str, handler: &str) -> Function {
    Function {
        name: name.into(),
        arn: format!(
            "arn:aws:lambda:{}:{}:function:{name}",
            stack_spec::REGION,
            stack_spec::ACCOUNT
        ),
        handler: handler.into(),
        timeout: Duration::from_secs(60),
        memory_mib: 128,
        environment: BTreeMap::new(),
        package: None,
        reserved_concurrency: None,
        grants: None,
    }
}

/// Lambda with these functions, which write their notes below `folder`.
pub(crate) async fn start_lambda(folder: &Path, functions: Vec<Function>) -> Lambda {
    let launch = LaunchOptions {
        programs: FunctionPrograms::Shared(example("test_function")),
        arguments: Vec::new(),
        environment: BTreeMap::from([("NOTES".into(), folder.display().to_string())]),
        secret_access_key: "secret".to_owned(),
        log_folder: folder.join("logs"),
        account_concurrency: 100,
    };
    Lambda::start(functions, launch).await.unwrap()
}

/// The JSON lines that functions have written under this name, as soon as there are `count` of them.
pub(crate) async fn notes(folder: &Path, name: &str, count: usize) -> Vec<Value> {
    until(&format!("{count} {name}"), || {
        let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        let lines: Vec<Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        (lines.len() >= count).then_some(lines)
    })
    .await
}

/// Waits for a state; the timeout only turns a hang into a failure.
pub(crate) async fn until<T>(what: &str, mut state: impl FnMut() -> Option<T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            if let Some(reached) = state() {
                return reached;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never: {what}"))
}

async fn invoke(lambda: &Lambda, function: &str, event: Value) -> InvokeOutcome {
    lambda
        .invoke(function, event.to_string().into(), None)
        .await
}

fn returned(outcome: InvokeOutcome) -> Value {
    match outcome {
        InvokeOutcome::Returned(payload) => serde_json::from_slice(&payload).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn failed(outcome: InvokeOutcome) -> (FailureKind, Value) {
    match outcome {
        InvokeOutcome::Failed { kind, payload } => {
            (kind, serde_json::from_slice(&payload).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_environment_is_reused_and_has_only_lambdas_variables() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = function("echo", "main.handler");
    spec.environment.insert("TABLE".into(), "jobs".into());
    let lambda = start_lambda(folder.path(), vec![spec]).await;

    let first = returned(invoke(&lambda, "echo", json!({ "n": 1 })).await);
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let second = returned(
        lambda
            .invoke("echo", Bytes::from_static(b"{}"), Some(trace.into()))
            .await,
    );

    assert_eq!(first["pid"], second["pid"]);
    assert_eq!(first["event"], json!({ "n": 1 }));
    assert_eq!(second["trace"], trace);
    let now = jiff::Timestamp::now().as_millisecond();
    let left = first["deadline"].as_i64().unwrap() - now;
    assert!(
        (1..=60_000).contains(&left),
        "an absolute deadline, {left} ms away"
    );
    let variables = first["environment"].as_object().unwrap();
    assert_eq!(variables["TABLE"], "jobs");
    assert_eq!(variables["_HANDLER"], "main.handler");
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_NAME"], "echo");
    assert_eq!(variables["AWS_LAMBDA_LOG_GROUP_NAME"], "/aws/lambda/echo");
    assert_eq!(variables["TZ"], ":UTC");
    assert!(!variables.contains_key("CARGO_MANIFEST_DIR"), "cleared");
    lambda.stop().await;
}

#[tokio::test]
async fn concurrent_invocations_run_in_separate_environments() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = start_lambda(folder.path(), vec![function("meet", "socket")]).await;
    let frame = |me: &str, other: &str| {
        let body = json!({ "do": "meet", "me": me, "other": other }).to_string();
        json!({ "requestContext": { "eventType": "MESSAGE" }, "body": body })
    };
    let (one, two) = tokio::join!(
        invoke(&lambda, "meet", frame("a", "b")),
        invoke(&lambda, "meet", frame("b", "a"))
    );
    assert_eq!(returned(one)["statusCode"], 200);
    assert_eq!(returned(two)["statusCode"], 200);
    lambda.stop().await;
}

#[tokio::test]
async fn each_failure_has_its_kind_and_leaves_the_function_usable() {
    let folder = tempfile::tempdir().unwrap();
    let mut brief = function("brief", "main");
    brief.timeout = Duration::from_millis(300);
    let functions = vec![
        function("main", "main"),
        brief,
        function("exits", "exit-at-init"),
        function("posts", "post-init-error"),
    ];
    let lambda = start_lambda(folder.path(), functions).await;

    let (kind, payload) = failed(invoke(&lambda, "main", json!({ "do": "fail" })).await);
    assert_eq!(kind, FailureKind::Unhandled);
    assert_eq!(payload["errorMessage"], "as asked");

    let before = returned(invoke(&lambda, "main", json!({})).await);
    let (kind, payload) = failed(invoke(&lambda, "main", json!({ "do": "exit" })).await);
    assert_eq!(kind, FailureKind::Crashed(Some(7)));
    assert_eq!(payload["errorType"], "Runtime.ExitError");
    let after = returned(invoke(&lambda, "main", json!({})).await);
    assert_ne!(before["pid"], after["pid"], "a crash ends the environment");

    let (kind, payload) = failed(invoke(&lambda, "brief", json!({ "do": "hang" })).await);
    assert_eq!(kind, FailureKind::TimedOut);
    let message = payload["errorMessage"].as_str().unwrap();
    assert!(message.ends_with("Task timed out after 0.30 seconds"));

    for _ in 0..2 {
        let (kind, payload) = failed(invoke(&lambda, "exits", json!({})).await);
        assert_eq!(kind, FailureKind::Init);
        let message = payload["errorMessage"].as_str().unwrap();
        assert!(message.ends_with("exit status 3"));
        let (kind, payload) = failed(invoke(&lambda, "posts", json!({})).await);
        assert_eq!(kind, FailureKind::Init);
        assert_eq!(payload["errorType"], "Config.Missing");
    }
    assert_eq!(
        invoke(&lambda, "nobody", json!({})).await,
        InvokeOutcome::NoSuchFunction
    );
    lambda.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_that_exceeds_its_memory_limit_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = start_lambda(folder.path(), vec![function("main", "main")]).await;
    let grow = |mib: u32| json!({ "do": "grow", "mib": mib });
    let before = returned(invoke(&lambda, "main", grow(80)).await);
    assert_eq!(before, json!(80));
    let (kind, payload) = failed(invoke(&lambda, "main", grow(1000)).await);
    assert_eq!(kind, FailureKind::Crashed(None));
    assert_eq!(payload["errorType"], "Runtime.ExitError");
    let message = payload["errorMessage"].as_str().unwrap();
    assert!(message.ends_with("Runtime exited with error: signal: killed"));
    returned(invoke(&lambda, "main", json!({})).await);
    let log = std::fs::read_to_string(folder.path().join("logs/main.log")).unwrap();
    assert!(log.contains("\tMax Memory Used: 128 MB"), "{log}");
    lambda.stop().await;
}

#[tokio::test]
async fn a_function_is_throttled_at_its_reserved_concurrency() {
    let folder = tempfile::tempdir().unwrap();
    let mut none = function("none", "main");
    none.reserved_concurrency = Some(0);
    let mut one = function("one", "main");
    one.reserved_concurrency = Some(1);
    let lambda = start_lambda(folder.path(), vec![none, one]).await;

    assert_eq!(
        invoke(&lambda, "none", json!({})).await,
        InvokeOutcome::Throttled
    );
    let permit = lambda.host.functions["one"]
        .pool
        .try_acquire_concurrency()
        .unwrap();
    assert_eq!(
        invoke(&lambda, "one", json!({})).await,
        InvokeOutcome::Throttled
    );
    drop(permit);
    returned(invoke(&lambda, "one", json!({})).await);
    lambda.stop().await;
}

#[tokio::test]
async fn an_invocation_waits_for_a_free_start_slot() {
    let pool = EnvironmentPool::new(Arc::new(Semaphore::new(100)));
    let mut slots = vec![];
    while let Some(slot) = pool.acquire_start_slot().now_or_never() {
        slots.push(slot);
        assert!(slots.len() < 100, "the start slots are not limited");
    }
    let mut next = pin!(pool.acquire_start_slot());
    assert!(next.as_mut().now_or_never().is_none());
    slots.pop();
    assert!(next.await.is_some());
}

#[tokio::test]
async fn long_invocations_do_not_block_others() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = start_lambda(folder.path(), vec![function("slow", "main")]).await;
    let invocations = (0..20).map(|_| invoke(&lambda, "slow", json!({ "do": "hang" })));
    let log = folder.path().join("logs/slow.log");
    let all_started = until("all started", || {
        let text = std::fs::read_to_string(&log).ok()?;
        (text.matches(" START ").count() == 20).then_some(())
    });
    tokio::select! {
        ended = join_all(invocations) => panic!("{ended:?}"),
        () = all_started => {}
    }
    lambda.stop().await;
}

#[tokio::test]
async fn a_dead_idle_process_fails_no_invocation() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = start_lambda(folder.path(), vec![function("main", "main")]).await;
    let first = returned(invoke(&lambda, "main", json!({})).await);
    let pool = &lambda.host.functions["main"].pool;
    let mut idle = pool.pop().unwrap();
    kill(first["pid"].as_u64().unwrap());
    until("the process is dead", || (!idle.is_alive()).then_some(())).await;
    pool.push(idle);
    let second = returned(invoke(&lambda, "main", json!({})).await);
    assert_ne!(first["pid"], second["pid"]);
    lambda.stop().await;
}

#[tokio::test]
async fn an_environment_that_was_idle_for_too_long_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = start_lambda(folder.path(), vec![function("main", "main")]).await;
    let first = returned(invoke(&lambda, "main", json!({})).await);
    let pool = &lambda.host.functions["main"].pool;
    pool.kill_idle(Duration::from_secs(600));
    let second = returned(invoke(&lambda, "main", json!({})).await);
    pool.kill_idle(Duration::ZERO);
    let third = returned(invoke(&lambda, "main", json!({})).await);
    assert_eq!(first["pid"], second["pid"]);
    assert_ne!(second["pid"], third["pid"]);
    lambda.stop().await;
}

#[tokio::test]
async fn a_functions_output_is_logged_between_start_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = start_lambda(folder.path(), vec![function("main", "main")]).await;
    returned(invoke(&lambda, "main", json!({ "do": "print" })).await);
    let log = std::fs::read_to_string(folder.path().join("logs/main.log")).unwrap();
    let lines: Vec<&str> = log
        .lines()
        .map(|line| line.splitn(3, ' ').nth(2).unwrap())
        .collect();
    let id = lines[1].strip_prefix("printed by ").unwrap();
    assert_eq!(lines[0], format!("START RequestId: {id} Version: $LATEST"));
    assert_eq!(lines[2], format!("END RequestId: {id}"));
    assert!(lines[3].starts_with(&format!("REPORT RequestId: {id}\tDuration: ")));
    let (_, report) = lines[3].split_once("\tMemory Size: 128 MB").unwrap();
    if cfg!(target_os = "linux") {
        let used = report.strip_prefix("\tMax Memory Used: ").unwrap();
        let used: u64 = used.split_once(" MB\t").unwrap().0.parse().unwrap();
        assert!((1..128).contains(&used), "{used} MB");
    }
    assert!(report.contains("\tInit Duration: "));
    assert_eq!(lines.len(), 4);
    lambda.stop().await;
}

/// A kill -9 of the host closes the guard's pipe; this closes it directly.
#[tokio::test]
async fn the_guard_kills_a_busy_process_when_the_host_ends() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = start_lambda(folder.path(), vec![function("main", "main")]).await;
    let hanging = {
        let lambda = lambda.clone();
        tokio::spawn(async move { invoke(&lambda, "main", json!({ "do": "hang" })).await })
    };
    let log = folder.path().join("logs/main.log");
    until("the invocation's start", || {
        std::fs::read_to_string(&log)
            .ok()?
            .contains("START")
            .then_some(())
    })
    .await;
    lambda.host.process_group.kill_all();
    let (kind, payload) = failed(hanging.await.unwrap());
    assert_eq!(kind, FailureKind::Crashed(None));
    let message = payload["errorMessage"].as_str().unwrap();
    assert!(message.ends_with("signal: killed"), "{message}");
    lambda.stop().await;
    let (kind, _) = failed(invoke(&lambda, "main", json!({})).await);
    assert_eq!(kind, FailureKind::Init, "a stopped host starts no process");
}

#[tokio::test]
async fn a_killed_host_leaves_no_busy_process_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut host = tokio::process::Command::new(example("test_host"))
        .args([example("test_function").as_path(), folder.path()])
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let is_free = || {
        let file = std::fs::File::open(folder.path().join("held")).ok()?;
        Some(file.try_lock().is_ok())
    };
    until("the process is busy", || (!is_free()?).then_some(())).await;
    host.kill().await.unwrap();
    until("the process is dead", || is_free()?.then_some(())).await;
}

fn kill(pid: u64) {
    let status = std::process::Command::new("/bin/sh")
        .args(["-c", &format!("kill -s KILL {pid}")])
        .status()
        .unwrap();
    assert!(status.success());
}
