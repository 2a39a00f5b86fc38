//! Tells a follow-up question from one that stands alone.

use crate::text::tokens::{Tokens, normalized};

/// How a follow-up question starts.
const STARTS: &[&str] = &[
    "and",
    "only",
    "just",
    "now",
    "same",
    "but",
    "also",
    "then",
    "instead",
    "in",
    "by",
    "for",
    "per",
    "without",
    "excluding",
    "exclude",
    "except",
    "include",
    "including",
    "on",
    "since",
    "what about",
    "how about",
    "break",
    "split",
    "group",
    "drill",
    "remove",
    "drop",
    "leave out",
    "filter",
    "as",
];

/// How a follow-up refers to the answer before it.
const REFERENCES: &[&str] = &[
    "that down",
    "this down",
    "it down",
    "those down",
    "them down",
    "split this",
    "split that",
    "split it",
    "show it",
    "show that",
    "show them",
    "the same",
    "is that",
    "was that",
    "are those",
    "of that",
    "of those",
    "of these",
    "for that",
    "month before",
    "in that",
    "from that",
    "behind that",
    "drill down",
    "group it",
    "group that",
    "group them",
    "sort it",
];

/// Words of follow-ups that restrict nothing.
const FILLERS: &[&str] = &[
    "about", "only", "just", "now", "same", "but", "also", "then", "instead", "else", "too",
    "that", "it", "those", "them", "down", "break", "split", "group", "drill", "show", "can",
    "mostly", "mainly", "as", "include",
];

/// Whether a question continues the one before it.
pub(super) fn is_follow_up(tokens: &Tokens) -> bool {
    let starts = STARTS
        .iter()
        .any(|start| tokens.phrase_at(0, &normalized(start)).is_some());
    starts
        || REFERENCES
            .iter()
            .any(|phrase| tokens.mentions(&normalized(phrase)))
}

pub(super) fn mark_fillers_used(tokens: &mut Tokens) {
    tokens.mark_any_used(FILLERS);
}
