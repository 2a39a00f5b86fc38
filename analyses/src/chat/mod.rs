//! `chat`: the turns of a conversation, answered by a model of Bedrock that may ask `finops`, or by an agent
//! runtime. Without either it answers questions about costs, by [`longhaul_finops`], and says plainly that it
//! has no model for others.
//!
//! What a session is and how an answer reaches a front end is not known here.

mod failures;
mod messages;
mod model;
mod round;
mod runtime;
mod sse;
mod usage;

use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use longhaul_shared::settings::Environment;
use serde_json::{Value, json};

use longhaul_finops::Finops;
use longhaul_worker::analysis::{Analysis, Context, Failure};
use model::Model;
use runtime::Runtime;

/// For how long nothing may come of an answer: a model that thinks before it speaks is silent for a minute.
const IDLE: Duration = Duration::from_secs(180);
/// What is said to what is no question about costs.
const NO_MODEL: &str = "No language model is configured here, so I can only answer questions about the \
    cloud bill, such as \"What was my S3 spend in May?\".";

pub struct Chat {
    by: By,
}

/// Who answers.
enum By {
    Bill(Finops),
    Model(Box<Model>, Option<Finops>),
    Runtime(Runtime),
}

impl Chat {
    /// Answers from the bill that this reads, and nothing else.
    pub fn new(finops: Finops) -> Self {
        Self {
            by: By::Bill(finops),
        }
    }

    /// By the model of `CHAT_MODEL_ID` or the agent runtime of `CHAT_AGENT_RUNTIME_ARN`, else by the bill;
    /// none where there is none of them.
    ///
    /// # Errors
    /// Both are set, or the model's settings are malformed.
    pub fn configured(config: &Environment, finops: Option<Finops>) -> Result<Option<Self>> {
        let runtime = config.optional("CHAT_AGENT_RUNTIME_ARN");
        let by = match (Model::configured(config)?, runtime) {
            (Some(_), Some(_)) => {
                bail!("CHAT_MODEL_ID and CHAT_AGENT_RUNTIME_ARN are both set: one of them answers")
            }
            (Some(model), None) => By::Model(Box::new(model), finops),
            (None, Some(arn)) => By::Runtime(Runtime::new(arn.to_owned())),
            (None, None) => match finops {
                Some(finops) => By::Bill(finops),
                None => return Ok(None),
            },
        };
        Ok(Some(Self { by }))
    }
}

#[async_trait]
impl Analysis for Chat {
    fn kind(&self) -> &'static str {
        "chat"
    }

    async fn run(&self, context: &Context) -> Result<Value, Failure> {
        let mut result = match &self.by {
            By::Bill(finops) => by_the_bill(finops, context).await?,
            By::Model(model, finops) => model.answer(context, finops.as_ref()).await?,
            By::Runtime(runtime) => runtime.answer(context).await?,
        };
        result["agent"] = "chat".into();
        // How many earlier turns it was given: a front end can see what is still remembered.
        result["remembered"] = context.history().len().into();
        Ok(result)
    }
}

async fn by_the_bill(finops: &Finops, context: &Context) -> Result<Value, Failure> {
    let result = match finops.on_costs(context).await? {
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
    use longhaul_finops::{Services, Source, write_sample};
    use longhaul_worker::analysis::{AnalysisInput, HistoryTurn};
    use longhaul_worker::testing;

    /// The result, and what was streamed.
    async fn ask(query: &str, history: Vec<HistoryTurn>) -> (Value, String) {
        let mut bill = tempfile::NamedTempFile::new().unwrap();
        write_sample(500, 1, &mut bill).unwrap();
        let chat = Chat::new(Finops::new(
            Source::at(&bill.path().to_string_lossy(), true),
            Services::default(),
        ));
        let about = AnalysisInput {
            history,
            ..testing::question(query)
        };
        let run = testing::run(&chat, about).await;
        (run.result.unwrap(), run.streamed)
    }

    #[tokio::test]
    async fn what_is_streamed_is_the_response() {
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
    async fn a_question_goes_on_with_the_turns_before_it() {
        let past = |message: &str| HistoryTurn {
            message: message.into(),
            answer: "".into(),
        };
        let said = vec![past("What was my S3 spend in May?"), past("Tell me a joke")];
        let (result, _) = ask("and in April?", said).await;
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
            response.contains("going on with the question before"),
            "{response}"
        );
    }

    #[tokio::test]
    async fn it_says_how_many_turns_it_remembers() {
        let past = HistoryTurn {
            message: "a".into(),
            answer: "b".into(),
        };
        let (result, _) = ask("Tell me a joke", vec![past.clone(), past]).await;
        assert_eq!(result["remembered"], 2);
    }

    #[test]
    fn one_of_them_answers() {
        let configured = |model: &str, runtime: &str, tokens: &str| {
            let config = Environment::given([
                ("CHAT_MODEL_ID", model.to_owned()),
                ("CHAT_AGENT_RUNTIME_ARN", runtime.to_owned()),
                ("CHAT_MAX_TOKENS", tokens.to_owned()),
            ]);
            Chat::configured(&config, None)
        };
        assert!(configured("", "", "").unwrap().is_none());
        let (model, runtime) = (configured("m", "", "9"), configured("", "arn:r", ""));
        assert!(matches!(model.unwrap().unwrap().by, By::Model(..)));
        assert!(matches!(runtime.unwrap().unwrap().by, By::Runtime(_)));
        assert!(configured("m", "arn:r", "9").is_err());
        assert!(configured("m", "", "many").is_err());
    }
}
