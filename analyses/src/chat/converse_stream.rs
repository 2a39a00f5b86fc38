//! Reads one round of a model's answer from Bedrock's `ConverseStream`, and streams its text as it arrives.

use std::collections::BTreeMap;

use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamOutput as Response;
use aws_sdk_bedrockruntime::types::{
    ContentBlockDelta, ContentBlockStart, ConverseStreamMetadataEvent, ConverseStreamOutput,
};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::IDLE_TIMEOUT;
use super::messages::Round;
use super::model_failure::{exception_in_stream, from_exception};
use super::tool_call::ToolCall;
use super::usage::Usage;
use longhaul_worker::analysis::{Context, Failure};

/// A tool's input: a question, or a plan.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ToolInput {
    question: Option<String>,
    plan: Option<Value>,
}

/// The part of a tool call that has arrived.
struct PartialCall {
    id: String,
    tool: String,
    /// JSON.
    input: String,
}

/// Reads the response to its end, and streams its text, after `separator`, as it arrives.
pub async fn read_round(
    context: &Context,
    response: Response,
    separator: &str,
) -> Result<Round, Failure> {
    let mut events = response.stream;
    let mut round = Round::default();
    let mut calls: BTreeMap<i32, PartialCall> = BTreeMap::new();
    loop {
        let next = timeout(IDLE_TIMEOUT, events.recv()).await.map_err(|_| {
            tracing::warn!(job = %context.job(), "a model sent nothing for too long");
            from_exception(Some("ModelTimeoutException"))
        })?;
        let event = match next {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(error) => {
                let name = error.as_service_error().and_then(exception_in_stream);
                let error = anyhow::Error::from(error.into_service_error());
                tracing::warn!(job = %context.job(), error = format!("{error:#}"), "a model's stream ended with an error");
                // After the stop reason only the usage is missing.
                match round.stop.is_empty() {
                    true => return Err(from_exception(name)),
                    false => break,
                }
            }
        };
        match event {
            ConverseStreamOutput::ContentBlockStart(event) => {
                if let Some(ContentBlockStart::ToolUse(start)) = event.start {
                    let call = PartialCall {
                        id: start.tool_use_id,
                        tool: start.name,
                        input: String::new(),
                    };
                    calls.insert(event.content_block_index, call);
                }
            }
            ConverseStreamOutput::ContentBlockDelta(event) => match event.delta {
                Some(ContentBlockDelta::Text(piece)) if !piece.is_empty() => {
                    if round.text.is_empty() {
                        context.stream(separator).await;
                    }
                    context.stream(&piece).await;
                    round.text.push_str(&piece);
                }
                Some(ContentBlockDelta::ToolUse(delta)) => {
                    if let Some(call) = calls.get_mut(&event.content_block_index) {
                        call.input.push_str(&delta.input);
                    }
                }
                _ => {}
            },
            ConverseStreamOutput::MessageStop(event) => {
                round.stop = event.stop_reason.as_str().to_owned();
            }
            ConverseStreamOutput::Metadata(event) => round.usage = usage(&event),
            _ => {}
        }
    }
    if round.stop.is_empty() {
        tracing::warn!(job = %context.job(), "a model's stream ended before its message did");
        return Err(from_exception(None));
    }
    let calls = calls.into_values().map(|call| {
        let ToolInput { question, plan } = serde_json::from_str(&call.input).unwrap_or_default();
        ToolCall {
            id: call.id,
            tool: call.tool,
            question,
            plan,
        }
    });
    round.calls = calls.collect();
    Ok(round)
}

fn usage(event: &ConverseStreamMetadataEvent) -> Usage {
    let count = |tokens: i32| u64::try_from(tokens).unwrap_or_default();
    let latency = event.metrics.as_ref().map(|metrics| metrics.latency_ms);
    let mut usage = Usage {
        latency_ms: latency
            .and_then(|ms| u64::try_from(ms).ok())
            .unwrap_or_default(),
        ..Usage::default()
    };
    if let Some(tokens) = &event.usage {
        usage.input_tokens = count(tokens.input_tokens);
        usage.output_tokens = count(tokens.output_tokens);
        usage.total_tokens = count(tokens.total_tokens);
        usage.cache_read_input_tokens = count(tokens.cache_read_input_tokens.unwrap_or_default());
        usage.cache_write_input_tokens = count(tokens.cache_write_input_tokens.unwrap_or_default());
    }
    usage
}
