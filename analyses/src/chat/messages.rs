//! What a model is sent: the conversation's turns as Converse's messages, what it asked of its tool and was
//! answered, and the tool.
//!
//! Pure. Converse's rules are kept here: roles alternate, the first is the user's, no text is blank.

use std::collections::HashMap;

use aws_sdk_bedrockruntime::error::BuildError;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, Message, Tool, ToolConfiguration, ToolInputSchema,
    ToolResultBlock, ToolResultContentBlock, ToolResultStatus, ToolSpecification, ToolUseBlock,
};
use serde::{Deserialize, Serialize};

use super::usage::Usage;
use longhaul_worker::analysis::HistoryTurn;

/// The one tool, by the name of the analysis that it is.
pub const TOOL: &str = "finops";

/// What a model is told of itself.
pub const SYSTEM: &str = "You are the assistant of an application for its users. Answer in the language of \
    the question, in Markdown, briefly and plainly. Say so when you don't know something; never make up \
    figures.";
/// And of its tool, where it has one.
pub const OF_THE_TOOL: &str = "Each figure about cloud costs must come from the tool finops, which reads the \
    real bill. Ask it one plain question at a time, complete in itself, such as \"What was my S3 spend in May \
    2026?\", and keep its figures and periods exactly as it gives them.";

/// One round of an answer: what the model said until it stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    pub text: String,
    pub calls: Vec<Call>,
    /// Converse's reason, such as `end_turn`.
    pub stop: String,
    pub usage: Usage,
}

/// A question to the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub id: String,
    pub tool: String,
    /// `None` where what it was given is no question.
    pub question: Option<String>,
}

/// What the tool answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub text: String,
    pub failed: bool,
}

/// A round that asked the tool, and what that answered to each of its questions.
#[derive(Debug, Clone, Serialize)]
pub struct Exchange {
    pub round: Round,
    pub told: Vec<Told>,
}

/// All that is said up to now.
pub fn messages(
    history: &[HistoryTurn],
    query: &str,
    exchanges: &[Exchange],
) -> Result<Vec<Message>, BuildError> {
    let mut said: Vec<(ConversationRole, Vec<ContentBlock>)> = vec![];
    let mut say = |role: ConversationRole, blocks: Vec<ContentBlock>| match said.last_mut() {
        _ if blocks.is_empty() => {}
        // A turn that was never answered, before the next.
        Some((last, before)) if *last == role => before.extend(blocks),
        _ => said.push((role, blocks)),
    };
    for turn in history {
        say(ConversationRole::User, text(&turn.message));
        say(ConversationRole::Assistant, text(&turn.answer));
    }
    say(ConversationRole::User, text(query));
    for Exchange { round, told } in exchanges {
        let mut blocks = text(&round.text);
        let mut answers = vec![];
        for (call, told) in round.calls.iter().zip(told) {
            blocks.push(ContentBlock::ToolUse(asked(call)?));
            answers.push(ContentBlock::ToolResult(answered(call, told)?));
        }
        say(ConversationRole::Assistant, blocks);
        say(ConversationRole::User, answers);
    }
    // An answer before any question, where the history was cut.
    let first = said
        .iter()
        .position(|(role, _)| *role == ConversationRole::User);
    let said = said.into_iter().skip(first.unwrap_or_default());
    said.map(|(role, blocks)| {
        Message::builder()
            .role(role)
            .set_content(Some(blocks))
            .build()
    })
    .collect()
}

fn text(text: &str) -> Vec<ContentBlock> {
    let is_blank = text.trim().is_empty();
    (!is_blank)
        .then(|| ContentBlock::Text(text.to_owned()))
        .into_iter()
        .collect()
}

fn asked(call: &Call) -> Result<ToolUseBlock, BuildError> {
    let question = call.question.as_deref().unwrap_or_default();
    let input = HashMap::from([("question".to_owned(), question.into())]);
    ToolUseBlock::builder()
        .tool_use_id(&call.id)
        .name(&call.tool)
        .input(input.into())
        .build()
}

fn answered(call: &Call, told: &Told) -> Result<ToolResultBlock, BuildError> {
    let status = match told.failed {
        true => ToolResultStatus::Error,
        false => ToolResultStatus::Success,
    };
    ToolResultBlock::builder()
        .tool_use_id(&call.id)
        .content(ToolResultContentBlock::Text(told.text.clone()))
        .status(status)
        .build()
}

/// The tool, with a JSON schema of what it takes.
pub fn tools() -> Result<ToolConfiguration, BuildError> {
    let what = HashMap::from([
        ("type".to_owned(), "string".into()),
        (
            "description".to_owned(),
            "A question about cloud costs in plain English, complete in itself.".into(),
        ),
    ]);
    let properties = HashMap::from([("question".to_owned(), what.into())]);
    let schema = HashMap::from([
        ("type".to_owned(), "object".into()),
        ("properties".to_owned(), properties.into()),
        ("required".to_owned(), vec!["question".into()].into()),
    ]);
    let specification = ToolSpecification::builder()
        .name(TOOL)
        .description(
            "Answers questions about the cloud bill: sums, comparisons, trends, forecasts, anomalies, savings.",
        )
        .input_schema(ToolInputSchema::Json(schema.into()))
        .build()?;
    ToolConfiguration::builder()
        .tools(Tool::ToolSpec(specification))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(message: &str, answer: &str) -> HistoryTurn {
        HistoryTurn {
            message: message.into(),
            answer: answer.into(),
        }
    }

    #[test]
    fn roles_alternate_whatever_was_left_unanswered() {
        let call = Call {
            id: "t1".into(),
            tool: TOOL.into(),
            question: Some("How much?".into()),
        };
        let round = Round {
            calls: vec![call],
            stop: "tool_use".into(),
            ..Round::default()
        };
        let told = vec![Told {
            text: "12".into(),
            failed: false,
        }];
        let exchange = Exchange { round, told };
        for history in [
            vec![],
            vec![turn("a", "b"), turn("c", ""), turn("d", " ")],
            vec![turn("", "b"), turn("c", "d")],
            vec![turn(" ", ""), turn("", "b")],
        ] {
            let all = messages(&history, "and?", &[exchange.clone(), exchange.clone()]).unwrap();
            assert_eq!(all[0].role, ConversationRole::User, "{all:?}");
            for pair in all.windows(2) {
                assert_ne!(pair[0].role, pair[1].role, "{all:?}");
            }
            let last = all.last().unwrap();
            assert!(last.content[0].is_tool_result(), "{all:?}");
            let blank =
                |block: &ContentBlock| block.as_text().is_ok_and(|text| text.trim().is_empty());
            assert!(!all.iter().any(|message| message.content.iter().any(blank)));
        }
    }
}
