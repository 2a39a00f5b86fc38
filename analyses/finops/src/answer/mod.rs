//! Answers from what was read: figures, sentences, Markdown and JSON. Pure.

pub(crate) mod compose;
mod families;
mod grouping_labels;
mod json;
mod markdown;
mod phrases;
mod sections;
