//! Invokes a Lambda function that does part of a job's work, and reads its streamed progress and answer.
//!
//! Input and answer are JSON. The function's errors go to the worker's log and not to users.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::config::{Builder, StalledStreamProtectionConfig};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvokeWithResponseStreamResponseEvent as Event;
use longhaul_shared::aws::clients;
use longhaul_shared::domain::limits;
use longhaul_worker::analysis::{Context, Failure, JobErrorCode, ReportedProgress};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// One invocation: Lambda ends a function after 15 minutes, and some seconds later its answer is here.
const INVOCATION_TIMEOUT: Duration = Duration::from_secs(15 * 60 + 10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The part of a function's error that is logged, in bytes.
const LOGGED_ERROR_BYTES: usize = 512;
/// The largest answer, in bytes, without the lines before it (Lambda's quota for a response that is not streamed).
const MAX_ANSWER_BYTES: usize = 6 << 20;

/// Lines of its own that a function may print before its answer.
const MAX_OUTPUT_LINES: usize = 1000;

/// A Lambda function that answers a job's question.
pub struct LambdaAgent {
    arn: String,
    client: OnceCell<Client>,
}

/// What a function that streams its response sends before its answer, a line of JSON each.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AgentOutput {
    /// How far it is.
    Progress(ReportedProgress),
    /// The next piece of its answer.
    Chunk(String),
}

/// The part of a response that has arrived.
#[derive(Default)]
struct Response {
    /// Everything that is not a line of [`AgentOutput`]: the answer.
    answer: Vec<u8>,
    /// The line that is not complete yet.
    line: Vec<u8>,
}

impl Response {
    /// Adds bytes, and returns what the lines say that they complete.
    fn push(&mut self, bytes: &[u8]) -> Vec<AgentOutput> {
        let mut outputs = vec![];
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend(line);
            if line.ends_with(b"\n") {
                match serde_json::from_slice(&self.line) {
                    Ok(output) => outputs.push(output),
                    Err(_) => self.answer.extend(&self.line),
                }
                self.line.clear();
            }
        }
        outputs
    }

    fn is_too_large(&self) -> bool {
        self.answer.len() + self.line.len() > MAX_ANSWER_BYTES
    }

    /// The answer is the JSON that ends the response; lines before it are the function's own output.
    fn into_answer(mut self) -> serde_json::Result<Value> {
        self.answer.extend(&self.line);
        let error = match serde_json::from_slice(&self.answer) {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let ends = self.answer.iter().enumerate();
        let line_starts = ends.filter_map(|(at, byte)| (*byte == b'\n').then_some(at + 1));
        for start in line_starts.take(MAX_OUTPUT_LINES) {
            let (output, rest) = self.answer.split_at(start);
            if let Ok(answer) = serde_json::from_slice(rest) {
                let output = String::from_utf8_lossy(output);
                let output = limits::prefix(&output, LOGGED_ERROR_BYTES);
                tracing::info!(output, "a function's output before its answer");
                return Ok(answer);
            }
        }
        Err(error)
    }
}

impl LambdaAgent {
    /// The function with this ARN, which may name an alias or a version.
    pub fn new(arn: String) -> Self {
        Self {
            arn,
            client: OnceCell::new(),
        }
    }

    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The function's name in its ARN.
    pub fn name(&self) -> &str {
        let function = self.arn.split_once(":function:");
        let function = function.map_or(self.arn.as_str(), |(_, function)| function);
        function.split(':').next().unwrap_or(function)
    }

    /// Invokes the function and returns its answer. `on_output` gets what it sends before, and returns the text of it
    /// that is to be streamed. Every failure is worth another attempt of the job.
    pub async fn invoke(
        &self,
        context: &Context,
        payload: &Value,
        on_output: impl Fn(AgentOutput) -> Option<String> + Send + Sync,
    ) -> Result<Value, Failure> {
        let answer = self.invoke_unbounded(context, payload, on_output);
        let answer = timeout(INVOCATION_TIMEOUT, answer).await;
        answer.unwrap_or_else(|_| Err(self.failed(context, "it took too long")))
    }

    async fn invoke_unbounded(
        &self,
        context: &Context,
        payload: &Value,
        on_output: impl Fn(AgentOutput) -> Option<String> + Send + Sync,
    ) -> Result<Value, Failure> {
        let client = self.client.get_or_init(open_client).await;
        let invoke = client
            .invoke_with_response_stream()
            .function_name(&self.arn)
            .payload(Blob::new(payload.to_string()));
        let output = invoke.send().await.map_err(|error| {
            let error = anyhow::Error::from(error.into_service_error());
            self.failed(context, &format!("{error:#}"))
        })?;
        let (mut events, mut response) = (output.event_stream, Response::default());
        loop {
            let event = events.recv().await.map_err(|error| {
                let error = anyhow::Error::from(error.into_service_error());
                self.failed(context, &format!("{error:#}"))
            })?;
            match event {
                Some(Event::PayloadChunk(chunk)) => {
                    let bytes = chunk.payload.map(Blob::into_inner).unwrap_or_default();
                    for output in response.push(&bytes) {
                        if let Some(piece) = on_output(output) {
                            context.stream(&piece).await;
                        }
                    }
                    if response.is_too_large() {
                        return Err(self.failed(context, "its answer is too large"));
                    }
                }
                Some(Event::InvokeComplete(end)) => {
                    if let Some(code) = end.error_code {
                        let error = end.error_details.unwrap_or(code);
                        let error = limits::prefix(&error, LOGGED_ERROR_BYTES);
                        return Err(self.failed(context, error));
                    }
                    let answer = response.into_answer();
                    return answer.map_err(|error| self.unreadable(context, &error));
                }
                Some(_) => {}
                None => return Err(self.failed(context, "its answer ended early")),
            }
        }
    }

    /// Its author learns where the answer stops being JSON: that shows nothing of what is in it.
    fn unreadable(&self, context: &Context, error: &serde_json::Error) -> Failure {
        self.log_failure(context, &error.to_string());
        let name = self.name();
        let message = format!("The answer of the function '{name}' is not JSON: {error}.");
        Failure::retry(JobErrorCode::FunctionFailed, message)
    }

    fn log_failure(&self, context: &Context, error: &str) {
        tracing::warn!(job = %context.job(), function = self.arn, error, "a Lambda function failed");
    }

    fn failed(&self, context: &Context, error: &str) -> Failure {
        self.log_failure(context, error);
        Failure::retry(JobErrorCode::FunctionFailed, "A part of the work failed.")
    }
}

/// A client without retries: the job's attempts are the retries, and a function whose response was lost may still be
/// running.
async fn open_client() -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(INVOCATION_TIMEOUT)
        .operation_timeout(INVOCATION_TIMEOUT)
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
        let (mut response, mut outputs, mut rest) = (Response::default(), vec![], bytes);
        for cut in cuts {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            outputs.extend(response.push(now));
            rest = later;
        }
        outputs.extend(response.push(rest));
        (outputs, response.into_answer())
    }

    proptest! {
        #[test]
        fn output_lines_come_before_the_answer_however_they_are_cut(cuts in prop::collection::vec(1..20usize, 0..20)) {
            let sent = "{\"progress\":{\"percent\":40,\"message\":\"Grün\"}}\n{\"chunk\":\"It is \"}\n{\"response\":\"It is 12.\"}";
            let (outputs, answer) = read(sent.as_bytes(), &cuts);
            let message = "Grün".to_owned();
            let progress = AgentOutput::Progress(ReportedProgress { percent: 40, message });
            prop_assert_eq!(outputs, vec![progress, AgentOutput::Chunk("It is ".to_owned())]);
            prop_assert_eq!(answer.unwrap(), json!({"response": "It is 12."}));
        }
    }

    #[test]
    fn an_answer_that_is_not_streamed_stays_as_it_is() {
        for answer in [
            json!({"response": "x", "progress": 4}),
            json!({"chunk": "x"}),
            json!(["x"]),
            json!(null),
        ] {
            let (outputs, read_back) = read(answer.to_string().as_bytes(), &[]);
            assert_eq!((outputs.len(), read_back.unwrap()), (0, answer.clone()));
            let pretty = serde_json::to_string_pretty(&answer).unwrap();
            let (outputs, read_back) = read(pretty.as_bytes(), &[]);
            assert_eq!((outputs.len(), read_back.unwrap()), (0, answer));
        }
        assert!(read(b"", &[]).1.is_err());
    }

    #[test]
    fn a_functions_own_output_is_not_its_answer() {
        let printed = b"Loading the model\n{\"progress\":{\"percent\":33.3}}\ndone: {1}\n{\"response\":\n \"12\"}\n";
        let (outputs, answer) = read(printed, &[]);
        assert_eq!(outputs.len(), 1);
        assert_eq!(answer.unwrap(), json!({"response": "12"}));
        assert!(read(b"Loading\nstill no JSON", &[]).1.is_err());
    }

    #[test]
    fn the_name_is_part_of_the_arn() {
        for arn in [
            "arn:aws:lambda:eu-west-1:1:function:risks:live",
            "arn:aws:lambda:eu-west-1:1:function:risks",
            "risks",
        ] {
            assert_eq!(LambdaAgent::new(arn.to_owned()).name(), "risks");
        }
    }
}
