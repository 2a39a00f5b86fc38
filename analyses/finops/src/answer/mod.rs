//! Answers from what was read: figures, sentences, Markdown and JSON. Pure.

mod answer_parts;
pub(crate) mod compose;
mod families;
mod grouping_labels;
mod json;
mod markdown;
mod measured_ledger;
mod phrases;
mod plan_words;
mod summary;
mod unanswered;
