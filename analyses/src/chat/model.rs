//! An answer by a model of Amazon Bedrock: as many rounds as it asks its tool, each a kept step, so that
//! neither a crash nor the invocation's end has one paid for again.
//!
//! How a round comes over the wire is [`round`](super::round)'s business.

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

use super::failures::{failure, unanswered};
use super::messages::{self, Call, Exchange, OF_THE_TOOL, Round, SYSTEM, TOOL, Told};
use super::round;
use super::usage::{Prices, Usage};
use longhaul_finops::Finops;
use longhaul_worker::analysis::{Context, Failure};

/// Calls of a model for one answer: a model that asks its tool again and again ends here.
const MOST_ROUNDS: usize = 8;
/// Questions to the tool in one round that are answered; of the rest the model hears that they were too many.
const MOST_CALLS: usize = 8;
/// Between what is said before the tool and after it.
const GAP: &str = "\n\n";

/// A model, as it is configured.
pub struct Model {
    id: String,
    guardrail: Option<(String, String)>,
    most_tokens: i32,
    prices: Option<Prices>,
    client: OnceCell<Client>,
}

impl Model {
    /// The one of `CHAT_MODEL_ID`, if that is set.
    ///
    /// # Errors
    /// Its other settings are malformed.
    pub fn configured(config: &Environment) -> Result<Option<Self>> {
        let Some(id) = config.optional("CHAT_MODEL_ID") else {
            return Ok(None);
        };
        let guardrail = match config.optional("CHAT_GUARDRAIL_ID") {
            Some(id) => {
                let version = config.required("CHAT_GUARDRAIL_VERSION")?;
                Some((id.to_owned(), version.to_owned()))
            }
            None => None,
        };
        Ok(Some(Self {
            id: id.to_owned(),
            guardrail,
            most_tokens: config.number("CHAT_MAX_TOKENS")?.try_into()?,
            prices: Prices::configured(config)?,
            client: OnceCell::new(),
        }))
    }

    /// Its answer, streamed, with the bill as its tool, if there is one.
    pub async fn answer(
        &self,
        context: &Context,
        finops: Option<&Finops>,
    ) -> Result<Value, Failure> {
        context.progress(5, "Asking the model");
        let mut exchanges: Vec<Exchange> = vec![];
        let mut response = String::new();
        let mut usage = Usage::default();
        // Of the tool's last answer the figures, for a front end to show.
        let mut figures = None;
        for number in 1..=MOST_ROUNDS {
            let gap = if response.is_empty() { "" } else { GAP };
            let asked = (&self.id, context.query(), &exchanges);
            // On the heap, as the SDK's futures are large and a thread's stack is not.
            let work = Box::pin(self.round(context, &exchanges, finops.is_some(), gap));
            let round = context.step("model", &asked, work).await?;
            usage.add(&round.usage);
            if !round.text.is_empty() {
                response.push_str(gap);
                response.push_str(&round.text);
            }
            if round.stop != "tool_use" || round.calls.is_empty() {
                if response.is_empty() {
                    response = in_place(&round.stop)?.to_owned();
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
            let mut told = vec![];
            for (place, call) in round.calls.iter().enumerate() {
                let (answer, found) = match finops {
                    Some(finops) if place < MOST_CALLS => {
                        Box::pin(run(context, finops, number, call)).await?
                    }
                    _ => (wrong("There is no answer to so many questions."), None),
                };
                told.push(answer);
                figures = found.or(figures);
            }
            exchanges.push(Exchange { round, told });
        }
        let message = "The assistant came to no answer, however often it looked at the bill.";
        Err(Failure::reject("MODEL_NO_ANSWER", message))
    }

    /// One call of the model.
    async fn round(
        &self,
        context: &Context,
        exchanges: &[Exchange],
        has_tool: bool,
        gap: &str,
    ) -> Result<Round, Failure> {
        let unbuilt = |error: BuildError| {
            tracing::error!(job = %context.job(), %error, "a request to a model was not built");
            failure(Some("ValidationException"))
        };
        let open = async || Client::new(&clients::for_streams().await);
        let client = self.client.get_or_init(open).await;
        let said = messages::messages(context.history(), context.query(), exchanges);
        let limits = InferenceConfiguration::builder().max_tokens(self.most_tokens);
        let mut request = client
            .converse_stream()
            .model_id(&self.id)
            .set_messages(Some(said.map_err(unbuilt)?))
            .system(SystemContentBlock::Text(SYSTEM.to_owned()))
            .inference_config(limits.build());
        if has_tool {
            request = request
                .system(SystemContentBlock::Text(OF_THE_TOOL.to_owned()))
                .tool_config(messages::tools().map_err(unbuilt)?);
        }
        if let Some((id, version)) = &self.guardrail {
            let guardrail = GuardrailStreamConfiguration::builder()
                .guardrail_identifier(id)
                .guardrail_version(version);
            request = request.guardrail_config(guardrail.build());
        }
        let answer = request.send().await.map_err(|error| {
            let failure = unanswered(&error);
            let error = anyhow::Error::from(error.into_service_error());
            tracing::warn!(job = %context.job(), error = format!("{error:#}"), "a model was not asked");
            failure
        })?;
        round::read(context, answer, gap).await
    }
}

/// What is said where the model has said nothing.
fn in_place(stop: &str) -> Result<&'static str, Failure> {
    Ok(match stop {
        "guardrail_intervened" => "This can't be answered here.",
        "content_filtered" => "The answer was held back by the model's filter of contents.",
        "max_tokens" => "The answer was longer than it may be, and nothing of it is left.",
        "model_context_window_exceeded" => {
            let message = "The conversation is too long for the assistant; begin a new one.";
            return Err(Failure::reject("MODEL_CONVERSATION_TOO_LONG", message));
        }
        "malformed_model_output" | "malformed_tool_use" => {
            return Err(failure(Some("ModelErrorException")));
        }
        _ => "The model gave no answer.",
    })
}

/// The tool's answer in the round of this number, and the figures in it: found once, whatever dies afterwards.
async fn run(
    context: &Context,
    finops: &Finops,
    number: usize,
    call: &Call,
) -> Result<(Told, Option<Value>), Failure> {
    let Some(question) = call.question.as_deref().filter(|_| call.tool == TOOL) else {
        let known = format!("There is only the tool {TOOL}, which takes a question.");
        return Ok((wrong(&known), None));
    };
    context.progress(30, "Looking at the bill");
    let alone = context.with_question(question, vec![]);
    let work = async {
        match Box::pin(finops.on_costs(&alone)).await {
            Ok(Some(answer)) => {
                let text = answer["response"].as_str().unwrap_or_default().to_owned();
                let told = Told {
                    text,
                    failed: false,
                };
                Ok((told, Some(answer)))
            }
            Ok(None) => Ok((wrong("This is no question about cloud costs."), None)),
            // What can never be read is the model's to say; what may pass is worth another attempt.
            Err(Failure::Reject { message, .. }) => Ok((wrong(&message), None)),
            Err(retry) => Err(retry),
        }
    };
    context
        .step("tool", &(number, &call.id, question), work)
        .await
}

fn wrong(why: &str) -> Told {
    Told {
        text: why.to_owned(),
        failed: true,
    }
}
