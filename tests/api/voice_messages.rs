//! Messages by voice: pieces in any order, or twice; nothing missing, nobody else's.

use crate::api::sessions::settled;
use crate::support::stack::Stack;
use crate::support::transcript::Transcript;
use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A second of silence in 16 bits at 8,000 Hz.
pub fn wav() -> Vec<u8> {
    let mut wav = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wav.extend(8_000u32.to_le_bytes());
    wav.extend(16_000u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(16_000u32.to_le_bytes());
    wav.extend([0; 16_000]);
    wav
}

pub fn frame(kind: &str, data: Value) -> Value {
    json!({"type": kind, "data": data})
}

pub fn piece(session: &Value, index: usize, audio: &[u8]) -> Value {
    frame(
        "voice_data",
        json!({"sessionId": session, "index": index, "audio": STANDARD.encode(audio)}),
    )
}

#[tokio::test]
async fn a_recording_comes_in_pieces_and_is_heard_whole() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut shown = Transcript::new(
        "voice",
        "A message by voice: its pieces may come in any order, or twice.",
    );
    let started = frame("voice_start", json!({"format": "wav"}));
    let started = shown
        .ask("alice", &mut alice, started, "voice_started")
        .await?;
    let session = &started["data"]["sessionId"];
    let wav = wav();
    let pieces: Vec<&[u8]> = wav.chunks(6_000).collect();
    for index in [2, 0, 2] {
        shown
            .ask(
                "alice",
                &mut alice,
                piece(session, index, pieces[index]),
                "voice_ack",
            )
            .await?;
    }
    shown.note("A piece is missing, so the recording stays open.");
    let end = frame("voice_end", json!({"sessionId": session}));
    let error = shown.ask("alice", &mut alice, end.clone(), "error").await?;
    assert_eq!(error["data"]["details"]["missing"], json!([1]));
    shown
        .ask(
            "alice",
            &mut alice,
            piece(session, 1, pieces[1]),
            "voice_ack",
        )
        .await?;
    shown.note("Now it is whole: it is sealed, and a job of kind voice hears it, as the session's next turn.");
    shown.send("alice", &mut alice, end.clone()).await?;
    let done = shown
        .until("alice", &mut alice, |frame| frame["data"]["done"] == true)
        .await?;
    shown.note("It takes no more.");
    shown
        .ask("alice", &mut alice, piece(session, 3, b"late"), "error")
        .await?;
    shown.ask("alice", &mut alice, end, "error").await?;
    shown.compare()?;

    let job = alice
        .ask(json!({"action": "getJob", "jobId": done["jobId"]}))
        .await?;
    let recording = &job["job"]["result"]["recording"];
    assert_eq!(
        (&recording["bytes"], &recording["durationMs"]),
        (&json!(wav.len()), &json!(1000)),
        "{job}"
    );
    settled(&mut alice, session, 1).await?;
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
        "the sealed recording is what was said"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_no_recording_is_refused() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let (mut alice, mut mallory) = (stack.client("alice").await?, stack.client("mallory").await?);
    let started = alice.ask(frame("voice_start", json!({}))).await?;
    let session = started["data"]["sessionId"].clone();
    let ends = frame("voice_end", json!({"sessionId": session}));
    for foreign in [
        piece(&session, 0, b"x"),
        ends.clone(),
        frame("voice_start", json!({"sessionId": session})),
    ] {
        assert_eq!(mallory.ask(foreign).await?["data"]["code"], "NOT_FOUND");
    }
    let error = alice.ask(ends).await?;
    assert_eq!(
        error["data"]["details"]["missing"],
        json!([0]),
        "nothing has come"
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
        let error = alice.ask(frame("voice_data", data)).await?;
        assert_eq!(error["data"]["details"]["field"], field, "{error}");
    }
    // A job that names a recording finds only one that is its own.
    let query = json!({"action": "query", "kind": "voice", "query": "q", "params": {"format": "pcm", "pieces": 1}});
    alice.send(query).await?;
    assert_eq!(alice.until_end().await?["code"], "NO_RECORDING");
    Ok(())
}
