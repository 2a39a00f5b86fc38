//! Parses the last question of a conversation; a follow-up takes what it does not name from the question before it.

use std::collections::BTreeSet;

use crate::bill::charge_details::ChargeDetails;
use crate::bill::focus_column::FocusColumn;
use crate::bill::ledger::Ledger;
use crate::question::follow_up;
use crate::question::parse::Question;
use crate::question::period::Period;
use crate::question::query_plan::QueryPlan;
use crate::question::resolve;
use crate::question::spelling;
use crate::text::tokens::Tokens;

/// Names of a bill beside those of its ledger that the conversation mentions.
#[derive(Debug, Default)]
pub(crate) struct MentionedTexts<'a> {
    pub descriptions: BTreeSet<&'a str>,
    pub units: BTreeSet<&'a str>,
}

impl<'a> MentionedTexts<'a> {
    pub(crate) fn of(details: &'a ChargeDetails) -> Self {
        Self {
            descriptions: details.values(FocusColumn::ChargeDescription),
            units: details.values(FocusColumn::ConsumedUnit),
        }
    }
}

impl Question {
    /// Parses the last question without what a bill mentions beside its names.
    pub(crate) fn parse_last(turns: &[Tokens], ledger: &Ledger) -> Self {
        Self::parse_conversation(turns, ledger, &MentionedTexts::default())
    }

    /// Parses the last question of a conversation.
    pub(crate) fn parse_conversation(
        turns: &[Tokens],
        ledger: &Ledger,
        texts: &MentionedTexts<'_>,
    ) -> Self {
        let mut last: Option<Self> = None;
        for (at, tokens) in turns.iter().enumerate() {
            let read = match tokens.plan() {
                Some(plan) => Self::of_plan(plan, ledger),
                None => {
                    let tokens = spelling::translated(tokens);
                    let before = last.as_ref().filter(|_| follow_up::is_follow_up(&tokens));
                    Self::parse_corrected(tokens, ledger, texts, before)
                }
            };
            // Turns about other things are skipped.
            if read.understood || at + 1 == turns.len() {
                last = Some(read);
            }
        }
        last.unwrap_or_default()
    }

    /// The question of a plan that was sent. It was validated when the job began.
    fn of_plan(plan: &str, ledger: &Ledger) -> Self {
        let plan = serde_json::from_str::<QueryPlan>(plan).ok();
        plan.and_then(|plan| resolve::question(&plan, ledger).ok())
            .unwrap_or_default()
    }

    /// Parses a question, and once more with its unknown words respelled where that leaves fewer of them.
    fn parse_corrected(
        tokens: Tokens,
        ledger: &Ledger,
        texts: &MentionedTexts<'_>,
        before: Option<&Self>,
    ) -> Self {
        let parse = |tokens: Tokens| match before {
            Some(before) => Self::parse_follow_up(tokens, ledger, texts, before),
            None => Self::parse_with(tokens, ledger, texts, None),
        };
        let read = parse(tokens.clone());
        let unknown = read.not_understood.iter().map(|part| Tokens::of(part));
        let unknown: BTreeSet<String> = unknown
            .flat_map(|part| {
                (0..part.len())
                    .map(|at| part.text(at).to_string())
                    .collect::<Vec<_>>()
            })
            .collect();
        if unknown.is_empty() {
            return read;
        }
        let known = super::unknown_words::known_words(ledger);
        match spelling::corrected(&tokens, &unknown, &known) {
            Some((tokens, respelled)) => {
                let better = parse(tokens);
                match better.not_understood.len() < read.not_understood.len() {
                    true => Self {
                        respelled,
                        ..better
                    },
                    false => read,
                }
            }
            None => read,
        }
    }

    /// Parses a follow-up, which takes what it does not name from the previous question.
    fn parse_follow_up(
        mut tokens: Tokens,
        ledger: &Ledger,
        texts: &MentionedTexts<'_>,
        before: &Self,
    ) -> Self {
        follow_up::mark_fillers_used(&mut tokens);
        let mut question = Self::parse_with(tokens, ledger, texts, Some(before));
        question.inherit_filter(before);
        if question.period.is_none() {
            question.period.clone_from(&before.period);
            question.base_period.clone_from(&before.base_period);
            if let (Some(period), Some(shift)) = (&before.period, &question.shift) {
                question.period = period.shifted(shift);
                question.base_period = None;
                question.understood = true;
            }
        }
        if question.period.is_none() && question.intent.compares_periods() {
            question.period = ledger.days.and_then(|(_, last)| Period::last_month(last));
        }
        question.filter.days = question
            .period
            .as_ref()
            .map(|period| (period.start, period.end));
        if question.top.is_none() && !question.ascending && question.intent == before.intent {
            question.ascending = before.ascending;
        }
        question.top = question
            .top
            .or(before.top.filter(|_| !question.grouping_named));
        if !question.grouping_named && before.grouping_named {
            question.grouping.clone_from(&before.grouping);
            question.second_grouping.clone_from(&before.second_grouping);
            question.grouping_named = true;
        } else if !question.grouping_named && question.grouping.is_some() {
            question.grouping = before
                .grouping
                .is_some()
                .then(|| question.default_grouping());
        }
        question.continues_previous = true;
        question
    }

    /// Takes the restrictions that it does not name itself.
    fn inherit_filter(&mut self, before: &Self) {
        let missing = !self.missing_services.is_empty();
        let filter = &mut self.filter;
        for (own, inherited) in [
            (&mut filter.services, &before.filter.services),
            (&mut filter.accounts, &before.filter.accounts),
            (&mut filter.regions, &before.filter.regions),
        ] {
            if own.included.is_empty() && own.excluded.is_empty() && !missing {
                own.clone_from(inherited);
            }
        }
        for (key, values) in &before.filter.tags {
            let own = filter.tags.entry(key.clone());
            own.or_insert_with(|| values.clone());
        }
        for (key, values) in &before.filter.tags_excluded {
            let own = filter.tags_excluded.entry(key.clone());
            own.or_insert_with(|| values.clone());
        }
        for (column, texts) in &before.filter.columns {
            let own = filter.columns.entry(*column);
            own.or_insert_with(|| texts.clone());
        }
        filter.weekend = filter.weekend.or(before.filter.weekend);
    }
}
