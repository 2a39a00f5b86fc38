//! Answers by a model of Amazon Bedrock that may call the bill as its tool.
//!
//! Each round, one call of the model, is a step: neither a crash nor the end of an invocation pays for it twice.

use anyhow::Result;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::error::BuildError;
use aws_sdk_bedrockruntime::types::{
    GuardrailStreamConfiguration, InferenceConfiguration, SystemContentBlock,
};
use longhaul_shared::aws::clients;
use longhaul_shared::settings::Environment;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::bill_tools::{self, Reply};
use super::converse_stream::read_round;
use super::messages::{self, Exchange, Round, SYSTEM_PROMPT, TOOL_PROMPT, ToolResult};
use super::model_failure::{from_exception, from_sdk_error};
use super::tool_call::ToolCall;
use super::usage::{Prices, Usage};
use longhaul_finops::Finops;
use longhaul_worker::analysis::{Context, Failure, JobErrorCode};

/// Rounds of one answer: a model that keeps calling its tool ends here.
const MAX_ROUNDS: usize = 8;
/// Tool calls of one round that are run; the others get an error as their result.
const MAX_CALLS_PER_ROUND: usize = 8;
/// Between the texts of two rounds.
const ROUND_SEPARATOR: &str = "\n\n";

/// A model and its settings.
pub struct Model {
    id: String,
    guardrail: Option<(String, String)>,
    max_tokens: i32,
    prices: Option<Prices>,
    client: OnceCell<Client>,
}

impl Model {
    /// The model of `CHAT_MODEL_ID`; `None` if that is not set.
    ///
    /// # Errors
    /// Another setting of the model is missing or malformed.
    pub fn from_environment(environment: &Environment) -> Result<Option<Self>> {
        let Some(id) = environment.optional("CHAT_MODEL_ID") else {
            return Ok(None);
        };
        let guardrail = match environment.optional("CHAT_GUARDRAIL_ID") {
            Some(id) => {
                let version = environment.required("CHAT_GUARDRAIL_VERSION")?;
                Some((id.to_owned(), version.to_owned()))
            }
            None => None,
        };
        Ok(Some(Self {
            id: id.to_owned(),
            guardrail,
            max_tokens: environment.number("CHAT_MAX_TOKENS")?.try_into()?,
            prices: Prices::from_environment(environment)?,
            client: OnceCell::new(),
        }))
    }

    /// Streams the answer, and returns the job's result. With a bill the model has its tool.
    pub async fn answer(
        &self,
        context: &Context,
        finops: Option<&Finops>,
    ) -> Result<Value, Failure> {
        context.progress(5, "Asking the model");
        let mut exchanges: Vec<Exchange> = vec![];
        let mut response = String::new();
        let mut usage = Usage::default();
        // Those of the tool's last answer, for the front end.
        let mut figures = None;
        for number in 1..=MAX_ROUNDS {
            let separator = match response.is_empty() {
                true => "",
                false => ROUND_SEPARATOR,
            };
            let key = (&self.id, context.query(), &exchanges);
            // On the heap: the SDK's futures are large, and a thread's stack is not.
            let work = Box::pin(self.round(context, &exchanges, finops.is_some(), separator));
            let round = context.step("model", &key, work).await?;
            usage.add(&round.usage);
            if !round.text.is_empty() {
                response.push_str(separator);
                response.push_str(&round.text);
            }
            if round.stop != "tool_use" || round.calls.is_empty() {
                if response.is_empty() {
                    response = without_text(&round.stop)?.to_owned();
                    context.stream(&response).await;
                }
                let mut result = figures.unwrap_or_else(|| json!({}));
                result["query"] = context.query().into();
                result["response"] = response.into();
                result["model"] = self.id.as_str().into();
                result["rounds"] = number.into();
                result["usage"] = json!(usage);
                if let Some(prices) = &self.prices {
                    result["cost"] = prices.cost(&usage);
                }
                if round.stop == "guardrail_intervened" {
                    result["guardrailIntervened"] = true.into();
                }
                result["stopReason"] = round.stop.into();
                return Ok(result);
            }
            let mut results = vec![];
            for (index, call) in round.calls.iter().enumerate() {
                let (result, found) = match finops {
                    Some(finops) if index < MAX_CALLS_PER_ROUND => {
                        Box::pin(run_tool(context, finops, number, call)).await?
                    }
                    _ => (tool_error("Too many questions at once."), None),
                };
                results.push(result);
                figures = found.or(figures);
            }
            exchanges.push(Exchange { round, results });
        }
        let message = "The assistant kept reading the bill and gave no answer.";
        Err(Failure::reject(JobErrorCode::ModelNoAnswer, message))
    }

    /// One call of the model.
    async fn round(
        &self,
        context: &Context,
        exchanges: &[Exchange],
        has_tool: bool,
        separator: &str,
    ) -> Result<Round, Failure> {
        let unbuilt = |error: BuildError| {
            tracing::error!(job = %context.job(), %error, "a request to a model could not be built");
            from_exception(Some("ValidationException"))
        };
        let open = async || Client::new(&clients::for_streams().await);
        let client = self.client.get_or_init(open).await;
        let messages = messages::messages(context.history(), context.query(), exchanges);
        let limits = InferenceConfiguration::builder().max_tokens(self.max_tokens);
        let mut request = client
            .converse_stream()
            .model_id(&self.id)
            .set_messages(Some(messages.map_err(unbuilt)?))
            .system(SystemContentBlock::Text(SYSTEM_PROMPT.to_owned()))
            .inference_config(limits.build());
        if has_tool {
            request = request
                .system(SystemContentBlock::Text(TOOL_PROMPT.to_owned()))
                .tool_config(bill_tools::tools().map_err(unbuilt)?);
        }
        if let Some((id, version)) = &self.guardrail {
            let guardrail = GuardrailStreamConfiguration::builder()
                .guardrail_identifier(id)
                .guardrail_version(version);
            request = request.guardrail_config(guardrail.build());
        }
        let response = request.send().await.map_err(|error| {
            let failure = from_sdk_error(&error);
            let error = anyhow::Error::from(error.into_service_error());
            tracing::warn!(job = %context.job(), error = format!("{error:#}"), "a model could not be invoked");
            failure
        })?;
        read_round(context, response, separator).await
    }
}

/// The answer where the model gave no text, by its stop reason.
fn without_text(stop: &str) -> Result<&'static str, Failure> {
    Ok(match stop {
        "guardrail_intervened" => "This can't be answered here.",
        "content_filtered" => "The model's content filter blocked the answer.",
        "max_tokens" => "The answer was longer than the limit, and nothing of it is left.",
        "model_context_window_exceeded" => {
            let message = "The conversation is too long for the assistant; start a new one.";
            return Err(Failure::reject(
                JobErrorCode::ModelConversationTooLong,
                message,
            ));
        }
        "malformed_model_output" | "malformed_tool_use" => {
            return Err(from_exception(Some("ModelErrorException")));
        }
        _ => "The model gave no answer.",
    })
}

/// A tool's result for a call in the round with this number, and its figures. A step, so each call is run once.
async fn run_tool(
    context: &Context,
    finops: &Finops,
    number: usize,
    call: &ToolCall,
) -> Result<(ToolResult, Option<Value>), Failure> {
    context.progress(30, "Reading the bill");
    let work = async {
        let succeeded = |text: String| ToolResult {
            text,
            failed: false,
        };
        Ok(
            match Box::pin(bill_tools::run(context, finops, call)).await? {
                Reply::Answer(answer) => {
                    let text = answer["response"].as_str().unwrap_or_default().to_owned();
                    (succeeded(text), Some(answer))
                }
                Reply::Text(text) => (succeeded(text), None),
                Reply::Error(message) => (tool_error(&message), None),
            },
        )
    };
    let input = (number, &call.id, &call.tool, &call.question, &call.plan);
    context.step("tool", &input, work).await
}

fn tool_error(message: &str) -> ToolResult {
    ToolResult {
        text: message.to_owned(),
        failed: true,
    }
}
