//! Voice messages: recordings in pieces, in any order or twice, complete, and of their own user only.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::support::recording::{audio_piece, silent_wav, voice_frame};
use crate::support::stack::Stack;
use crate::support::transcript::Transcript;

#[tokio::test]
async fn a_recording_is_assembled_from_pieces() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut transcript = Transcript::new(
        "voice",
        "A voice message: its pieces may arrive in any order, or twice.",
    );
    let started = voice_frame("voice_start", json!({"format": "wav"}));
    let started = transcript
        .request("alice", &mut alice, started, "voice_started")
        .await?;
    let session = &started["data"]["sessionId"];
    let wav = silent_wav();
    let pieces: Vec<&[u8]> = wav.chunks(6_000).collect();
    for index in [2, 0, 2] {
        transcript
            .request(
                "alice",
                &mut alice,
                audio_piece(session, index, pieces[index]),
                "voice_ack",
            )
            .await?;
    }
    transcript.note("A piece is missing, so the recording stays open.");
    let end = voice_frame("voice_end", json!({"sessionId": session}));
    let error = transcript
        .request("alice", &mut alice, end.clone(), "error")
        .await?;
    assert_eq!(error["data"]["details"]["missing"], json!([1]));
    transcript
        .request(
            "alice",
            &mut alice,
            audio_piece(session, 1, pieces[1]),
            "voice_ack",
        )
        .await?;
    transcript.note("Now it is complete: it is sealed, and a job of kind voice processes it as the session's next turn.");
    transcript.send("alice", &mut alice, end.clone()).await?;
    let done = transcript
        .until("alice", &mut alice, |frame| frame["data"]["done"] == true)
        .await?;
    transcript.note("It accepts no more pieces.");
    transcript
        .request(
            "alice",
            &mut alice,
            audio_piece(session, 3, b"late"),
            "error",
        )
        .await?;
    transcript
        .request("alice", &mut alice, end, "error")
        .await?;
    transcript.compare()?;

    let job = alice
        .request(json!({"action": "getJob", "jobId": done["jobId"]}))
        .await?;
    let recording = &job["job"]["result"]["recording"];
    assert_eq!(
        (&recording["bytes"], &recording["durationMs"]),
        (&json!(wav.len()), &json!(1000)),
        "{job}"
    );
    alice.until_turns_ended(session, 1).await?;
    let key = format!(
        "recordings/whole/{}",
        done["jobId"].as_str().context("no id")?
    );
    let file = stack.data().join("sealed.wav");
    let path = file.to_str().context("a path")?;
    let bucket = "longhaul-results-000000000000-us-east-1";
    stack
        .aws(&[
            "s3api",
            "get-object",
            "--bucket",
            bucket,
            "--key",
            &key,
            path,
        ])
        .await?;
    ensure!(
        std::fs::read(&file)? == wav,
        "the sealed recording equals its pieces"
    );
    Ok(())
}

#[tokio::test]
async fn invalid_voice_frames_are_refused() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let (mut alice, mut mallory) = (stack.client("alice").await?, stack.client("mallory").await?);
    let started = alice.request(voice_frame("voice_start", json!({}))).await?;
    let session = started["data"]["sessionId"].clone();
    let ends = voice_frame("voice_end", json!({"sessionId": session}));
    for foreign in [
        audio_piece(&session, 0, b"x"),
        ends.clone(),
        voice_frame("voice_start", json!({"sessionId": session})),
    ] {
        assert_eq!(mallory.request(foreign).await?["data"]["code"], "NOT_FOUND");
    }
    let error = alice.request(ends).await?;
    assert_eq!(
        error["data"]["details"]["missing"],
        json!([0]),
        "no piece has arrived"
    );
    for (data, field) in [
        (json!({"index": 0, "audio": "AAAA"}), "sessionId"),
        (json!({"sessionId": session, "audio": "AAAA"}), "index"),
        (
            json!({"sessionId": session, "index": 36_000, "audio": "AAAA"}),
            "index",
        ),
        (
            json!({"sessionId": session, "index": -1, "audio": "AAAA"}),
            "index",
        ),
        (
            json!({"sessionId": session, "index": 0, "audio": "no base64!"}),
            "audio",
        ),
        (
            json!({"sessionId": session, "index": 0, "audio": "A".repeat(24 * 1024 + 4)}),
            "audio",
        ),
        (json!({"sessionId": session, "index": 0}), "audio"),
    ] {
        let error = alice.request(voice_frame("voice_data", data)).await?;
        assert_eq!(error["data"]["details"]["field"], field, "{error}");
    }
    // A job finds only a recording of its own.
    let query = json!({"action": "query", "kind": "voice", "query": "q", "params": {"format": "pcm", "pieces": 1}});
    alice.send(query).await?;
    assert_eq!(alice.until_end().await?["code"], "NO_RECORDING");
    Ok(())
}

#[tokio::test]
async fn a_recording_is_sent_so_many_bytes_and_pieces_and_no_more() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    for (field, reached) in [("sentBytes", 128 << 20), ("sentPieces", 72_000)] {
        let started = alice.request(voice_frame("voice_start", json!({}))).await?;
        let session = &started["data"]["sessionId"];
        let first = alice.request(audio_piece(session, 0, b"piece")).await?;
        ensure!(first["type"] == "voice_ack", "{first}");
        let key = json!({"sessionId": {"S": session}, "entry": {"S": "recording"}});
        let update = json!({"TableName": "longhaul-sessions", "Key": key,
            "UpdateExpression": "SET #field = :reached",
            "ConditionExpression": "sentBytes = :bytes AND sentPieces = :pieces",
            "ExpressionAttributeNames": {"#field": field},
            "ExpressionAttributeValues": {":reached": {"N": reached.to_string()},
                ":bytes": {"N": "5"}, ":pieces": {"N": "1"}}});
        stack.dynamodb("UpdateItem", update).await?;
        let refused = alice.request(audio_piece(session, 1, b"piece")).await?;
        ensure!(refused["data"]["code"] == "VALIDATION_ERROR", "{refused}");
        ensure!(refused["data"]["details"]["field"] == "audio", "{refused}");
    }
    Ok(())
}
