//! `chat` by a model of Amazon Bedrock: what is streamed, asked of the bill, paid for, and what goes wrong.

use crate::support::bedrock::{Answer, Bedrock, Ending, asks, breaks, fails, says};
use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::until;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

const MODEL: &str = "example.model-v1:0";

/// A stack whose chat is answered by a model that gives these answers.
async fn stack(answers: Vec<Answer>, options: &[&str]) -> Result<(Bedrock, Stack)> {
    let bedrock = Bedrock::start(answers).await?;
    let model = format!("ChatModelId={MODEL}");
    let own = [
        "--parameter",
        &model,
        "--parameter",
        "ChatInputPrice=3",
        "--parameter",
        "ChatOutputPrice=15",
    ];
    let stack = Stack::start_with(&[&own, options].concat(), bedrock.environment()).await?;
    Ok((bedrock, stack))
}

fn query(text: &str) -> Value {
    json!({"action": "query", "kind": "chat", "query": text})
}

/// Asks, and gives the chunks that were heard, put together, and the end.
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
async fn a_model_answers_asks_the_bill_and_tells_what_it_used() -> Result<()> {
    let question = "What was my S3 spend in May?";
    let answers = vec![
        asks(&["I look ", "it up."], question, (1_000, 50)),
        says(&["It is ", "there."], "end_turn", (2_000, 150)),
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
    // 3,000 x 3 and 200 x 15 dollars for a million.
    assert_eq!(result["cost"], json!({"amount": 0.012, "currency": "USD"}));

    // What the tool told the model is what finops says, and its figures are in the result.
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
    let told = &messages[2]["content"][0]["toolResult"];
    assert_eq!(told["status"], "success");
    assert_eq!(told["content"][0]["text"], finops["result"]["response"]);
    Ok(())
}

#[tokio::test]
async fn a_model_is_told_the_conversation() -> Result<()> {
    let answers = vec![
        says(&["Hello, Alice."], "end_turn", (10, 5)),
        says(&["You are Alice."], "end_turn", (20, 5)),
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
    let said = json!([
        text("user", "I am Alice."),
        text("assistant", "Hello, Alice."),
        text("user", "Who am I?")
    ]);
    let call = bedrock.calls().pop().context("no call")?;
    assert_eq!(call.body["messages"], said);
    assert_eq!(call.body["inferenceConfig"]["maxTokens"], 2048);
    Ok(())
}

#[tokio::test]
async fn what_may_pass_is_tried_again() -> Result<()> {
    let right = || says(&["All ", "is well."], "end_turn", (10, 5));
    for wrong in [
        Answer::Refused(429, "ThrottlingException"),
        fails(&["All "], "modelStreamErrorException"),
        breaks(&["All "], Ending::Cut),
        // It ends without its message's end.
        breaks(&["Something else"], Ending::Whole),
    ] {
        let (bedrock, stack) = stack(vec![wrong, right()], &[]).await?;
        let mut alice = stack.client("alice").await?;
        let (streamed, end) = ask(&mut alice, "Is all well?").await?;
        assert_eq!(end["result"]["response"], "All is well.", "{end}");
        // What was told of the attempt before is told once, or taken back.
        assert_eq!(streamed, "All is well.");
        assert_eq!(end["usage"]["attempts"], 2, "{end}");
        assert_eq!(bedrock.calls().len(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn errors_are_told_apart_and_say_nothing_of_the_inside() -> Result<()> {
    let answers = vec![
        Answer::Refused(400, "ValidationException"),
        Answer::Refused(403, "AccessDeniedException"),
        Answer::Refused(404, "ResourceNotFoundException"),
        fails(&["Well, "], "validationException"),
        Answer::Refused(429, "ThrottlingException"),
        Answer::Refused(429, "ModelNotReadyException"),
        Answer::Refused(503, "ServiceUnavailableException"),
        Answer::Refused(408, "ModelTimeoutException"),
        Answer::Refused(424, "ModelErrorException"),
        fails(&["Well, "], "throttlingException"),
        breaks(&["Well, "], Ending::Cut),
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
        let told = end.to_string();
        ensure!(told.contains(code), "{code}: {end}");
        ensure!(
            !told.contains("arn:") && !told.contains("Exception"),
            "{end}"
        );
    }
    ensure!(
        stack.log("worker").contains("Exception"),
        "the log says more"
    );
    Ok(())
}

#[tokio::test]
async fn an_intervention_and_a_cut_answer_are_answers_with_a_flag() -> Result<()> {
    let answers = vec![
        says(
            &["I can't talk about that."],
            "guardrail_intervened",
            (10, 5),
        ),
        says(&[], "content_filtered", (10, 5)),
        says(&["A long"], "max_tokens", (10, 5)),
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
    let sent = &bedrock.calls()[0].body["guardrailConfig"];
    assert_eq!(
        (&sent["guardrailIdentifier"], &sent["guardrailVersion"]),
        (&json!("abc123"), &json!("2"))
    );
    Ok(())
}

#[tokio::test]
async fn a_cancel_closes_the_stream() -> Result<()> {
    let answers = vec![breaks(&["Once upon a time "], Ending::Silence)];
    let (bedrock, stack) = stack(answers, &[]).await?;
    let mut alice = stack.client("alice").await?;
    let id = alice.submit(query("Tell me a long story")).await?;
    alice.until("chunk").await?;
    assert_eq!(bedrock.closed(), 0);
    alice.send(json!({"action": "cancel", "jobId": id})).await?;
    alice.until("job_cancelled").await?;
    until("the stream is closed", async || Ok(bedrock.closed() == 1)).await
}

#[tokio::test]
async fn a_round_that_was_kept_is_not_asked_for_again() -> Result<()> {
    let answers = vec![
        asks(
            &["I look it up."],
            "What was my S3 spend in May?",
            (1_000, 50),
        ),
        says(&["It is there."], "end_turn", (2_000, 150)),
    ];
    let options = ["--parameter", "LeaseSeconds=5", "--tick-seconds", "1"];
    let (bedrock, stack) = stack(answers, &options).await?;
    // The first transaction is the round, as a kept step, and the second would be the tool's answer.
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
async fn a_tool_that_does_not_help_is_said_to_the_model_and_rounds_have_an_end() -> Result<()> {
    let question = "Tell me a joke";
    let answers = (0..9).map(|_| asks(&[], question, (10, 5))).collect();
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
async fn where_nobody_listens_the_model_is_not_there() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let nobody = format!("http://{}", listener.local_addr()?);
    drop(listener);
    let environment = vec![("AWS_ENDPOINT_URL_BEDROCK_RUNTIME".to_owned(), nobody)];
    let options = ["ChatModelId=m", "MaxAttempts=1"].map(|it| ["--parameter", it]);
    let stack = Stack::start_with(&options.concat(), environment).await?;
    let mut alice = stack.client("alice").await?;
    let (_, end) = ask(&mut alice, "Is anybody there?").await?;
    assert_eq!(end["code"], "MODEL_UNAVAILABLE", "{end}");
    Ok(())
}
