//! A job's trace: one, from the frame that submits it through the queue and the worker to the last push,
//! whatever dies in between.

use anyhow::{Context, Result};
use serde_json::json;

use crate::support::stack::Stack;
use crate::support::trace_collector::{Collector, Span};
use crate::until;

/// W3C's own example.
const CLIENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

async fn traced(collector: &Collector, options: &[&str]) -> Result<Stack> {
    let endpoint = format!("OtlpEndpoint={}", collector.endpoint);
    let options = [options, &["--parameter", &endpoint]].concat();
    Stack::start(&options).await
}

fn under<'s>(spans: &'s [Span], parent: &Span) -> Vec<&'s str> {
    let children = spans.iter().filter(|span| span.parent == parent.id);
    children.map(|span| span.name.as_str()).collect()
}

fn named<'s>(spans: &'s [Span], name: &str) -> Vec<&'s Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

/// The spans as a tree, for whoever reads what the test prints.
fn tree(spans: &[Span], parent: &str, depth: usize, from: u64) -> String {
    let children = spans.iter().filter(|span| span.parent == parent);
    let mut lines = String::new();
    for span in children {
        let at = |nanos: u64| nanos.saturating_sub(from) as f64 / 1e6;
        lines += &format!(
            "{:indent$}{} ({}) {:.1} to {:.1} ms\n",
            "",
            span.name,
            span.service,
            at(span.start),
            at(span.end),
            indent = 2 * depth
        );
        lines += &tree(spans, &span.id, depth + 1, from);
    }
    lines
}

#[tokio::test]
async fn a_job_is_one_trace_from_the_clients_span_to_the_last_push() -> Result<()> {
    let collector = Collector::start().await?;
    let stack = traced(&collector, &[]).await?;
    let mut client = stack.client("alice").await?;
    client
        .send(json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 2}, "traceparent": CLIENT}))
        .await?;
    let job = client.until("job_completed").await?[0]["jobId"].clone();
    until("both functions' spans", async || {
        let spans = collector.trace(TRACE);
        Ok(!named(&spans, "submit").is_empty() && !named(&spans, "attempt").is_empty())
    })
    .await?;

    let spans = collector.trace(TRACE);
    println!("{}", tree(&spans, "b7ad6b7169203331", 0, spans[0].start));
    let [submit] = named(&spans, "submit")[..] else {
        anyhow::bail!("one submit: {spans:?}")
    };
    assert_eq!(submit.parent, "b7ad6b7169203331", "the client's span");
    assert_eq!(submit.service, "longhaul-message");
    let calls = under(&spans, submit);
    for call in ["DynamoDB.PutItem", "SQS.SendMessage"] {
        assert!(calls.contains(&call), "{calls:?}");
    }
    assert!(calls.iter().any(|call| call.ends_with(".PostToConnection")));

    let [attempt] = named(&spans, "attempt")[..] else {
        anyhow::bail!("one attempt: {spans:?}")
    };
    assert_eq!(attempt.parent, submit.id, "through the queue");
    assert_eq!(attempt.service, "longhaul-worker");
    assert_eq!(Some(attempt.attributes["job"].as_str()), job.as_str());
    let calls = under(&spans, attempt);
    let count = |end: &str| calls.iter().filter(|call| call.ends_with(end)).count();
    // The claim, the end, the closing, and what the two reports take of their own; "Started", the reports and
    // the end are pushed.
    assert!((3..=5).contains(&count("DynamoDB.UpdateItem")), "{calls:?}");
    assert_eq!(count(".PostToConnection"), 4, "{calls:?}");

    // The logs lead to it.
    let log = stack.log("worker");
    let line = log.lines().find(|line| line.contains("\"claimed\""));
    assert!(line.context("a line")?.contains(TRACE), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_second_attempt_is_in_the_same_trace_and_other_frames_in_none() -> Result<()> {
    let collector = Collector::start().await?;
    let stack = traced(
        &collector,
        &["--parameter", "LeaseSeconds=2", "--tick-seconds", "2"],
    )
    .await?;
    let mut client = stack.client("alice").await?;
    client.send(json!({"action": "listJobs"})).await?;
    client.until("jobs").await?;
    client
        .send(json!({"action": "query", "kind": "noop", "query": "q", "params": {"crash": true, "failures": 1}}))
        .await?;
    client.until("job_completed").await?;
    let one = || {
        let traces = collector.traces();
        let spans = traces.first().map(|trace| collector.trace(trace));
        (traces.len(), spans.unwrap_or_default())
    };
    until("the attempt that lived", async || {
        Ok(!named(&one().1, "attempt").is_empty())
    })
    .await?;
    let (traces, spans) = one();
    assert_eq!(traces, 1, "only jobs are traced: {spans:?}");
    let [submit] = named(&spans, "submit")[..] else {
        anyhow::bail!("one submit: {spans:?}")
    };
    assert_eq!(submit.parent, "");
    // What a crash kept from being sent is lost; the sweep's part may be there.
    let attempts = named(&spans, "attempt");
    assert!(attempts.iter().all(|attempt| attempt.parent == submit.id));
    assert_eq!(attempts.last().context("one")?.attributes["attempt"], "2");
    Ok(())
}

#[tokio::test]
async fn a_collector_that_is_not_there_costs_traces_and_nothing_else() -> Result<()> {
    let stack = Stack::start(&["--parameter", "OtlpEndpoint=http://127.0.0.1:9"]).await?;
    let mut client = stack.client("alice").await?;
    client
        .send(json!({"action": "query", "kind": "noop", "query": "q", "traceparent": "nonsense"}))
        .await?;
    client.until("job_completed").await?;
    until("the log says so", async || {
        Ok(stack.log("message").contains("traces were lost"))
    })
    .await
}
