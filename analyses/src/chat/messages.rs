//! What a model is sent: the conversation as Converse's messages, and the tools' calls and results.
//!
//! Pure. Converse requires that roles alternate, that the first message is the user's, and that no text is blank.

use std::collections::HashMap;

use aws_sdk_bedrockruntime::error::BuildError;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, Message, ToolResultBlock, ToolResultContentBlock,
    ToolResultStatus, ToolUseBlock,
};
use serde::{Deserialize, Serialize};

use super::bill_tools;
use super::tool_call::ToolCall;
use super::usage::Usage;
use longhaul_worker::analysis::HistoryTurn;

/// The system prompt.
pub const SYSTEM_PROMPT: &str = "You are the assistant of an application for its users. Answer in the language of \
    the question, in Markdown, briefly and plainly. Say so when you don't know something; never make up \
    figures.";
/// The part of the system prompt about the tool, where there is one.
pub const TOOL_PROMPT: &str = "Each figure about cloud costs must come from the tools, which read the real bill. Call \
    describe_bill for its names, then query_bill with a plan of those names; or ask finops one plain question at a \
    time, complete in itself, such as \"What was my S3 spend in May 2026?\". Keep the figures and periods exactly as \
    they are given, and say what a status other than answered leaves out.";

/// One round of an answer: the model's output until it stopped. Saved as a step's result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    pub text: String,
    pub calls: Vec<ToolCall>,
    /// Converse's stop reason, such as `end_turn`.
    pub stop: String,
    pub usage: Usage,
}

/// A tool's result. Saved as a step's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    pub text: String,
    pub failed: bool,
}

/// A round that called the tool, and the results of its calls in their order. A part of the next round's step key.
#[derive(Debug, Clone, Serialize)]
pub struct Exchange {
    pub round: Round,
    /// Saved steps have it under this name.
    #[serde(rename = "told")]
    pub results: Vec<ToolResult>,
}

/// The conversation so far.
pub fn messages(
    history: &[HistoryTurn],
    query: &str,
    exchanges: &[Exchange],
) -> Result<Vec<Message>, BuildError> {
    let mut messages: Vec<(ConversationRole, Vec<ContentBlock>)> = vec![];
    let mut add = |role: ConversationRole, blocks: Vec<ContentBlock>| match messages.last_mut() {
        _ if blocks.is_empty() => {}
        // A turn without an answer is merged with the next turn.
        Some((last, earlier)) if *last == role => earlier.extend(blocks),
        _ => messages.push((role, blocks)),
    };
    for turn in history {
        add(ConversationRole::User, text(&turn.message));
        add(ConversationRole::Assistant, text(&turn.answer));
    }
    add(ConversationRole::User, text(query));
    for Exchange { round, results } in exchanges {
        let mut blocks = text(&round.text);
        let mut result_blocks = vec![];
        for (call, result) in round.calls.iter().zip(results) {
            blocks.push(ContentBlock::ToolUse(tool_use(call)?));
            result_blocks.push(ContentBlock::ToolResult(tool_result(call, result)?));
        }
        add(ConversationRole::Assistant, blocks);
        add(ConversationRole::User, result_blocks);
    }
    // A truncated history may begin with an answer.
    let first = messages
        .iter()
        .position(|(role, _)| *role == ConversationRole::User);
    let messages = messages.into_iter().skip(first.unwrap_or_default());
    messages
        .map(|(role, blocks)| {
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

fn tool_use(call: &ToolCall) -> Result<ToolUseBlock, BuildError> {
    let mut input = HashMap::new();
    if let Some(question) = &call.question {
        input.insert("question".to_owned(), question.as_str().into());
    }
    if let Some(plan) = &call.plan {
        input.insert("plan".to_owned(), bill_tools::document(plan));
    }
    ToolUseBlock::builder()
        .tool_use_id(&call.id)
        .name(&call.tool)
        .input(input.into())
        .build()
}

fn tool_result(call: &ToolCall, result: &ToolResult) -> Result<ToolResultBlock, BuildError> {
    let status = match result.failed {
        true => ToolResultStatus::Error,
        false => ToolResultStatus::Success,
    };
    ToolResultBlock::builder()
        .tool_use_id(&call.id)
        .content(ToolResultContentBlock::Text(result.text.clone()))
        .status(status)
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
    fn roles_alternate_whichever_turns_have_no_answer() {
        let call = ToolCall {
            id: "t1".into(),
            tool: bill_tools::ASK.into(),
            question: Some("How much?".into()),
            plan: None,
        };
        let round = Round {
            calls: vec![call],
            stop: "tool_use".into(),
            ..Round::default()
        };
        let results = vec![ToolResult {
            text: "12".into(),
            failed: false,
        }];
        let exchange = Exchange { round, results };
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
