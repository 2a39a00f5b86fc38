//! A job's single trace, from the frame that submits it through the queue and the worker to the last push, also across
//! crashes.

use anyhow::{Context, Result};
use serde_json::json;

use crate::support::stack::Stack;
use crate::support::trace_collector::{Span, TraceCollector};
use crate::support::wait::wait_until;

/// The example of W3C's Trace Context.
const CLIENT_TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";

async fn start_with_collector(collector: &TraceCollector, options: &[&str]) -> Result<Stack> {
    let endpoint = format!("OtlpEndpoint={}", collector.endpoint);
    let options = [options, &["--parameter", &endpoint]].concat();
    Stack::start(&options).await
}

fn child_names<'s>(spans: &'s [Span], parent: &Span) -> Vec<&'s str> {
    let children = spans.iter().filter(|span| span.parent == parent.id);
    children.map(|span| span.name.as_str()).collect()
}

fn spans_named<'s>(spans: &'s [Span], name: &str) -> Vec<&'s Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

/// The spans as an indented tree, for the test's output.
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
    let collector = TraceCollector::start().await?;
    let stack = start_with_collector(&collector, &[]).await?;
    let mut client = stack.client("alice").await?;
    client
        .send(json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 2}, "traceparent": CLIENT_TRACEPARENT}))
        .await?;
    let job = client.until("job_completed").await?[0]["jobId"].clone();
    wait_until("both functions' spans", async || {
        let spans = collector.trace(TRACE_ID);
        Ok(!spans_named(&spans, "submit").is_empty() && !spans_named(&spans, "attempt").is_empty())
    })
    .await?;

    let spans = collector.trace(TRACE_ID);
    println!("{}", tree(&spans, "b7ad6b7169203331", 0, spans[0].start));
    let [submit] = spans_named(&spans, "submit")[..] else {
        anyhow::bail!("one submit: {spans:?}")
    };
    assert_eq!(submit.parent, "b7ad6b7169203331", "the client's span");
    assert_eq!(submit.service, "longhaul-message");
    let calls = child_names(&spans, submit);
    for call in ["DynamoDB.PutItem", "SQS.SendMessage"] {
        assert!(calls.contains(&call), "{calls:?}");
    }
    assert!(calls.iter().any(|call| call.ends_with(".PostToConnection")));

    let [attempt] = spans_named(&spans, "attempt")[..] else {
        anyhow::bail!("one attempt: {spans:?}")
    };
    assert_eq!(attempt.parent, submit.id, "through the queue");
    assert_eq!(attempt.service, "longhaul-worker");
    assert_eq!(Some(attempt.attributes["job"].as_str()), job.as_str());
    let calls = child_names(&spans, attempt);
    let count = |end: &str| calls.iter().filter(|call| call.ends_with(end)).count();
    // Writes: the claim, the end, the removal from the index, and up to two for progress. Pushed: "Started", two
    // progress events and the end.
    assert!((3..=5).contains(&count("DynamoDB.UpdateItem")), "{calls:?}");
    assert_eq!(count(".PostToConnection"), 4, "{calls:?}");

    // The log has the trace's id.
    let log = stack.log("worker");
    let line = log.lines().find(|line| line.contains("\"claimed\""));
    assert!(line.context("a line")?.contains(TRACE_ID), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_second_attempt_joins_the_trace_and_other_frames_have_none() -> Result<()> {
    let collector = TraceCollector::start().await?;
    let stack = start_with_collector(
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
    let traces_and_spans = || {
        let traces = collector.trace_ids();
        let spans = traces.first().map(|trace| collector.trace(trace));
        (traces.len(), spans.unwrap_or_default())
    };
    wait_until("the span of the second attempt", async || {
        Ok(!spans_named(&traces_and_spans().1, "attempt").is_empty())
    })
    .await?;
    let (traces, spans) = traces_and_spans();
    assert_eq!(traces, 1, "only jobs are traced: {spans:?}");
    let [submit] = spans_named(&spans, "submit")[..] else {
        anyhow::bail!("one submit: {spans:?}")
    };
    assert_eq!(submit.parent, "");
    // The killed attempt's span is lost; spans of the sweep may exist.
    let attempts = spans_named(&spans, "attempt");
    assert!(attempts.iter().all(|attempt| attempt.parent == submit.id));
    assert_eq!(attempts.last().context("one")?.attributes["attempt"], "2");
    Ok(())
}

#[tokio::test]
async fn an_unreachable_collector_loses_only_traces() -> Result<()> {
    let stack = Stack::start(&["--parameter", "OtlpEndpoint=http://127.0.0.1:9"]).await?;
    let mut client = stack.client("alice").await?;
    client
        .send(json!({"action": "query", "kind": "noop", "query": "q", "traceparent": "nonsense"}))
        .await?;
    client.until("job_completed").await?;
    wait_until("the log says so", async || {
        Ok(stack.log("message").contains("traces were lost"))
    })
    .await
}
