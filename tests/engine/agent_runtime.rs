//! `chat` by an agent runtime of Amazon Bedrock AgentCore; and transcribed recordings, answered by a model, an agent
//! runtime or `finops`.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::support::bedrock::{
    BedrockServer, PlannedResponse, StreamEnd, server_sent_events, text_response,
};
use crate::support::cli::longhaul;
use crate::support::external_functions::{EXTERNAL_ARN, ExternalFunctions};
use crate::support::recording::{audio_piece, voice_frame};
use crate::support::stack::Stack;
use crate::support::wait::wait_until;

const RUNTIME_ARN: &str = "arn:aws:bedrock-agentcore:us-east-1:000000000000:runtime/helper-abc123";

async fn stack(answers: Vec<PlannedResponse>, options: &[&str]) -> Result<(BedrockServer, Stack)> {
    let bedrock = BedrockServer::start(answers).await?;
    let runtime = format!("ChatAgentRuntimeArn={RUNTIME_ARN}");
    let own = ["--parameter", &runtime];
    let stack =
        Stack::start_with_environment(&[&own, options].concat(), bedrock.environment()).await?;
    Ok((bedrock, stack))
}

fn text_delta(text: &str) -> String {
    json!({"event": {"contentBlockDelta": {"delta": {"text": text}}}}).to_string()
}

fn json_response(body: Value) -> PlannedResponse {
    let body = body.to_string().into_bytes();
    PlannedResponse::Stream("application/json", vec![body], StreamEnd::Complete)
}

#[tokio::test]
async fn an_agent_runtime_streams_with_one_session_per_conversation() -> Result<()> {
    let answers = vec![
        server_sent_events(&["\"It \"", "\"is \"", "\"there.\""], StreamEnd::Complete),
        server_sent_events(
            &[
                "{\"init\":true}",
                &text_delta("Still "),
                &text_delta("there."),
            ],
            StreamEnd::Complete,
        ),
        json_response(json!({"result": {"role": "assistant", "content": [{"text": "Whole."}]}})),
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
    // A query outside of a conversation has its own session, and an answer need not be streamed.
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
            "shorter than AgentCore allows: {}",
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
async fn an_agent_runtimes_errors_have_distinct_codes() -> Result<()> {
    let answers = vec![
        PlannedResponse::Error(429, "ThrottlingException"),
        PlannedResponse::Error(402, "ServiceQuotaExceededException"),
        PlannedResponse::Error(424, "RuntimeClientError"),
        PlannedResponse::Error(404, "ResourceNotFoundException"),
        PlannedResponse::Error(403, "AccessDeniedException"),
        PlannedResponse::Error(400, "ValidationException"),
        server_sent_events(
            &["\"It \"", r#"{"error":"arn: KeyError"}"#],
            StreamEnd::Complete,
        ),
        server_sent_events(&["\"It \""], StreamEnd::ConnectionCut),
        json_response(json!({})),
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
    let answers = vec![server_sent_events(
        &["\"Once upon a time \""],
        StreamEnd::Hang,
    )];
    let (bedrock, stack) = stack(answers, &[]).await?;
    let mut alice = stack.client("alice").await?;
    let ask = json!({"action": "query", "kind": "chat", "query": "Tell me a story"});
    let id = alice.submit(ask).await?;
    alice.until("chunk").await?;
    alice.send(json!({"action": "cancel", "jobId": id})).await?;
    alice.until("job_cancelled").await?;
    wait_until("the stream is closed", async || {
        Ok(bedrock.closed_streams() == 1)
    })
    .await
}

#[tokio::test]
async fn a_model_and_an_agent_runtime_together_are_refused() -> Result<()> {
    let runtime = format!("ChatAgentRuntimeArn={RUNTIME_ARN}");
    let data = tempfile::tempdir()?;
    let data = data.path().to_str().context("a path")?;
    let parameters = ["--parameter", "ChatModelId=m", "--parameter", &runtime];
    let options = ["up", "--port", "0", "--aws-port", "0", "--data", data];
    let output = longhaul(&[&options[..], &parameters].concat()).await?;
    ensure!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        stderr.contains("only one of them can answer chat"),
        "{stderr}"
    );
    Ok(())
}

/// Sends a recording, which the external function transcribes; returns the job.
async fn send_recording(functions: &ExternalFunctions) -> Result<Value> {
    let mut alice = functions.stack.client("alice").await?;
    let started = alice
        .request(voice_frame("voice_start", json!({"format": "pcm"})))
        .await?;
    let session = &started["data"]["sessionId"];
    alice.request(audio_piece(session, 0, &[0; 3_200])).await?;
    alice
        .send(voice_frame("voice_end", json!({"sessionId": session})))
        .await?;
    let mut text = String::new();
    let id = loop {
        let frame = alice.until("text_response").await?.pop();
        let frame = frame.context("nothing")?;
        text += frame["data"]["text"].as_str().unwrap_or_default();
        if frame["data"]["done"] == true {
            break frame["jobId"].as_str().context("no id")?.to_owned();
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
async fn a_transcribed_recording_is_answered_like_text() -> Result<()> {
    let transcriber = format!("TranscriberArn={EXTERNAL_ARN}");
    let functions =
        ExternalFunctions::start_with_environment(std::slice::from_ref(&transcriber), vec![])
            .await?;
    let job = send_recording(&functions).await?;
    assert_eq!(
        job["result"]["cost_analysis"]["period"]["start"],
        "2026-05-01"
    );

    for (parameter, answer) in [
        (
            "ChatModelId=m".to_owned(),
            text_response(&["By a model."], "end_turn", (1, 1)),
        ),
        (
            format!("ChatAgentRuntimeArn={RUNTIME_ARN}"),
            server_sent_events(&["\"By an agent.\""], StreamEnd::Complete),
        ),
    ] {
        let bedrock = BedrockServer::start(vec![answer]).await?;
        let parameters = [transcriber.clone(), parameter];
        let functions =
            ExternalFunctions::start_with_environment(&parameters, bedrock.environment()).await?;
        let job = send_recording(&functions).await?;
        ensure!(
            job["result"]["response"]
                .as_str()
                .is_some_and(|it| it.starts_with("By a"))
        );
        let request = bedrock.calls().pop().context("no call")?.body.to_string();
        ensure!(
            request.contains("What was my S3 spend in May?"),
            "{request}"
        );
    }
    Ok(())
}
