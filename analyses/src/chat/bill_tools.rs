//! The tools by which a model reads the bill: it describes it, follows a plan, or answers a question in words.

use std::collections::HashMap;

use aws_sdk_bedrockruntime::error::BuildError;
use aws_sdk_bedrockruntime::types::{Tool, ToolConfiguration, ToolInputSchema, ToolSpecification};
use aws_smithy_types::{Document, Number};
use longhaul_finops::{Finops, plan_schema};
use longhaul_worker::analysis::{Context, Failure};
use serde_json::{Value, json};

use super::tool_call::ToolCall;

/// Answers a question in words.
pub const ASK: &str = "finops";
/// Says what the bill has.
pub const DESCRIBE: &str = "describe_bill";
/// Follows a plan.
pub const QUERY: &str = "query_bill";

/// What a tool call comes to: an answer with its figures, a text, or an error for the model.
pub enum Reply {
    Answer(Value),
    Text(String),
    Error(String),
}

/// The tools, with the JSON Schema of each one's input.
pub fn tools() -> Result<ToolConfiguration, BuildError> {
    let question = json!({
        "type": "object", "required": ["question"],
        "properties": {"question": {
            "type": "string",
            "description": "A question about cloud costs in plain English, complete in itself.",
        }},
    });
    let plan = json!({
        "type": "object", "required": ["plan"], "properties": {"plan": plan_schema()},
    });
    let nothing = json!({"type": "object", "properties": {}});
    let mut tools = ToolConfiguration::builder();
    for (name, description, schema) in [
        (
            ASK,
            "Answers questions about the cloud bill: sums, comparisons, trends, forecasts, anomalies, savings.",
            question,
        ),
        (
            DESCRIBE,
            "Says what the bill has: its days, services, accounts, regions, tag keys, currencies, measures and columns.",
            nothing,
        ),
        (
            QUERY,
            "Follows a plan over the bill exactly, with names as describe_bill gives them, and returns the figures.",
            plan,
        ),
    ] {
        let specification = ToolSpecification::builder()
            .name(name)
            .description(description)
            .input_schema(ToolInputSchema::Json(document(&schema)))
            .build()?;
        tools = tools.tools(Tool::ToolSpec(specification));
    }
    tools.build()
}

/// Runs a call. The model reads of what can never succeed; what may succeed later is an error.
pub async fn run(context: &Context, finops: &Finops, call: &ToolCall) -> Result<Reply, Failure> {
    let context = context.with_question(call.question.as_deref().unwrap_or_default(), vec![]);
    let answered = match (call.tool.as_str(), &call.question, &call.plan) {
        (ASK, Some(_), _) => {
            let answer = finops.answer_if_about_costs(&context).await;
            answer.map(|answer| match answer {
                Some(answer) => Reply::Answer(answer),
                None => Reply::Error("The question is not about cloud costs.".to_owned()),
            })
        }
        (DESCRIBE, _, _) => {
            let described = finops.describe(&context).await;
            described.map(|described| Reply::Text(described.to_string()))
        }
        (QUERY, _, Some(plan)) => finops.answer_plan(&context, plan).await.map(Reply::Answer),
        _ => Ok(Reply::Error(format!(
            "The tools are {ASK}, whose input is a question, {DESCRIBE}, and {QUERY}, whose input is a plan."
        ))),
    };
    match answered {
        Err(Failure::Reject { message, .. }) => Ok(Reply::Error(message)),
        answered => answered,
    }
}

/// JSON as the SDK's own type.
pub fn document(value: &Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(flag) => Document::Bool(*flag),
        Value::String(text) => Document::String(text.clone()),
        Value::Array(items) => Document::Array(items.iter().map(document).collect()),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), document(value)));
            Document::Object(fields.collect::<HashMap<_, _>>())
        }
        Value::Number(number) => Document::Number(match (number.as_u64(), number.as_i64()) {
            (Some(whole), _) => Number::PosInt(whole),
            (_, Some(whole)) => Number::NegInt(whole),
            _ => Number::Float(number.as_f64().unwrap_or_default()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longhaul_finops::{AwsSources, BillSource, write_sample};
    use longhaul_worker::analysis::Analysis;
    use longhaul_worker::testing;

    /// An analysis that runs one call.
    struct OneCall {
        finops: Finops,
        call: ToolCall,
    }

    #[async_trait::async_trait]
    impl Analysis for OneCall {
        fn kind(&self) -> &'static str {
            "one-call"
        }

        async fn run(&self, context: &Context) -> Result<Value, Failure> {
            Ok(match run(context, &self.finops, &self.call).await? {
                Reply::Answer(answer) => answer,
                Reply::Text(text) => json!({"text": text}),
                Reply::Error(error) => json!({"error": error}),
            })
        }
    }

    async fn call(tool: &str, plan: Option<Value>) -> Value {
        let mut bill = tempfile::NamedTempFile::new().unwrap();
        write_sample(2_000, 1, &mut bill).unwrap();
        let source = BillSource::parse(&bill.path().to_string_lossy(), true);
        let call = OneCall {
            finops: Finops::new(source, AwsSources::default()),
            call: ToolCall {
                id: "t1".into(),
                tool: tool.into(),
                question: None,
                plan,
            },
        };
        testing::run(&call, testing::question(""))
            .await
            .result
            .unwrap()
    }

    #[tokio::test]
    async fn a_bill_is_described_and_a_plan_of_its_names_is_followed() {
        let described = call(DESCRIBE, None).await;
        let described: Value = serde_json::from_str(described["text"].as_str().unwrap()).unwrap();
        assert_eq!(described["days"]["last"], "2026-05-31");
        assert_eq!(
            described["tagKeys"],
            json!(["application", "environment", "team"])
        );
        let service = &described["services"][0];
        let plan = json!({
            "operation": "total", "filters": [{"column": "ServiceName", "in": [service]}],
            "period": {"start": "2026-05-01", "end": "2026-06-01"},
        });
        let answer = call(QUERY, Some(plan.clone())).await;
        assert_eq!(answer["cost_analysis"]["status"], "answered", "{answer}");
        assert_eq!(answer["cost_analysis"]["plan"]["period"], plan["period"]);
    }

    #[tokio::test]
    async fn a_plan_that_can_not_be_followed_is_told_to_the_model() {
        for (plan, said) in [
            (
                Some(json!({"operation": "guess"})),
                "params.plan: unknown variant `guess`",
            ),
            (None, "The tools are finops"),
        ] {
            let answer = call(QUERY, plan).await;
            let error = answer["error"].as_str().unwrap();
            assert!(error.contains(said), "{error}");
        }
    }
}
