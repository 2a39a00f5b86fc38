//! Answers by an agent on Amazon Bedrock AgentCore (`InvokeAgentRuntime`), streamed if the agent streams.
//!
//! Each conversation has a runtime session of its own, in which the agent keeps its memory.

use aws_sdk_bedrockagentcore::Client;
use aws_sdk_bedrockagentcore::primitives::{Blob, ByteStream};
use longhaul_shared::aws::clients;
use longhaul_shared::domain::limits;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::IDLE_TIMEOUT;
use super::model_failure::{from_exception, from_sdk_error};
use super::sse::{SseEvent, SseParser, parse_body};
use longhaul_worker::analysis::{Context, Failure, JobErrorCode};

/// The largest answer, in bytes.
const MAX_ANSWER_BYTES: usize = 8 << 20;
/// The part of an agent's error that is logged, in bytes.
const LOGGED_ERROR_BYTES: usize = 512;

/// An agent runtime.
pub struct AgentRuntime {
    arn: String,
    client: OnceCell<Client>,
}

impl AgentRuntime {
    /// The agent runtime with this ARN, at its endpoint `DEFAULT`.
    pub fn new(arn: String) -> Self {
        Self {
            arn,
            client: OnceCell::new(),
        }
    }

    /// Streams the answer, and returns the job's result. The answer is a step, so the agent is invoked once.
    pub async fn answer(&self, context: &Context) -> Result<Value, Failure> {
        // AgentCore requires 33 characters or more; a UUID has 36.
        let job = context.job().to_string();
        let session = context.session().map_or(job, |session| session.to_string());
        context.progress(5, "Asking the agent");
        let key = (&self.arn, context.query(), &session);
        let work = Box::pin(self.invoke(context, &session));
        let response: String = context.step("runtime", &key, work).await?;
        Ok(json!({"query": context.query(), "response": response}))
    }

    async fn invoke(&self, context: &Context, session: &str) -> Result<String, Failure> {
        let open = async || Client::new(&clients::for_streams().await);
        let client = self.client.get_or_init(open).await;
        let mut payload = context.to_json();
        payload["prompt"] = context.query().into();
        let invoke = client
            .invoke_agent_runtime()
            .agent_runtime_arn(&self.arn)
            .runtime_session_id(session)
            .content_type("application/json")
            .accept("text/event-stream, application/json")
            .payload(Blob::new(payload.to_string()));
        let answer = invoke.send().await.map_err(|error| {
            let failure = from_sdk_error(&error);
            let error = anyhow::Error::from(error.into_service_error());
            tracing::warn!(job = %context.job(), error = format!("{error:#}"), "an agent runtime could not be invoked");
            failure
        })?;
        let response = match answer.content_type.starts_with("text/event-stream") {
            true => stream_events(context, answer.response).await?,
            false => {
                let mut body = vec![];
                let mut pieces = answer.response;
                while let Some(piece) = next_bytes(context, &mut pieces, body.len()).await? {
                    body.extend(piece);
                }
                let response = parse_body(&body);
                context.stream(&response).await;
                response
            }
        };
        if response.trim().is_empty() {
            let message = "The assistant's answer can't be read.";
            return Err(Failure::reject(JobErrorCode::ModelUnreadable, message));
        }
        Ok(response)
    }
}

/// Streams the pieces of the answer, and returns all of it.
async fn stream_events(context: &Context, mut pieces: ByteStream) -> Result<String, Failure> {
    let (mut response, mut parser, mut read) = (String::new(), SseParser::default(), 0);
    loop {
        let piece = next_bytes(context, &mut pieces, read).await?;
        let events = match &piece {
            Some(piece) => parser.push(piece),
            // The last event may lack its blank line.
            None => parser.push(b"\n\n"),
        };
        read += piece.as_ref().map_or(0, Vec::len);
        for event in events {
            match event {
                SseEvent::Piece(piece) => {
                    context.stream(&piece).await;
                    response.push_str(&piece);
                }
                SseEvent::Error(error) => {
                    let error = limits::prefix(&error, LOGGED_ERROR_BYTES);
                    tracing::warn!(job = %context.job(), error, "an agent failed while it answered");
                    return Err(from_exception(Some("RuntimeClientError")));
                }
            }
        }
        if piece.is_none() {
            return Ok(response);
        }
    }
}

/// The next bytes of an answer of which `read` bytes have arrived; `None` after its end.
async fn next_bytes(
    context: &Context,
    pieces: &mut ByteStream,
    read: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    let piece = timeout(IDLE_TIMEOUT, pieces.next()).await.map_err(|_| {
        tracing::warn!(job = %context.job(), "an agent runtime sent nothing for too long");
        from_exception(Some("ModelTimeoutException"))
    })?;
    let piece = piece.transpose().map_err(|error| {
        let error = anyhow::Error::from(error);
        tracing::warn!(job = %context.job(), error = format!("{error:#}"), "an agent runtime's answer ended early");
        from_exception(None)
    })?;
    if read > MAX_ANSWER_BYTES {
        return Err(Failure::reject(
            JobErrorCode::ModelUnreadable,
            "The assistant's answer is too long.",
        ));
    }
    Ok(piece.map(|bytes| bytes.to_vec()))
}
