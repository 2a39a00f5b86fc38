//! `chat`: answers the turns of a conversation with a model of Bedrock that may call `finops`, or with an agent
//! runtime. Without either it answers questions about costs only, by [`longhaul_finops`].

mod agent_runtime;
mod bill_tools;
mod converse_stream;
mod messages;
mod model;
mod model_failure;
mod sse;
mod tool_call;
mod usage;

use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use longhaul_shared::settings::Environment;
use serde_json::{Value, json};

use agent_runtime::AgentRuntime;
use longhaul_finops::Finops;
use longhaul_worker::analysis::{Analysis, Context, Failure};
use model::Model;

/// How long nothing may arrive of an answer: a model that thinks first is silent for a minute.
const IDLE_TIMEOUT: Duration = Duration::from_secs(180);
/// The answer to a question that is not about costs.
const NO_MODEL: &str = "No language model is configured here, so I can only answer questions about the \
    cloud bill, such as \"What was my S3 spend in May?\".";

/// The analysis of the kind `chat`.
pub struct Chat {
    answerer: Answerer,
}

/// What answers.
enum Answerer {
    Bill(Finops),
    Model(Box<Model>, Option<Finops>),
    AgentRuntime(AgentRuntime),
}

impl Chat {
    /// Answers questions about the bill and no others.
    pub fn new(finops: Finops) -> Self {
        Self {
            answerer: Answerer::Bill(finops),
        }
    }

    /// With the model of `CHAT_MODEL_ID`, or the agent runtime of `CHAT_AGENT_RUNTIME_ARN`, or else the bill; `None`
    /// if none of them is configured.
    ///
    /// # Errors
    /// Both are set, or the model's settings are malformed.
    pub fn from_environment(
        environment: &Environment,
        finops: Option<Finops>,
    ) -> Result<Option<Self>> {
        let runtime = environment.optional("CHAT_AGENT_RUNTIME_ARN");
        let answerer = match (Model::from_environment(environment)?, runtime) {
            (Some(_), Some(_)) => {
                bail!("CHAT_MODEL_ID and CHAT_AGENT_RUNTIME_ARN are both set; unset one of them")
            }
            (Some(model), None) => Answerer::Model(Box::new(model), finops),
            (None, Some(arn)) => Answerer::AgentRuntime(AgentRuntime::new(arn.to_owned())),
            (None, None) => match finops {
                Some(finops) => Answerer::Bill(finops),
                None => return Ok(None),
            },
        };
        Ok(Some(Self { answerer }))
    }
}

#[async_trait]
impl Analysis for Chat {
    fn kind(&self) -> &'static str {
        "chat"
    }

    async fn run(&self, context: &Context) -> Result<Value, Failure> {
        let mut result = match &self.answerer {
            Answerer::Bill(finops) => answer_from_bill(finops, context).await?,
            Answerer::Model(model, finops) => model.answer(context, finops.as_ref()).await?,
            Answerer::AgentRuntime(runtime) => runtime.answer(context).await?,
        };
        result["agent"] = "chat".into();
        // The number of earlier turns that it was given, for the front end.
        result["remembered"] = context.history().len().into();
        Ok(result)
    }
}

async fn answer_from_bill(finops: &Finops, context: &Context) -> Result<Value, Failure> {
    let result = match finops.answer_if_about_costs(context).await? {
        Some(result) => result,
        None => json!({"query": context.query(), "response": NO_MODEL}),
    };
    let response = result["response"].as_str().unwrap_or_default();
    for line in response.split_inclusive('\n') {
        context.stream(line).await;
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use longhaul_finops::{AwsSources, BillSource, write_sample};
    use longhaul_worker::analysis::{AnalysisInput, HistoryTurn};
    use longhaul_worker::testing;

    /// The result, and what was streamed.
    async fn ask(query: &str, history: Vec<HistoryTurn>) -> (Value, String) {
        let mut bill = tempfile::NamedTempFile::new().unwrap();
        write_sample(500, 1, &mut bill).unwrap();
        let chat = Chat::new(Finops::new(
            BillSource::parse(&bill.path().to_string_lossy(), true),
            AwsSources::default(),
        ));
        let input = AnalysisInput {
            history,
            ..testing::question(query)
        };
        let run = testing::run(&chat, input).await;
        (run.result.unwrap(), run.streamed)
    }

    #[tokio::test]
    async fn the_streamed_text_is_the_response() {
        for (query, costs) in [
            ("What was my S3 spend in May?", true),
            ("how much did I spend?", true),
            ("Tell me a joke", false),
        ] {
            let (result, streamed) = ask(query, vec![]).await;
            assert_eq!(result["response"], streamed, "{query}");
            assert_eq!(streamed != NO_MODEL, costs, "{query}");
            assert_eq!(result.get("cost_analysis").is_some(), costs, "{query}");
        }
    }

    #[tokio::test]
    async fn a_question_continues_the_earlier_turns() {
        let past = |message: &str| HistoryTurn {
            message: message.into(),
            answer: "".into(),
        };
        let history = vec![past("What was my S3 spend in May?"), past("Tell me a joke")];
        let (result, _) = ask("and in April?", history).await;
        let cost = &result["cost_analysis"];
        assert_eq!(
            cost["period"]["start"], "2026-04-01",
            "{}",
            result["response"]
        );
        assert_eq!(
            cost["understood"]["services"]["only"][0],
            "Amazon Simple Storage Service"
        );
        let response = result["response"].as_str().unwrap();
        assert!(
            response.contains("follow-up to the previous question"),
            "{response}"
        );
    }

    #[tokio::test]
    async fn the_result_has_the_number_of_remembered_turns() {
        let past = HistoryTurn {
            message: "a".into(),
            answer: "b".into(),
        };
        let (result, _) = ask("Tell me a joke", vec![past.clone(), past]).await;
        assert_eq!(result["remembered"], 2);
    }

    #[test]
    fn one_answerer_is_configured() {
        let configured = |model: &str, runtime: &str, tokens: &str| {
            let environment = Environment::given([
                ("CHAT_MODEL_ID", model.to_owned()),
                ("CHAT_AGENT_RUNTIME_ARN", runtime.to_owned()),
                ("CHAT_MAX_TOKENS", tokens.to_owned()),
            ]);
            Chat::from_environment(&environment, None)
        };
        assert!(configured("", "", "").unwrap().is_none());
        let (model, runtime) = (configured("m", "", "9"), configured("", "arn:r", ""));
        assert!(matches!(
            model.unwrap().unwrap().answerer,
            Answerer::Model(..)
        ));
        assert!(matches!(
            runtime.unwrap().unwrap().answerer,
            Answerer::AgentRuntime(_)
        ));
        assert!(configured("m", "arn:r", "9").is_err());
        assert!(configured("m", "", "many").is_err());
    }
}
