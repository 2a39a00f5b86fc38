//! `chat` by an agent runtime of Amazon Bedrock AgentCore; and recordings, whose words a model, an agent runtime
//! or the bill answers.

use crate::api::voice_messages::{frame, piece};
use crate::engine::lambda_functions::{ARN, Theirs};
use crate::support::bedrock::{Answer, Bedrock, Ending, says, sends};
use crate::support::stack::{Stack, longhaul};
use crate::until;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

const RUNTIME: &str = "arn:aws:bedrock-agentcore:us-east-1:000000000000:runtime/helper-abc123";

async fn stack(answers: Vec<Answer>, options: &[&str]) -> Result<(Bedrock, Stack)> {
    let bedrock = Bedrock::start(answers).await?;
    let runtime = format!("ChatAgentRuntimeArn={RUNTIME}");
    let own = ["--parameter", &runtime];
    let stack = Stack::start_with(&[&own, options].concat(), bedrock.environment()).await?;
    Ok((bedrock, stack))
}

fn delta(text: &str) -> String {
    json!({"event": {"contentBlockDelta": {"delta": {"text": text}}}}).to_string()
}

fn whole(body: Value) -> Answer {
    let body = body.to_string().into_bytes();
    Answer::Streamed("application/json", vec![body], Ending::Whole)
}

#[tokio::test]
async fn an_agent_runtime_answers_streamed_with_one_session_for_a_conversation() -> Result<()> {
    let answers = vec![
        sends(&["\"It \"", "\"is \"", "\"there.\""], Ending::Whole),
        sends(
            &["{\"init\":true}", &delta("Still "), &delta("there.")],
            Ending::Whole,
        ),
        whole(json!({"result": {"role": "assistant", "content": [{"text": "Whole."}]}})),
    ];
    let (bedrock, stack) = stack(answers, &[]).await?;
    let mut alice = stack.client("alice").await?;
    for response in ["It is there.", "Still there."] {
        alice
            .send(json!({"action": "sendMessage", "message": "Where is it?", "kind": "chat"}))
            .await?;
        let frames = alice.until("complete").await?;
        let chunks = frames.iter().filter(|frame| frame["type"] == "chunk");
        let streamed: String = chunks
            .filter_map(|frame| frame["content"].as_str())
            .collect();
        assert_eq!(streamed, response, "{frames:?}");
    }
    // A question on its own has a session of its own, and an answer may come whole.
    alice
        .send(json!({"action": "query", "kind": "chat", "query": "Where is it?"}))
        .await?;
    let end = alice.until_end().await?;
    assert_eq!(end["result"]["response"], "Whole.", "{end}");

    let calls = bedrock.calls();
    let session = |call: usize| {
        let header = calls[call]
            .headers
            .get("x-amzn-bedrock-agentcore-runtime-session-id");
        header.and_then(|id| id.to_str().ok()).unwrap_or_default()
    };
    assert_eq!(session(0), session(1));
    assert_ne!(session(1), session(2));
    for call in 0..3 {
        ensure!(
            session(call).len() >= 33,
            "AgentCore's least: {}",
            session(call)
        );
    }
    ensure!(
        calls[0].path.starts_with("/runtimes/arn"),
        "{}",
        calls[0].path
    );
    ensure!(calls[0].path.ends_with("/invocations"), "{}", calls[0].path);
    let body = &calls[1].body;
    assert_eq!(body["prompt"], "Where is it?");
    assert_eq!(body["history"][0]["answer"], "It is there.");
    Ok(())
}

#[tokio::test]
async fn an_agent_runtimes_errors_are_told_apart() -> Result<()> {
    let answers = vec![
        Answer::Refused(429, "ThrottlingException"),
        Answer::Refused(402, "ServiceQuotaExceededException"),
        Answer::Refused(424, "RuntimeClientError"),
        Answer::Refused(404, "ResourceNotFoundException"),
        Answer::Refused(403, "AccessDeniedException"),
        Answer::Refused(400, "ValidationException"),
        sends(&["\"It \"", r#"{"error":"arn: KeyError"}"#], Ending::Whole),
        sends(&["\"It \""], Ending::Cut),
        whole(json!({})),
    ];
    let (_bedrock, stack) = stack(answers, &["--parameter", "MaxAttempts=1"]).await?;
    let mut alice = stack.client("alice").await?;
    for code in [
        "MODEL_THROTTLED",
        "MODEL_QUOTA",
        "MODEL_FAILED",
        "MODEL_NOT_FOUND",
        "MODEL_ACCESS_DENIED",
        "MODEL_REFUSED_INPUT",
        "MODEL_FAILED",
        "MODEL_INTERRUPTED",
        "MODEL_UNREADABLE",
    ] {
        alice
            .send(json!({"action": "query", "kind": "chat", "query": "Where is it?"}))
            .await?;
        let end = alice.until_end().await?;
        assert_eq!(end["type"], "job_failed", "{end}");
        ensure!(end.to_string().contains(code), "{code}: {end}");
        ensure!(!end.to_string().contains("arn:"), "{end}");
    }
    Ok(())
}

#[tokio::test]
async fn a_cancel_closes_an_agents_stream() -> Result<()> {
    let answers = vec![sends(&["\"Once upon a time \""], Ending::Silence)];
    let (bedrock, stack) = stack(answers, &[]).await?;
    let mut alice = stack.client("alice").await?;
    let ask = json!({"action": "query", "kind": "chat", "query": "Tell me a story"});
    let id = alice.submit(ask).await?;
    alice.until("chunk").await?;
    alice.send(json!({"action": "cancel", "jobId": id})).await?;
    alice.until("job_cancelled").await?;
    until("the stream is closed", async || Ok(bedrock.closed() == 1)).await
}

#[tokio::test]
async fn a_model_and_an_agent_runtime_are_one_too_many() -> Result<()> {
    let runtime = format!("ChatAgentRuntimeArn={RUNTIME}");
    let data = tempfile::tempdir()?;
    let data = data.path().to_str().context("a path")?;
    let parameters = ["--parameter", "ChatModelId=m", "--parameter", &runtime];
    let places = ["up", "--port", "0", "--aws-port", "0", "--data", data];
    let output = longhaul(&[&places[..], &parameters].concat()).await?;
    ensure!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(said.contains("one of them answers chat"), "{said}");
    Ok(())
}

/// Speaks a recording whose words the transcriber writes down, and gives the job.
async fn speak(theirs: &Theirs) -> Result<Value> {
    let mut alice = theirs.stack.client("alice").await?;
    let started = alice
        .ask(frame("voice_start", json!({"format": "pcm"})))
        .await?;
    let session = &started["data"]["sessionId"];
    alice.ask(piece(session, 0, &[0; 3_200])).await?;
    alice
        .send(frame("voice_end", json!({"sessionId": session})))
        .await?;
    let mut text = String::new();
    let id = loop {
        let heard = alice.until("text_response").await?.pop();
        let heard = heard.context("nothing")?;
        text += heard["data"]["text"].as_str().unwrap_or_default();
        if heard["data"]["done"] == true {
            break heard["jobId"].as_str().context("no id")?.to_owned();
        }
    };
    let job = alice.until_job_is(&id, "completed").await?;
    assert_eq!(job["result"]["response"], text, "{job}");
    assert_eq!(job["result"]["transcript"], "What was my S3 spend in May?");
    assert_eq!(job["result"]["transcription"]["language"], "en");
    assert_eq!(job["result"]["recording"]["durationMs"], 100);
    Ok(job)
}

#[tokio::test]
async fn what_was_spoken_is_answered_as_what_was_typed() -> Result<()> {
    let transcriber = format!("TranscriberArn={ARN}");
    let theirs = Theirs::start_with(std::slice::from_ref(&transcriber), vec![]).await?;
    let job = speak(&theirs).await?;
    assert_eq!(
        job["result"]["cost_analysis"]["period"]["start"],
        "2026-05-01"
    );

    for (parameter, answer) in [
        (
            "ChatModelId=m".to_owned(),
            says(&["By a model."], "end_turn", (1, 1)),
        ),
        (
            format!("ChatAgentRuntimeArn={RUNTIME}"),
            sends(&["\"By an agent.\""], Ending::Whole),
        ),
    ] {
        let bedrock = Bedrock::start(vec![answer]).await?;
        let parameters = [transcriber.clone(), parameter];
        let theirs = Theirs::start_with(&parameters, bedrock.environment()).await?;
        let job = speak(&theirs).await?;
        ensure!(
            job["result"]["response"]
                .as_str()
                .is_some_and(|it| it.starts_with("By a"))
        );
        let asked = bedrock.calls().pop().context("no call")?.body.to_string();
        ensure!(asked.contains("What was my S3 spend in May?"), "{asked}");
    }
    Ok(())
}
