//! Lambda functions that are not Longhaul's: a transcriber of recordings, and agents for kinds of jobs.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::support::external_functions::{EXTERNAL_ARN, ExternalFunctions, OTHER_EXTERNAL_ARN};
use crate::support::frames::noop_message;
use crate::support::recording::{audio_piece, silent_wav, voice_frame};

#[tokio::test]
async fn a_configured_function_transcribes_a_recording() -> Result<()> {
    let functions = ExternalFunctions::start(&[format!("TranscriberArn={EXTERNAL_ARN}")]).await?;
    let mut alice = functions.stack.client("alice").await?;
    let start_frame = voice_frame("voice_start", json!({"format": "wav"}));
    let started = alice.request(start_frame).await?;
    let session = &started["data"]["sessionId"];
    for (index, audio) in silent_wav().chunks(6_000).enumerate() {
        alice.request(audio_piece(session, index, audio)).await?;
    }
    let end = voice_frame("voice_end", json!({"sessionId": session}));
    alice.send(end).await?;
    let frame = alice.until("text_response").await?.pop();
    let frame = frame.context("nothing")?;
    assert_eq!(
        frame["data"]["text"], "The recording has 1000 ms.",
        "{frame}"
    );
    let id = frame["jobId"].as_str().context("no id")?;
    let job = alice.until_job_is(id, "completed").await?;
    assert_eq!(job["attempt"], 2, "it failed once: {job}");
    assert_eq!(job["result"]["transcription"]["language"], "en", "{job}");

    let calls = functions.calls()?;
    assert_eq!(calls.len(), 2, "one call per attempt");
    assert_eq!(calls[1]["key"], format!("recordings/whole/{id}"));
    assert_eq!(
        calls[1]["bucket"],
        "longhaul-results-000000000000-us-east-1"
    );
    assert_eq!(calls[1]["recording"]["bytes"], silent_wav().len());
    // The function's error is in the log, and not in the answer.
    let log = functions.stack.log("worker");
    ensure!(log.contains("not yet") && !job.to_string().contains("not yet"));
    Ok(())
}

#[tokio::test]
async fn a_function_answers_jobs_of_its_kind() -> Result<()> {
    let agent = [
        "AgentKinds=echo".to_owned(),
        format!("AgentArns={EXTERNAL_ARN}"),
    ];
    let functions = ExternalFunctions::start(&agent).await?;
    let mut alice = functions.stack.client("alice").await?;
    let query = |query: &str| json!({"action": "query", "kind": "echo", "query": query, "params": {"n": 1}});
    alice.send(query("hello")).await?;
    let events = alice.until("job_completed").await?;
    let result = json!({"response": "HELLO", "turns": 0, "given": {"n": 1}});
    assert_eq!(events.last().context("no end")?["result"], result);
    ensure!(
        events.iter().any(|event| event["content"] == "HELLO"),
        "{events:?}"
    );

    alice.send(query("Tell me a secret")).await?;
    let end = alice.until_end().await?;
    assert_eq!(
        (&end["code"], &end["error"]),
        (&json!("AGENT_REJECTED"), &json!("I keep secrets."))
    );

    // In a conversation it receives the previous turns.
    let mut message = noop_message("sendMessage", "and again", json!({}));
    message["kind"] = "echo".into();
    for turns in 0..2 {
        alice.send(message.clone()).await?;
        alice.until("complete").await?;
        let request = functions.calls()?.pop().context("no call")?;
        assert_eq!(
            request["history"].as_array().map(Vec::len),
            Some(turns),
            "{request}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_streaming_function_reports_progress_and_text() -> Result<()> {
    let agent = [
        "AgentKinds=slow".to_owned(),
        format!("AgentArns={EXTERNAL_ARN}"),
    ];
    let functions = ExternalFunctions::start(&agent).await?;
    let mut alice = functions.stack.client("alice").await?;
    alice
        .send(json!({"action": "query", "kind": "slow", "query": "stream"}))
        .await?;
    // The function waits for the file that is written below.
    let (mut halfway, mut streamed) = (false, String::new());
    while !halfway || streamed.is_empty() {
        let event = alice.next().await?;
        halfway |= event["progress"] == 40 && event["message"] == "Halfway";
        streamed += event["content"].as_str().unwrap_or_default();
    }
    assert_eq!(streamed, "It is ");
    std::fs::write(functions.packages.path().join("external/go"), "")?;
    let events = alice.until("job_completed").await?;
    let content = events.iter().filter_map(|event| event["content"].as_str());
    streamed.extend(content);
    // The text of the first attempt, which failed, is not repeated.
    assert_eq!(streamed, "It is done.", "{events:?}");
    let end = events.last().context("no end")?;
    let result = json!({"response": "It is done.", "turns": 0});
    assert_eq!(end["result"], result);
    assert_eq!(end["usage"]["attempts"], 2, "{end}");
    Ok(())
}

#[tokio::test]
async fn several_functions_of_one_kind_run_in_parallel() -> Result<()> {
    let agents = [
        "AgentKinds=review,review".to_owned(),
        format!("AgentArns={EXTERNAL_ARN},{OTHER_EXTERNAL_ARN}"),
        "MaxAttempts=1".to_owned(),
    ];
    let functions = ExternalFunctions::start(&agents).await?;
    let mut alice = functions.stack.client("alice").await?;
    let query = |query: &str| json!({"action": "query", "kind": "review", "query": query});
    alice.send(query("both")).await?;
    let end = alice.until_end().await?;
    assert_eq!(end["type"], "job_completed", "{end}");
    let names = ["longhaul-external", "longhaul-others"];
    for (agent, name) in names.iter().enumerate() {
        let agent = &end["result"]["agents"][agent];
        assert_eq!(
            (&agent["agent"], &agent["response"]),
            (&json!(name), &json!("BOTH"))
        );
    }

    alice.send(query("one")).await?;
    let result = alice.until_end().await?["result"].clone();
    assert_eq!(result["failed"], 1, "{result}");
    assert_eq!(result["agents"][0]["response"], "ONE");
    assert_eq!(result["agents"][1]["code"], "FUNCTION_FAILED");
    let response = result["response"].as_str().context("no response")?;
    ensure!(
        response.contains("**longhaul-others** did not answer"),
        "{response}"
    );
    ensure!(!result.to_string().contains("not today"), "{result}");

    alice.send(query("neither")).await?;
    let end = alice.until_end().await?;
    assert_eq!(end["type"], "job_failed", "{end}");
    Ok(())
}

#[tokio::test]
async fn a_function_whose_answer_is_checkpointed_is_not_called_again() -> Result<()> {
    let agents = [
        "AgentKinds=review,review".to_owned(),
        format!("AgentArns={EXTERNAL_ARN},{OTHER_EXTERNAL_ARN}"),
        "LeaseSeconds=5".to_owned(),
    ];
    let functions = ExternalFunctions::start(&agents).await?;
    // The worker is killed after the checkpoint of one answer, and before that of the other.
    functions.stack.set_faults(json!([
        {"service": "dynamodb", "operation": "TransactWriteItems", "caller": "longhaul-worker", "number": 2, "effect": {"kill": "before"}}
    ])).await?;
    let mut alice = functions.stack.client("alice").await?;
    alice
        .send(json!({"action": "query", "kind": "review", "query": "both"}))
        .await?;
    let end = alice.until_end().await?;
    assert_eq!(end["type"], "job_completed", "{end}");
    assert_eq!(end["result"]["failed"], 0, "{end}");
    assert_eq!(functions.calls()?.len(), 3);
    Ok(())
}
