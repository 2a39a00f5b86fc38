//! Parses a question against the names of a bill.
//!
//! Nothing is guessed: words that no rule uses are listed in [`Question::not_understood`] and reported in the
//! answer.

use crate::bill::charge_filter::ChargeFilter;
use crate::bill::grouping::{GroupOrder, Grouping};
use crate::bill::ledger::Ledger;
use crate::question::intent::Intent;
use crate::question::layout::{daily_average, explicit_grouping, implied_grouping, ranking};
use crate::question::period::{self, Period};
use crate::question::stop_words::is_stop_word;
use crate::question::{forecast_period, name_filters, period_shift};
use crate::text::tokens::{Tokens, normalized};

/// A parsed question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Question {
    pub intent: Intent,
    pub filter: ChargeFilter,
    /// `None` asks for the total alone.
    pub grouping: Option<Grouping>,
    /// Whether the question named the grouping.
    pub grouping_named: bool,
    pub top: Option<usize>,
    /// Whether the smallest comes first.
    pub ascending: bool,
    /// Whether the mean per day is asked for.
    pub daily_average_asked: bool,
    /// `None` is the whole bill.
    pub period: Option<Period>,
    /// The period that `period` is compared with, where the question names one.
    pub base_period: Option<Period>,
    /// How far the compared period lies before the other; see [`period_shift::find`].
    shift: Option<String>,
    /// Known services that are asked for and not in the bill, by full name.
    pub missing_services: Vec<String>,
    /// The unused parts of the question, as they were written.
    pub not_understood: Vec<String>,
    /// Whether tags are asked for without naming one that the bill has.
    pub unnamed_tag_asked: bool,
    /// Whether anything was understood.
    pub understood: bool,
    /// Whether open parts were taken from the previous question.
    pub continues_previous: bool,
}

/// How a follow-up question starts.
const FOLLOW_UP_STARTS: &[&str] = &[
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
    "except",
    "on",
    "since",
    "what about",
    "how about",
];

impl Question {
    /// Parses the last question of a conversation; a follow-up takes open parts from the one before it.
    pub(crate) fn parse_last(turns: &[Tokens], ledger: &Ledger) -> Self {
        let mut last: Option<Self> = None;
        for (at, tokens) in turns.iter().enumerate() {
            let before = last.as_ref().filter(|_| is_follow_up(tokens));
            let read = match before {
                Some(before) => Self::parse_follow_up(tokens.clone(), ledger, before),
                None => Self::parse(tokens.clone(), ledger),
            };
            // Turns about other things are skipped.
            if read.understood || at + 1 == turns.len() {
                last = Some(read);
            }
        }
        last.unwrap_or_default()
    }

    /// Parses a question by itself. With an empty ledger no name is found.
    pub(crate) fn parse(tokens: Tokens, ledger: &Ledger) -> Self {
        Self::parse_with(tokens, ledger, None)
    }

    /// Parses a follow-up, which takes what it does not name from the previous question.
    fn parse_follow_up(mut tokens: Tokens, ledger: &Ledger, before: &Self) -> Self {
        tokens.mark_any_used(&[
            "about", "only", "just", "now", "same", "but", "also", "then", "instead", "else", "too",
        ]);
        let mut question = Self::parse_with(tokens, ledger, Some(&before.intent));
        let filter = &mut question.filter;
        for (own, inherited) in [
            (&mut filter.services, &before.filter.services),
            (&mut filter.accounts, &before.filter.accounts),
            (&mut filter.regions, &before.filter.regions),
        ] {
            if own.included.is_empty()
                && own.excluded.is_empty()
                && question.missing_services.is_empty()
            {
                own.clone_from(inherited);
            }
        }
        for (key, values) in &before.filter.tags {
            filter
                .tags
                .entry(key.clone())
                .or_insert_with(|| values.clone());
        }
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
        question.top = question.top.or(before.top);
        if !question.grouping_named && before.grouping_named {
            question.grouping.clone_from(&before.grouping);
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

    /// `inherited` is the family of the previous question, used where this one names none.
    fn parse_with(original_tokens: Tokens, ledger: &Ledger, inherited: Option<&Intent>) -> Self {
        let mut tokens = original_tokens.clone();
        let mut intent = Intent::detect(&mut tokens);
        let named = intent != Intent::Breakdown;
        if !named && let Some(inherited) = inherited {
            intent = inherited.clone();
        }
        let mut question = Self::parse_layout(&mut tokens, ledger, intent == Intent::Breakdown);
        question.missing_services =
            name_filters::apply_names(&mut tokens, ledger, &mut question.filter);
        let shift = (intent.compares_periods() || inherited.is_some())
            .then(|| period_shift::find(&mut tokens))
            .flatten();
        if let Some((first, last)) = ledger.days {
            if intent.compares_periods() {
                let (first_period, second_period) = period::find_two(&mut tokens, first, last);
                let alone =
                    inherited.is_none() && (intent != Intent::Comparison || shift.is_some());
                let usual = alone.then(|| Period::last_month(last)).flatten();
                question.set_periods(first_period.or(usual), second_period, shift.as_deref());
                tokens.mark_any_used(&["between"]);
            } else if intent == Intent::Forecast {
                question.period = forecast_period::find(&mut tokens, last);
            } else {
                question.period = period::find(&mut tokens, first, last);
            }
        }
        if named && intent == Intent::Comparison && question.base_period.is_none() {
            match question.compared_dimension() {
                Some(grouping) => question.grouping = question.grouping.or(Some(grouping)),
                // The compared things were not understood, so the word `compare` is reported as not understood.
                None => return Self::parse_as_breakdown(original_tokens, ledger),
            }
            intent = Intent::Breakdown;
        }
        question.intent = intent;
        question.shift = shift;
        question.finish(tokens, ledger, named)
    }

    /// Parses the layout. The smallest first and the mean per day exist only in a breakdown.
    fn parse_layout(tokens: &mut Tokens, ledger: &Ledger, breakdown: bool) -> Self {
        let daily_average_asked = breakdown && daily_average(tokens);
        let (top, ascending) = ranking(tokens, breakdown);
        Self {
            top,
            ascending,
            daily_average_asked,
            grouping: explicit_grouping(tokens, ledger),
            ..Self::default()
        }
    }

    /// Parses a question that belongs to no family.
    fn parse_as_breakdown(mut tokens: Tokens, ledger: &Ledger) -> Self {
        let mut question = Self::parse_layout(&mut tokens, ledger, true);
        question.missing_services =
            name_filters::apply_names(&mut tokens, ledger, &mut question.filter);
        question.period = ledger
            .days
            .and_then(|(first, last)| period::find(&mut tokens, first, last));
        question.finish(tokens, ledger, false)
    }

    /// Parses what is left: an implied grouping and the total. The rest is not understood.
    fn finish(mut self, mut tokens: Tokens, ledger: &Ledger, named: bool) -> Self {
        self.filter.days = self
            .period
            .as_ref()
            .map(|period| (period.start, period.end));
        self.grouping = self
            .grouping
            .or_else(|| implied_grouping(&mut tokens, ledger));
        self.grouping_named = self.grouping.is_some();
        let total = tokens.mark_any_used(&["total", "overall", "altogether", "sum"]);
        if self.grouping.is_none() && !total {
            self.grouping = Some(self.default_grouping());
        }
        if let Some(Grouping::Tag(key)) = &self.grouping {
            tokens.mark_any_used(&[key, &format!("{key}s")]);
        }
        if self.intent == Intent::Anomalies {
            tokens.mark_any_used(&["day", "days"]);
        }
        self.unnamed_tag_asked = tokens.mark_any_used(&["tag", "tags", "tagged"])
            && !matches!(self.grouping, Some(Grouping::Tag(_)))
            && self.filter.tags.is_empty();
        self.understood = total
            || named
            || self.top.is_some()
            || self.ascending
            || self.daily_average_asked
            || self.grouping_named
            || self.period.is_some()
            || !self.missing_services.is_empty()
            || ChargeFilter {
                days: None,
                ..self.filter.clone()
            } != ChargeFilter::default();
        mark_only_provider_used(&mut tokens, ledger);
        self.not_understood = unused_phrases(&tokens);
        self
    }

    /// Sets the later period as the one asked about. With a shift, the other one is computed from it.
    fn set_periods(
        &mut self,
        first_period: Option<Period>,
        second_period: Option<Period>,
        shift: Option<&str>,
    ) {
        let (period, base_period) = match (first_period, second_period) {
            // `March vs March of the previous year` names its month twice.
            (Some(a), Some(b)) if a.start == b.start => (Some(a), None),
            (Some(a), Some(b)) if a.start < b.start => (Some(b), Some(a)),
            (period, base_period) => (period, base_period),
        };
        self.base_period = base_period.or_else(|| period.as_ref()?.shifted(shift?));
        self.period = period;
    }

    /// The dimension with several values in the question.
    fn compared_dimension(&self) -> Option<Grouping> {
        let tag = self.filter.tags.iter().find(|(_, values)| values.len() > 1);
        if self.filter.services.included.len() > 1 {
            Some(Grouping::Service)
        } else if self.filter.accounts.included.len() > 1 {
            Some(Grouping::Account)
        } else if self.filter.regions.included.len() > 1 {
            Some(Grouping::Region)
        } else {
            tag.map(|(key, _)| Grouping::Tag(key.clone()))
        }
    }

    /// The order of the answer's groups.
    pub(crate) fn order(&self) -> GroupOrder {
        let in_time = matches!(self.grouping, Some(Grouping::Day | Grouping::Month));
        match self.top {
            _ if self.ascending => GroupOrder::Smallest,
            None if in_time => GroupOrder::Time,
            _ => GroupOrder::Largest,
        }
    }

    /// Whether the question asks only for services that the bill does not have.
    pub(crate) fn asks_only_for_missing_services(&self) -> bool {
        !self.missing_services.is_empty() && self.filter.services.included.is_empty()
    }

    /// By account for one service, by region for one service in one account, else by service.
    fn default_grouping(&self) -> Grouping {
        match (
            self.filter.services.included.len(),
            self.filter.accounts.included.len(),
        ) {
            (1, 1) => Grouping::Region,
            (1, _) => Grouping::Account,
            _ => Grouping::Service,
        }
    }
}

/// Whether a question starts as a follow-up does.
fn is_follow_up(tokens: &Tokens) -> bool {
    FOLLOW_UP_STARTS
        .iter()
        .any(|start| tokens.phrase_at(0, &normalized(start)).is_some())
}

/// Naming the only provider of a bill restricts nothing.
fn mark_only_provider_used(tokens: &mut Tokens, ledger: &Ledger) {
    if ledger.providers.len() == 1
        && let Some(provider) = ledger.providers.first()
    {
        tokens.mark_any_used(&[&normalized(provider)]);
    }
}

/// Runs of unused tokens, without stop words at their ends.
fn unused_phrases(tokens: &Tokens) -> Vec<String> {
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
