//! Words that no rule used: which they are, whether the question depends on them, and which known words they may be meant
//! as.

use std::collections::BTreeSet;

use crate::bill::ledger::Ledger;
use crate::question::service_names;
use crate::question::stop_words::is_stop_word;
use crate::text::tokens::{Tokens, normalized};

/// The words that a typing error may be meant as: the bill's names, and the nouns of groupings and periods.
pub(super) fn known_words(ledger: &Ledger) -> BTreeSet<String> {
    const NOUNS: &str = "service services account accounts region regions month months quarter weekly monthly daily \
        forecast budget coverage anomalies trend compare production development staging january february march \
        april june july august september october november december credits taxes resource resources effective";
    let mut words: BTreeSet<String> = NOUNS.split_whitespace().map(str::to_string).collect();
    words.extend(service_names::phrases(&ledger.services.keys).into_keys());
    let names = [&ledger.accounts, &ledger.regions]
        .into_iter()
        .flat_map(|values| &values.names);
    let parts = names
        .flatten()
        .flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    words.extend(parts.map(normalized));
    for key in ledger.tags.keys.keys() {
        words.insert(key.clone());
        words.extend(ledger.tags.values(key).map(normalized));
    }
    words.remove("");
    words
}

/// Naming the only provider of a bill restricts nothing.
pub(super) fn mark_only_provider_used(tokens: &mut Tokens, ledger: &Ledger) {
    if ledger.providers.len() == 1
        && let Some(provider) = ledger.providers.first()
    {
        tokens.mark_any_used(&[&normalized(provider)]);
    }
}

/// Whether an unused word stands where a question says what it is about: after `by`, `per` or `which`.
pub(super) fn has_unknown_noun(tokens: &Tokens) -> bool {
    const LEADS: [&str; 8] = [
        "by", "per", "each", "every", "across", "which", "many", "vs",
    ];
    let decides = ["many", "untagged"]
        .iter()
        .any(|word| tokens.mentions(word));
    decides
        || (1..tokens.len()).any(|at| {
            let unknown = tokens
                .unused(at)
                .is_some_and(|word| !is_stop_word(&word.text));
            let before = (0..at)
                .rev()
                .find(|before| !matches!(tokens.text(*before), "the" | "my" | "our"));
            unknown && before.is_some_and(|before| LEADS.contains(&tokens.text(before)))
        })
}

/// Runs of unused tokens, without stop words at their ends.
pub(super) fn unused_phrases(tokens: &Tokens) -> Vec<String> {
    let is_significant = |index: usize| {
        tokens
            .unused(index)
            .is_some_and(|word| !is_stop_word(&word.text))
    };
    let mut runs = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if !is_significant(at) {
            at += 1;
            continue;
        }
        let end = (at + 1..=tokens.len())
            .find(|end| !is_significant(*end))
            .unwrap_or(tokens.len());
        runs.push(tokens.original_text(at, end));
        at = end;
    }
    if tokens.was_truncated() {
        runs.push(format!("everything after the first {} words", tokens.len()));
    }
    runs
}
