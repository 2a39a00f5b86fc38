//! The answer to a question that has none: the unknown words, and the nearest questions that can be answered.

use serde_json::{Value, json};

use crate::answer::answer_parts::AnswerParts;
use crate::answer::phrases::{MAX_LISTED, capitalised};
use crate::question::compile;
use crate::text::sanitize::escape;

impl AnswerParts<'_> {
    /// The whole answer of a question that has none. It has no figures.
    pub(crate) fn refusal(&self) -> String {
        let mut text = self.unknown_text();
        let columns: Vec<&str> = self
            .question
            .columns()
            .into_iter()
            .filter(|column| !column.is_read())
            .map(|column| column.name())
            .collect();
        if !columns.is_empty() {
            text += &format!(" The column {} of a bill is not read.", columns.join(", "));
        }
        if text.is_empty() {
            text = "I can't answer this from the bill.".to_string();
        }
        let nearest: Vec<String> = self
            .question
            .nearest()
            .iter()
            .map(|nearest| format!("- {}", capitalised(&self.plan_words(nearest))))
            .collect();
        let mut parts = vec![text.trim_start().to_string()];
        if self.question.understood {
            parts.push(format!(
                "What I can answer instead:\n\n{}",
                nearest.join("\n")
            ));
        } else {
            parts.push("I answer questions about the bill, such as \"What was my S3 spend in May?\" or \"cost by account and month\".".to_string());
        }
        let notes = self
            .notes
            .iter()
            .take(MAX_LISTED)
            .map(|note| format!("- {note}"));
        let notes = notes.collect::<Vec<_>>().join("\n");
        if !notes.is_empty() {
            parts.push(notes);
        }
        if self.sample {
            parts.push(format!(
                "The bill is the generated sample {}.",
                escape(self.source)
            ));
        }
        parts.join("\n\n")
    }

    /// The plans that the refusal offers.
    pub(crate) fn nearest_plans(&self) -> Value {
        let questions = self.question.nearest();
        let plans = questions.iter().filter(|_| self.question.understood);
        plans
            .map(|nearest| json!(compile::plan(nearest, self.ledger)))
            .collect()
    }
}
