//! Lambda's host against real processes that use the real Rust runtime. The stack builders here
//! serve the other services' tests too.

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

use super::pool::Pool;
use super::{FailureKind, Invoked, Lambda, Launch, Program};
use crate::plan;

/// The program of one of `examples/`; `cargo test` builds it beside the tests.
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
        "{} is missing: cargo build --examples",
        program.display()
    );
    program
}

pub(crate) fn function(name: &str, handler: &str) -> plan::Function {
    plan::Function {
        name: name.into(),
        arn: format!(
            "arn:aws:lambda:{}:{}:function:{name}",
            plan::REGION,
            plan::ACCOUNT
        ),
        handler: handler.into(),
        timeout: Duration::from_secs(60),
        memory: 128,
        environment: BTreeMap::new(),
        package: None,
        reserved_concurrency: None,
        grants: None,
    }
}

/// A host for these functions; they note what they see under `folder`.
pub(crate) async fn host(folder: &Path, functions: Vec<plan::Function>) -> Lambda {
    let launch = Launch {
        program: Program::One(example("test_function")),
        args: Vec::new(),
        environment: BTreeMap::from([("NOTES".into(), folder.display().to_string())]),
        logs: folder.join("logs"),
        concurrency: 100,
    };
    Lambda::start(functions, launch).await.unwrap()
}

/// The lines of JSON that functions noted under this name, once there are `count` of them.
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

/// Waits on a state; the limit only turns a hang into a failure.
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

async fn ask(lambda: &Lambda, function: &str, event: Value) -> Invoked {
    lambda
        .invoke(function, event.to_string().into(), None)
        .await
}

fn returned(invoked: Invoked) -> Value {
    match invoked {
        Invoked::Returned(payload) => serde_json::from_slice(&payload).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn failed(invoked: Invoked) -> (FailureKind, Value) {
    match invoked {
        Invoked::Failed { kind, payload } => (kind, serde_json::from_slice(&payload).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_environment_is_reused_and_sees_only_lambdas_variables() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = function("echo", "main.handler");
    spec.environment.insert("TABLE".into(), "jobs".into());
    let lambda = host(folder.path(), vec![spec]).await;

    let first = returned(ask(&lambda, "echo", json!({ "n": 1 })).await);
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
async fn invocations_at_once_have_environments_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = host(folder.path(), vec![function("meet", "socket")]).await;
    let frame = |me: &str, other: &str| {
        let body = json!({ "do": "meet", "me": me, "other": other }).to_string();
        json!({ "requestContext": { "eventType": "MESSAGE" }, "body": body })
    };
    let (one, two) = tokio::join!(
        ask(&lambda, "meet", frame("a", "b")),
        ask(&lambda, "meet", frame("b", "a"))
    );
    assert_eq!(returned(one)["statusCode"], 200);
    assert_eq!(returned(two)["statusCode"], 200);
    lambda.stop().await;
}

#[tokio::test]
async fn each_way_to_fail_has_its_kind_and_leaves_the_function_usable() {
    let folder = tempfile::tempdir().unwrap();
    let mut brief = function("brief", "main");
    brief.timeout = Duration::from_millis(300);
    let functions = vec![
        function("main", "main"),
        brief,
        function("exits", "exit-at-init"),
        function("posts", "post-init-error"),
    ];
    let lambda = host(folder.path(), functions).await;

    let (kind, payload) = failed(ask(&lambda, "main", json!({ "do": "fail" })).await);
    assert_eq!(kind, FailureKind::Unhandled);
    assert_eq!(payload["errorMessage"], "as asked");

    let before = returned(ask(&lambda, "main", json!({})).await);
    let (kind, payload) = failed(ask(&lambda, "main", json!({ "do": "exit" })).await);
    assert_eq!(kind, FailureKind::Crashed(Some(7)));
    assert_eq!(payload["errorType"], "Runtime.ExitError");
    let after = returned(ask(&lambda, "main", json!({})).await);
    assert_ne!(before["pid"], after["pid"], "a crash costs the environment");

    let (kind, payload) = failed(ask(&lambda, "brief", json!({ "do": "hang" })).await);
    assert_eq!(kind, FailureKind::TimedOut);
    let message = payload["errorMessage"].as_str().unwrap();
    assert!(message.ends_with("Task timed out after 0.30 seconds"));

    for _ in 0..2 {
        let (kind, payload) = failed(ask(&lambda, "exits", json!({})).await);
        assert_eq!(kind, FailureKind::Init);
        let message = payload["errorMessage"].as_str().unwrap();
        assert!(message.ends_with("exit status 3"));
        let (kind, payload) = failed(ask(&lambda, "posts", json!({})).await);
        assert_eq!(kind, FailureKind::Init);
        assert_eq!(payload["errorType"], "Config.Missing");
    }
    assert_eq!(
        ask(&lambda, "nobody", json!({})).await,
        Invoked::NoSuchFunction
    );
    lambda.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_outgrows_its_memory_is_killed_and_who_fits_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = host(folder.path(), vec![function("main", "main")]).await;
    let grow = |mib: u32| json!({ "do": "grow", "mib": mib });
    let before = returned(ask(&lambda, "main", grow(80)).await);
    assert_eq!(before, json!(80));
    let (kind, payload) = failed(ask(&lambda, "main", grow(1000)).await);
    assert_eq!(kind, FailureKind::Crashed(None));
    assert_eq!(payload["errorType"], "Runtime.ExitError");
    let message = payload["errorMessage"].as_str().unwrap();
    assert!(message.ends_with("Runtime exited with error: signal: killed"));
    returned(ask(&lambda, "main", json!({})).await);
    let log = std::fs::read_to_string(folder.path().join("logs/main.log")).unwrap();
    assert!(log.contains("\tMax Memory Used: 128 MB"), "{log}");
    lambda.stop().await;
}

#[tokio::test]
async fn beyond_its_reservation_a_function_is_throttled() {
    let folder = tempfile::tempdir().unwrap();
    let mut none = function("none", "main");
    none.reserved_concurrency = Some(0);
    let mut one = function("one", "main");
    one.reserved_concurrency = Some(1);
    let lambda = host(folder.path(), vec![none, one]).await;

    assert_eq!(ask(&lambda, "none", json!({})).await, Invoked::Throttled);
    let held = lambda.host.functions["one"].pool.admit().unwrap();
    assert_eq!(ask(&lambda, "one", json!({})).await, Invoked::Throttled);
    drop(held);
    returned(ask(&lambda, "one", json!({})).await);
    lambda.stop().await;
}

#[tokio::test]
async fn where_all_places_are_taken_the_next_waits_for_one() {
    let pool = Pool::new(Arc::new(Semaphore::new(100)));
    let mut taken = vec![];
    while let Some(place) = pool.place().now_or_never() {
        taken.push(place);
        assert!(taken.len() < 100, "there is no end of places");
    }
    let mut next = pin!(pool.place());
    assert!(next.as_mut().now_or_never().is_none());
    taken.pop();
    assert!(next.await.is_some());
}

#[tokio::test]
async fn invocations_that_take_long_keep_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = host(folder.path(), vec![function("slow", "main")]).await;
    let asked = (0..20).map(|_| ask(&lambda, "slow", json!({ "do": "hang" })));
    let log = folder.path().join("logs/slow.log");
    let all_begun = until("all begun", || {
        let text = std::fs::read_to_string(&log).ok()?;
        (text.matches(" START ").count() == 20).then_some(())
    });
    tokio::select! {
        ended = join_all(asked) => panic!("{ended:?}"),
        () = all_begun => {}
    }
    lambda.stop().await;
}

#[tokio::test]
async fn an_idle_child_that_died_costs_no_invocation() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = host(folder.path(), vec![function("main", "main")]).await;
    let first = returned(ask(&lambda, "main", json!({})).await);
    let pool = &lambda.host.functions["main"].pool;
    let mut idle = pool.take().unwrap();
    kill(first["pid"].as_u64().unwrap());
    until("the child is dead", || (!idle.is_alive()).then_some(())).await;
    pool.put(idle);
    let second = returned(ask(&lambda, "main", json!({})).await);
    assert_ne!(first["pid"], second["pid"]);
    lambda.stop().await;
}

#[tokio::test]
async fn what_was_idle_for_too_long_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = host(folder.path(), vec![function("main", "main")]).await;
    let first = returned(ask(&lambda, "main", json!({})).await);
    let pool = &lambda.host.functions["main"].pool;
    pool.kill_idle_for(Duration::from_secs(600));
    let second = returned(ask(&lambda, "main", json!({})).await);
    pool.kill_idle_for(Duration::ZERO);
    let third = returned(ask(&lambda, "main", json!({})).await);
    assert_eq!(first["pid"], second["pid"]);
    assert_ne!(second["pid"], third["pid"]);
    lambda.stop().await;
}

#[tokio::test]
async fn what_a_function_prints_stands_between_start_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = host(folder.path(), vec![function("main", "main")]).await;
    returned(ask(&lambda, "main", json!({ "do": "print" })).await);
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

/// The guard is what a kill -9 of the host comes down to: its pipe closes.
#[tokio::test]
async fn the_guard_ends_a_busy_child_when_its_host_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = host(folder.path(), vec![function("main", "main")]).await;
    let hanging = {
        let lambda = lambda.clone();
        tokio::spawn(async move { ask(&lambda, "main", json!({ "do": "hang" })).await })
    };
    let log = folder.path().join("logs/main.log");
    until("the invocation's start", || {
        std::fs::read_to_string(&log)
            .ok()?
            .contains("START")
            .then_some(())
    })
    .await;
    lambda.host.guard.kill_all();
    let (kind, payload) = failed(hanging.await.unwrap());
    assert_eq!(kind, FailureKind::Crashed(None));
    let message = payload["errorMessage"].as_str().unwrap();
    assert!(message.ends_with("signal: killed"), "{message}");
    lambda.stop().await;
    let (kind, _) = failed(ask(&lambda, "main", json!({})).await);
    assert_eq!(kind, FailureKind::Init, "a stopped host starts nothing");
}

#[tokio::test]
async fn a_host_that_is_killed_leaves_no_busy_child_behind() {
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
    until("the child works", || (!is_free()?).then_some(())).await;
    host.kill().await.unwrap();
    until("the child is dead", || is_free()?.then_some(())).await;
}

fn kill(pid: u64) {
    let status = std::process::Command::new("/bin/sh")
        .args(["-c", &format!("kill -s KILL {pid}")])
        .status()
        .unwrap();
    assert!(status.success());
}
