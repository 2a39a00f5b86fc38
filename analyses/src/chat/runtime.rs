//! An answer by an agent of one's own on Amazon Bedrock AgentCore: `InvokeAgentRuntime`, told piece by piece
//! where it streams, under a session of its own for each conversation.
//!
//! What the agent remembers and how it answers is its own business.

use aws_sdk_bedrockagentcore::Client;
use aws_sdk_bedrockagentcore::primitives::{Blob, ByteStream};
use longhaul_shared::aws::clients;
use longhaul_shared::domain::limits;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::IDLE;
use super::failures::{failure, unanswered};
use super::sse::{Said, Sse, whole};
use longhaul_worker::analysis::{Context, Failure};

/// Bytes of an answer, whole.
const LARGEST: usize = 8 << 20;
/// What is shown of an agent's own error, in the log.
const SHOWN: usize = 512;

pub struct Runtime {
    arn: String,
    client: OnceCell<Client>,
}

impl Runtime {
    /// The agent runtime of this ARN, by its endpoint `DEFAULT`.
    pub fn new(arn: String) -> Self {
        Self {
            arn,
            client: OnceCell::new(),
        }
    }

    /// Its answer, streamed: asked for once, whatever dies afterwards.
    pub async fn answer(&self, context: &Context) -> Result<Value, Failure> {
        // A UUID's 36 characters: AgentCore wants 33 at least.
        let job = context.job().to_string();
        let session = context.session().map_or(job, |session| session.to_string());
        context.progress(5, "Asking the agent");
        let asked = (&self.arn, context.query(), &session);
        let work = Box::pin(self.ask(context, &session));
        let response: String = context.step("runtime", &asked, work).await?;
        Ok(json!({"query": context.query(), "response": response}))
    }

    async fn ask(&self, context: &Context, session: &str) -> Result<String, Failure> {
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
            let failure = unanswered(&error);
            let error = anyhow::Error::from(error.into_service_error());
            tracing::warn!(job = %context.job(), error = format!("{error:#}"), "an agent runtime was not asked");
            failure
        })?;
        let response = match answer.content_type.starts_with("text/event-stream") {
            true => streamed(context, answer.response).await?,
            false => {
                let mut body = vec![];
                let mut pieces = answer.response;
                while let Some(piece) = next(context, &mut pieces, body.len()).await? {
                    body.extend(piece);
                }
                let response = whole(&body);
                context.stream(&response).await;
                response
            }
        };
        if response.trim().is_empty() {
            let message = "The assistant's answer can't be read.";
            return Err(Failure::reject("MODEL_UNREADABLE", message));
        }
        Ok(response)
    }
}

async fn streamed(context: &Context, mut pieces: ByteStream) -> Result<String, Failure> {
    let (mut response, mut events, mut read) = (String::new(), Sse::default(), 0);
    loop {
        let piece = next(context, &mut pieces, read).await?;
        let said = match &piece {
            Some(piece) => events.take(piece),
            // The last event needs no empty line after it.
            None => events.take(b"\n\n"),
        };
        read += piece.as_ref().map_or(0, Vec::len);
        for said in said {
            match said {
                Said::Piece(piece) => {
                    context.stream(&piece).await;
                    response.push_str(&piece);
                }
                Said::Error(error) => {
                    let error = limits::prefix(&error, SHOWN);
                    tracing::warn!(job = %context.job(), error, "an agent failed while it answered");
                    return Err(failure(Some("RuntimeClientError")));
                }
            }
        }
        if piece.is_none() {
            return Ok(response);
        }
    }
}

/// The next bytes of an answer of which so many were read; none after its end.
async fn next(
    context: &Context,
    pieces: &mut ByteStream,
    read: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    let piece = timeout(IDLE, pieces.next()).await.map_err(|_| {
        tracing::warn!(job = %context.job(), "an agent said nothing for too long");
        failure(Some("ModelTimeoutException"))
    })?;
    let piece = piece.transpose().map_err(|error| {
        let error = anyhow::Error::from(error);
        tracing::warn!(job = %context.job(), error = format!("{error:#}"), "an agent's answer broke off");
        failure(None)
    })?;
    if read > LARGEST {
        return Err(Failure::reject(
            "MODEL_UNREADABLE",
            "The assistant's answer is too long.",
        ));
    }
    Ok(piece.map(|bytes| bytes.to_vec()))
}
