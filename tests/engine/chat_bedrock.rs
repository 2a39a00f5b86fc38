//! `chat` by a model of Amazon Bedrock: streaming, the `finops` tool, usage and cost, and errors.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::support::bedrock::{
    BedrockServer, PlannedResponse, StreamEnd, failed_response, interrupted_response,
    text_response, tool_call_response,
};
use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::support::wait::wait_until;

const MODEL: &str = "example.model-v1:0";

/// A stack whose model gives these responses.
async fn stack(answers: Vec<PlannedResponse>, options: &[&str]) -> Result<(BedrockServer, Stack)> {
    let bedrock = BedrockServer::start(answers).await?;
    let model = format!("ChatModelId={MODEL}");
    let own = [
        "--parameter",
        &model,
        "--parameter",
        "ChatInputPrice=3",
        "--parameter",
        "ChatOutputPrice=15",
    ];
    let stack =
        Stack::start_with_environment(&[&own, options].concat(), bedrock.environment()).await?;
    Ok((bedrock, stack))
}

fn query(text: &str) -> Value {
    json!({"action": "query", "kind": "chat", "query": text})
}

/// Submits a query; returns the streamed text and the terminal event.
async fn ask(client: &mut Client, text: &str) -> Result<(String, Value)> {
    client.send(query(text)).await?;
    let mut streamed = String::new();
    loop {
        let event = client.next().await?;
        match event["type"].as_str() {
            Some("chunk") => streamed += event["content"].as_str().unwrap_or_default(),
            Some("stream_reset") => streamed.clear(),
            Some("job_completed" | "job_failed" | "job_cancelled") => return Ok((streamed, event)),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_model_answers_calls_its_tool_and_reports_usage() -> Result<()> {
    let question = "What was my S3 spend in May?";
    let answers = vec![
        tool_call_response(&["I look ", "it up."], question, (1_000, 50)),
        text_response(&["It is ", "there."], "end_turn", (2_000, 150)),
    ];
    let (bedrock, stack) = stack(answers, &[]).await?;
    let mut alice = stack.client("alice").await?;
    let (streamed, end) = ask(&mut alice, "S3, last May?").await?;
    let result = &end["result"];
    assert_eq!(streamed, "I look it up.\n\nIt is there.", "{end}");
    assert_eq!(result["response"], streamed);
    assert_eq!(
        (&result["stopReason"], &result["rounds"], &result["model"]),
        (&json!("end_turn"), &json!(2), &json!(MODEL))
    );
    let usage =
        json!({"inputTokens": 3_000, "outputTokens": 200, "totalTokens": 3_200, "latencyMs": 200});
    assert_eq!(result["usage"], usage);
    // 3,000 tokens at 3 dollars a million, and 200 at 15.
    assert_eq!(result["cost"], json!({"amount": 0.012, "currency": "USD"}));

    // The tool's result is the answer of `finops`, and its figures are in the job's result.
    alice
        .send(json!({"action": "query", "kind": "finops", "query": question}))
        .await?;
    let finops = alice.until_end().await?;
    assert_eq!(result["cost_analysis"], finops["result"]["cost_analysis"]);
    let calls = bedrock.calls();
    assert_eq!(calls.len(), 2);
    ensure!(
        calls[0].path.ends_with("/converse-stream"),
        "{}",
        calls[0].path
    );
    let tool = &calls[0].body["toolConfig"]["tools"][0]["toolSpec"];
    assert_eq!(tool["name"], "finops");
    assert_eq!(tool["inputSchema"]["json"]["required"], json!(["question"]));
    let messages = &calls[1].body["messages"];
    assert_eq!(
        messages[1]["content"][1]["toolUse"]["input"],
        json!({"question": question})
    );
    let text = &messages[2]["content"][0]["toolResult"];
    assert_eq!(text["status"], "success");
    assert_eq!(text["content"][0]["text"], finops["result"]["response"]);
    Ok(())
}

#[tokio::test]
async fn a_model_receives_the_conversation() -> Result<()> {
    let answers = vec![
        text_response(&["Hello, Alice."], "end_turn", (10, 5)),
        text_response(&["You are Alice."], "end_turn", (20, 5)),
    ];
    let (bedrock, stack) = stack(answers, &[]).await?;
    let mut alice = stack.client("alice").await?;
    for message in ["I am Alice.", "Who am I?"] {
        alice
            .send(json!({"action": "sendMessage", "message": message, "kind": "chat"}))
            .await?;
        alice.until("complete").await?;
    }
    let text = |role: &str, text: &str| json!({"role": role, "content": [{"text": text}]});
    let messages = json!([
        text("user", "I am Alice."),
        text("assistant", "Hello, Alice."),
        text("user", "Who am I?")
    ]);
    let call = bedrock.calls().pop().context("no call")?;
    assert_eq!(call.body["messages"], messages);
    assert_eq!(call.body["inferenceConfig"]["maxTokens"], 2048);
    Ok(())
}

#[tokio::test]
async fn transient_model_errors_are_retried() -> Result<()> {
    let success = || text_response(&["All ", "is well."], "end_turn", (10, 5));
    for failure in [
        PlannedResponse::Error(429, "ThrottlingException"),
        failed_response(&["All "], "modelStreamErrorException"),
        interrupted_response(&["All "], StreamEnd::ConnectionCut),
        // The stream ends without `messageStop`.
        interrupted_response(&["Something else"], StreamEnd::Complete),
    ] {
        let (bedrock, stack) = stack(vec![failure, success()], &[]).await?;
        let mut alice = stack.client("alice").await?;
        let (streamed, end) = ask(&mut alice, "Is all well?").await?;
        assert_eq!(end["result"]["response"], "All is well.", "{end}");
        // The text of the failed attempt is not repeated, or it is reset.
        assert_eq!(streamed, "All is well.");
        assert_eq!(end["usage"]["attempts"], 2, "{end}");
        assert_eq!(bedrock.calls().len(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn model_errors_have_distinct_codes_and_no_internal_details() -> Result<()> {
    let answers = vec![
        PlannedResponse::Error(400, "ValidationException"),
        PlannedResponse::Error(403, "AccessDeniedException"),
        PlannedResponse::Error(404, "ResourceNotFoundException"),
        failed_response(&["Well, "], "validationException"),
        PlannedResponse::Error(429, "ThrottlingException"),
        PlannedResponse::Error(429, "ModelNotReadyException"),
        PlannedResponse::Error(503, "ServiceUnavailableException"),
        PlannedResponse::Error(408, "ModelTimeoutException"),
        PlannedResponse::Error(424, "ModelErrorException"),
        failed_response(&["Well, "], "throttlingException"),
        interrupted_response(&["Well, "], StreamEnd::ConnectionCut),
    ];
    let (_bedrock, stack) = stack(answers, &["--parameter", "MaxAttempts=1"]).await?;
    let mut alice = stack.client("alice").await?;
    for code in [
        "MODEL_REFUSED_INPUT",
        "MODEL_ACCESS_DENIED",
        "MODEL_NOT_FOUND",
        "MODEL_REFUSED_INPUT",
        "MODEL_THROTTLED",
        "MODEL_NOT_READY",
        "MODEL_UNAVAILABLE",
        "MODEL_TIMEOUT",
        "MODEL_FAILED",
        "MODEL_THROTTLED",
        "MODEL_INTERRUPTED",
    ] {
        let (_, end) = ask(&mut alice, "Is all well?").await?;
        assert_eq!(end["type"], "job_failed", "{end}");
        let text = end.to_string();
        ensure!(text.contains(code), "{code}: {end}");
        ensure!(
            !text.contains("arn:") && !text.contains("Exception"),
            "{end}"
        );
    }
    ensure!(
        stack.log("worker").contains("Exception"),
        "the log has the details"
    );
    Ok(())
}

#[tokio::test]
async fn an_intervention_and_a_truncated_answer_complete_with_a_flag() -> Result<()> {
    let answers = vec![
        text_response(
            &["I can't talk about that."],
            "guardrail_intervened",
            (10, 5),
        ),
        text_response(&[], "content_filtered", (10, 5)),
        text_response(&["A long"], "max_tokens", (10, 5)),
    ];
    let guardrail = [
        "--parameter",
        "ChatGuardrailId=abc123",
        "--parameter",
        "ChatGuardrailVersion=2",
    ];
    let (bedrock, stack) = stack(answers, &guardrail).await?;
    let mut alice = stack.client("alice").await?;
    for (stop, intervened) in [
        ("guardrail_intervened", json!(true)),
        ("content_filtered", Value::Null),
        ("max_tokens", Value::Null),
    ] {
        let (streamed, end) = ask(&mut alice, "Well?").await?;
        assert_eq!(end["type"], "job_completed", "{end}");
        assert_eq!(end["result"]["stopReason"], stop);
        assert_eq!(end["result"]["guardrailIntervened"], intervened);
        ensure!(!streamed.is_empty() && end["result"]["response"] == streamed);
    }
    let guardrail_sent = &bedrock.calls()[0].body["guardrailConfig"];
    assert_eq!(
        (
            &guardrail_sent["guardrailIdentifier"],
            &guardrail_sent["guardrailVersion"]
        ),
        (&json!("abc123"), &json!("2"))
    );
    Ok(())
}

#[tokio::test]
async fn a_cancel_closes_the_stream() -> Result<()> {
    let answers = vec![interrupted_response(
        &["Once upon a time "],
        StreamEnd::Hang,
    )];
    let (bedrock, stack) = stack(answers, &[]).await?;
    let mut alice = stack.client("alice").await?;
    let id = alice.submit(query("Tell me a long story")).await?;
    alice.until("chunk").await?;
    assert_eq!(bedrock.closed_streams(), 0);
    alice.send(json!({"action": "cancel", "jobId": id})).await?;
    alice.until("job_cancelled").await?;
    wait_until("the stream is closed", async || {
        Ok(bedrock.closed_streams() == 1)
    })
    .await
}

#[tokio::test]
async fn a_checkpointed_round_is_not_requested_again() -> Result<()> {
    let answers = vec![
        tool_call_response(
            &["I look it up."],
            "What was my S3 spend in May?",
            (1_000, 50),
        ),
        text_response(&["It is there."], "end_turn", (2_000, 150)),
    ];
    let options = ["--parameter", "LeaseSeconds=5", "--tick-seconds", "1"];
    let (bedrock, stack) = stack(answers, &options).await?;
    // The first transaction checkpoints the round, the second would checkpoint the tool's answer.
    stack.set_faults(json!([
        {"service": "dynamodb", "operation": "TransactWriteItems", "caller": "longhaul-worker", "number": 2, "effect": {"kill": "before"}}
    ])).await?;
    let mut alice = stack.client("alice").await?;
    let (streamed, end) = ask(&mut alice, "S3, last May?").await?;
    assert_eq!(end["type"], "job_completed", "{end}");
    assert_eq!(end["usage"]["attempts"], 2, "the worker was killed");
    assert_eq!(streamed, "I look it up.\n\nIt is there.");
    assert_eq!(bedrock.calls().len(), 2, "each round once");
    assert_eq!(end["result"]["usage"]["inputTokens"], 3_000);
    Ok(())
}

#[tokio::test]
async fn a_failing_tool_is_reported_to_the_model_and_rounds_are_limited() -> Result<()> {
    let question = "Tell me a joke";
    let answers = (0..9)
        .map(|_| tool_call_response(&[], question, (10, 5)))
        .collect();
    let (bedrock, stack) = stack(answers, &[]).await?;
    let mut alice = stack.client("alice").await?;
    let (_, end) = ask(&mut alice, question).await?;
    assert_eq!(
        (&end["type"], &end["code"]),
        (&json!("job_failed"), &json!("MODEL_NO_ANSWER")),
        "{end}"
    );
    let calls = bedrock.calls();
    assert_eq!(calls.len(), 8);
    let last = &calls[7].body["messages"];
    assert_eq!(last.as_array().map(Vec::len), Some(15));
    assert_eq!(last[14]["content"][0]["toolResult"]["status"], "error");
    Ok(())
}

#[tokio::test]
async fn an_unreachable_model_fails_as_unavailable() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    drop(listener);
    let environment = vec![("AWS_ENDPOINT_URL_BEDROCK_RUNTIME".to_owned(), endpoint)];
    let options = ["ChatModelId=m", "MaxAttempts=1"].map(|it| ["--parameter", it]);
    let stack = Stack::start_with_environment(&options.concat(), environment).await?;
    let mut alice = stack.client("alice").await?;
    let (_, end) = ask(&mut alice, "Is anybody there?").await?;
    assert_eq!(end["code"], "MODEL_UNAVAILABLE", "{end}");
    Ok(())
}
