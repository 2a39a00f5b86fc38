//! One round of a model's answer on the wire: Bedrock's `ConverseStream`, told piece by piece as it comes.
//!
//! What is asked and what follows from the answer is not known here.

use std::collections::BTreeMap;

use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamOutput as Answer;
use aws_sdk_bedrockruntime::types::{
    ContentBlockDelta, ContentBlockStart, ConverseStreamMetadataEvent, ConverseStreamOutput,
};
use serde::Deserialize;
use tokio::time::timeout;

use super::IDLE;
use super::failures::{failure, in_stream};
use super::messages::{Call, Round};
use super::usage::Usage;
use longhaul_worker::analysis::{Context, Failure};

/// What the tool takes.
#[derive(Deserialize)]
struct Question {
    question: String,
}

/// A tool's block while it comes: its id, its name, and its input as far as it is there.
type Coming = (String, String, String);

/// Reads the answer to its end and streams its text, after `gap`, as it comes.
pub async fn read(context: &Context, answer: Answer, gap: &str) -> Result<Round, Failure> {
    let mut events = answer.stream;
    let mut round = Round::default();
    let mut coming: BTreeMap<i32, Coming> = BTreeMap::new();
    loop {
        let next = timeout(IDLE, events.recv()).await.map_err(|_| {
            tracing::warn!(job = %context.job(), "a model said nothing for too long");
            failure(Some("ModelTimeoutException"))
        })?;
        let event = match next {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(error) => {
                let name = error.as_service_error().and_then(in_stream);
                let error = anyhow::Error::from(error.into_service_error());
                tracing::warn!(job = %context.job(), error = format!("{error:#}"), "a model's stream broke off");
                // It was whole already, but for what it used.
                match round.stop.is_empty() {
                    true => return Err(failure(name)),
                    false => break,
                }
            }
        };
        match event {
            ConverseStreamOutput::ContentBlockStart(event) => {
                if let Some(ContentBlockStart::ToolUse(start)) = event.start {
                    let begun = (start.tool_use_id, start.name, String::new());
                    coming.insert(event.content_block_index, begun);
                }
            }
            ConverseStreamOutput::ContentBlockDelta(event) => match event.delta {
                Some(ContentBlockDelta::Text(piece)) if !piece.is_empty() => {
                    if round.text.is_empty() {
                        context.stream(gap).await;
                    }
                    context.stream(&piece).await;
                    round.text.push_str(&piece);
                }
                Some(ContentBlockDelta::ToolUse(delta)) => {
                    if let Some((_, _, input)) = coming.get_mut(&event.content_block_index) {
                        input.push_str(&delta.input);
                    }
                }
                _ => {}
            },
            ConverseStreamOutput::MessageStop(event) => {
                round.stop = event.stop_reason.as_str().to_owned();
            }
            ConverseStreamOutput::Metadata(event) => round.usage = used(&event),
            _ => {}
        }
    }
    if round.stop.is_empty() {
        tracing::warn!(job = %context.job(), "a model's stream ended before its message");
        return Err(failure(None));
    }
    let calls = coming.into_values().map(|(id, tool, input)| Call {
        id,
        tool,
        question: serde_json::from_str(&input)
            .ok()
            .map(|Question { question }| question),
    });
    round.calls = calls.collect();
    Ok(round)
}

fn used(event: &ConverseStreamMetadataEvent) -> Usage {
    let count = |tokens: i32| u64::try_from(tokens).unwrap_or_default();
    let latency = event.metrics.as_ref().map(|metrics| metrics.latency_ms);
    let mut used = Usage {
        latency_ms: latency
            .and_then(|ms| u64::try_from(ms).ok())
            .unwrap_or_default(),
        ..Usage::default()
    };
    if let Some(usage) = &event.usage {
        used.input_tokens = count(usage.input_tokens);
        used.output_tokens = count(usage.output_tokens);
        used.total_tokens = count(usage.total_tokens);
        used.cache_read_input_tokens = count(usage.cache_read_input_tokens.unwrap_or_default());
        used.cache_write_input_tokens = count(usage.cache_write_input_tokens.unwrap_or_default());
    }
    used
}
