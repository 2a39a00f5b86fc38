//! A Lambda function of somebody else's that does a part of the work: asked, heard while it works, and waited
//! for.
//!
//! What it is given and what it gives is JSON; what that means is its analysis' business. What went wrong there
//! is in the worker's log, and not told to users.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::config::{Builder, StalledStreamProtectionConfig};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvokeWithResponseStreamResponseEvent as Event;
use longhaul_shared::aws::clients;
use longhaul_shared::domain::limits;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use longhaul_worker::analysis::{Context, Failure};

/// A function runs for a quarter of an hour at most (Lambda's quota), and answers then.
const LONGEST: Duration = Duration::from_secs(15 * 60 + 10);
/// To open a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// What is shown of an error that a function tells, in the log.
const SHOWN: usize = 512;
/// Bytes of an answer, without what is told before it (Lambda's quota for one that is not streamed).
const LARGEST: usize = 6 << 20;

pub struct Function {
    arn: String,
    client: OnceCell<Client>,
}

/// What a function that streams its response says before its answer, a line of JSON each.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AgentOutput {
    /// How far it is, from 0 to 100.
    Progress { percent: u8, message: String },
    /// The next piece of its answer.
    Chunk(String),
}

/// A response as far as it has come.
#[derive(Default)]
struct Response {
    /// What is no line of [`AgentOutput`]: the answer.
    answer: Vec<u8>,
    line: Vec<u8>,
}

impl Response {
    /// What is said in the lines that these bytes end.
    fn take(&mut self, bytes: &[u8]) -> Vec<AgentOutput> {
        let mut heard = vec![];
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend(line);
            if line.ends_with(b"\n") {
                match serde_json::from_slice(&self.line) {
                    Ok(said) => heard.push(said),
                    Err(_) => self.answer.extend(&self.line),
                }
                self.line.clear();
            }
        }
        heard
    }

    fn is_too_large(&self) -> bool {
        self.answer.len() + self.line.len() > LARGEST
    }

    fn answer(mut self) -> serde_json::Result<Value> {
        self.answer.extend(&self.line);
        serde_json::from_slice(&self.answer)
    }
}

impl Function {
    /// The function of this ARN, which may name an alias or a version.
    pub fn new(arn: String) -> Self {
        Self {
            arn,
            client: OnceCell::new(),
        }
    }

    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The function's own name.
    pub fn name(&self) -> &str {
        let named = self.arn.split_once(":function:");
        let named = named.map_or(self.arn.as_str(), |(_, named)| named);
        named.split(':').next().unwrap_or(named)
    }

    /// Its answer. What it says before, `hears` takes up, and gives back what of it is to be streamed. What fails
    /// there or on the way is worth another attempt of the job.
    pub async fn ask(
        &self,
        context: &Context,
        payload: &Value,
        hears: impl Fn(AgentOutput) -> Option<String> + Send + Sync,
    ) -> Result<Value, Failure> {
        let heard = timeout(LONGEST, self.heard(context, payload, hears)).await;
        heard.unwrap_or_else(|_| Err(self.failed(context, "it took too long")))
    }

    async fn heard(
        &self,
        context: &Context,
        payload: &Value,
        hears: impl Fn(AgentOutput) -> Option<String> + Send + Sync,
    ) -> Result<Value, Failure> {
        let client = self.client.get_or_init(open).await;
        let invoke = client
            .invoke_with_response_stream()
            .function_name(&self.arn)
            .payload(Blob::new(payload.to_string()));
        let answer = invoke.send().await.map_err(|error| {
            let error = anyhow::Error::from(error.into_service_error());
            self.failed(context, &format!("{error:#}"))
        })?;
        let (mut events, mut response) = (answer.event_stream, Response::default());
        loop {
            let event = events.recv().await.map_err(|error| {
                let error = anyhow::Error::from(error.into_service_error());
                self.failed(context, &format!("{error:#}"))
            })?;
            match event {
                Some(Event::PayloadChunk(chunk)) => {
                    let bytes = chunk.payload.map(Blob::into_inner).unwrap_or_default();
                    for said in response.take(&bytes) {
                        if let Some(piece) = hears(said) {
                            context.stream(&piece).await;
                        }
                    }
                    if response.is_too_large() {
                        return Err(self.failed(context, "its answer is too large"));
                    }
                }
                Some(Event::InvokeComplete(end)) => {
                    if let Some(code) = end.error_code {
                        let told = end.error_details.unwrap_or(code);
                        return Err(self.failed(context, limits::prefix(&told, SHOWN)));
                    }
                    let answer = response.answer();
                    return answer.map_err(|error| self.failed(context, &error.to_string()));
                }
                Some(_) => {}
                None => return Err(self.failed(context, "its answer broke off")),
            }
        }
    }

    fn failed(&self, context: &Context, error: &str) -> Failure {
        tracing::warn!(job = %context.job(), function = self.arn, error, "a function did not do its part");
        Failure::Retry {
            code: "FUNCTION_FAILED",
            message: "A part of the work failed.".to_owned(),
        }
    }
}

/// A try of one's own, and no more: the job's attempts are the tries, and a call of which nothing is heard may
/// still be at work.
async fn open() -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(LONGEST)
        .operation_timeout(LONGEST)
        .build();
    let settings = Builder::from(&clients::config().await)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    Client::from_conf(settings)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(bytes: &[u8], cuts: &[usize]) -> (Vec<AgentOutput>, serde_json::Result<Value>) {
        let (mut response, mut heard, mut rest) = (Response::default(), vec![], bytes);
        for cut in cuts {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            heard.extend(response.take(now));
            rest = later;
        }
        heard.extend(response.take(rest));
        (heard, response.answer())
    }

    proptest! {
        #[test]
        fn lines_are_heard_before_the_answer_however_they_are_cut(cuts in prop::collection::vec(1..20usize, 0..20)) {
            let said = "{\"progress\":{\"percent\":40,\"message\":\"Grün\"}}\n{\"chunk\":\"It is \"}\n{\"response\":\"It is 12.\"}";
            let (heard, answer) = read(said.as_bytes(), &cuts);
            let message = "Grün".to_owned();
            let progress = AgentOutput::Progress { percent: 40, message };
            prop_assert_eq!(heard, vec![progress, AgentOutput::Chunk("It is ".to_owned())]);
            prop_assert_eq!(answer.unwrap(), json!({"response": "It is 12."}));
        }
    }

    #[test]
    fn an_answer_that_is_not_streamed_is_left_as_it_is() {
        for answer in [
            json!({"response": "x", "progress": 4}),
            json!({"chunk": "x"}),
            json!(["x"]),
            json!(null),
        ] {
            let (heard, read_back) = read(answer.to_string().as_bytes(), &[]);
            assert_eq!((heard.len(), read_back.unwrap()), (0, answer.clone()));
            let pretty = serde_json::to_string_pretty(&answer).unwrap();
            let (heard, read_back) = read(pretty.as_bytes(), &[]);
            assert_eq!((heard.len(), read_back.unwrap()), (0, answer));
        }
        assert!(read(b"", &[]).1.is_err());
    }

    #[test]
    fn a_function_has_its_own_name() {
        for arn in [
            "arn:aws:lambda:eu-west-1:1:function:risks:live",
            "arn:aws:lambda:eu-west-1:1:function:risks",
            "risks",
        ] {
            assert_eq!(Function::new(arn.to_owned()).name(), "risks");
        }
    }
}
