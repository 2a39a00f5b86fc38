//! What a question asks of a bill, read with the bill's own names.
//!
//! Nothing is guessed: a word that no rule takes is listed in [`Question::ignored`], and the answer
//! says so. It reads no file and does no sum.

use crate::bill::charge_filter::Scope;
use crate::bill::grouping::{Grouping, Order};
use crate::bill::ledger::Ledger;
use crate::question::intent::Intent;
use crate::question::layout::{asked_grouping, daily_average, named_grouping, ranking};
use crate::question::period::{self, Period};
use crate::question::stop_words::is_filler;
use crate::question::{forecast_period, name_filters, period_shift};
use crate::text::tokens::{Words, joined};

/// A question, understood as far as it can be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Question {
    pub intent: Intent,
    pub scope: Scope,
    /// `None` asks for the total alone.
    pub grouping: Option<Grouping>,
    /// Whether the question named the grouping itself.
    pub grouping_asked: bool,
    pub top: Option<usize>,
    /// Whether the smallest comes first.
    pub ascending: bool,
    /// Whether the mean of the days is asked for.
    pub average: bool,
    /// `None` is the whole bill.
    pub period: Option<Period>,
    /// The period that `period` is compared with, where the question names one.
    pub base: Option<Period>,
    /// How far before another period its own lies; see [`period_shift::find`].
    shift: Option<String>,
    /// Services asked for that the bill does not have, by their full names.
    pub absent: Vec<String>,
    /// The parts of the question that were not used, in its own words.
    pub ignored: Vec<String>,
    /// Whether tags were asked for without one that the bill has.
    pub tag_sought: bool,
    /// Whether anything at all was understood.
    pub understood: bool,
    /// Whether what it leaves out was taken from the question before it.
    pub follows: bool,
}

/// How a question begins that goes on with the one before it.
const GOING_ON: &[&str] = &[
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
    /// Reads the last question of a conversation; each may go on with the one before it.
    pub(crate) fn read_last(turns: &[Words], ledger: &Ledger) -> Self {
        let mut last: Option<Self> = None;
        for (at, words) in turns.iter().enumerate() {
            let before = last.as_ref().filter(|_| goes_on(words));
            let read = match before {
                Some(before) => Self::following(words.clone(), ledger, before),
                None => Self::read(words.clone(), ledger),
            };
            // What was said in between about other things is passed over.
            if read.understood || at + 1 == turns.len() {
                last = Some(read);
            }
        }
        last.unwrap_or_default()
    }

    /// Reads a question by itself. An empty ledger makes everything absent.
    pub(crate) fn read(words: Words, ledger: &Ledger) -> Self {
        Self::read_as(words, ledger, None)
    }

    /// Reads a question that takes from the one before it what it does not name itself.
    fn following(mut words: Words, ledger: &Ledger, before: &Self) -> Self {
        words.take_any(&[
            "about", "only", "just", "now", "same", "but", "also", "then", "instead", "else", "too",
        ]);
        let mut question = Self::read_as(words, ledger, Some(&before.intent));
        let scope = &mut question.scope;
        for (own, inherited) in [
            (&mut scope.services, &before.scope.services),
            (&mut scope.accounts, &before.scope.accounts),
            (&mut scope.regions, &before.scope.regions),
        ] {
            if own.only.is_empty() && own.never.is_empty() && question.absent.is_empty() {
                own.clone_from(inherited);
            }
        }
        for (key, values) in &before.scope.tags {
            scope
                .tags
                .entry(key.clone())
                .or_insert_with(|| values.clone());
        }
        if question.period.is_none() {
            question.period.clone_from(&before.period);
            question.base.clone_from(&before.base);
            if let (Some(period), Some(shift)) = (&before.period, &question.shift) {
                question.period = period.shifted(shift);
                question.base = None;
                question.understood = true;
            }
        }
        if question.period.is_none() && question.intent.of_two_periods() {
            question.period = ledger.days.and_then(|(_, last)| Period::last_month(last));
        }
        question.scope.days = question
            .period
            .as_ref()
            .map(|period| (period.start, period.end));
        if question.top.is_none() && !question.ascending && question.intent == before.intent {
            question.ascending = before.ascending;
        }
        question.top = question.top.or(before.top);
        if !question.grouping_asked && before.grouping_asked {
            question.grouping.clone_from(&before.grouping);
            question.grouping_asked = true;
        } else if !question.grouping_asked && question.grouping.is_some() {
            question.grouping = before.grouping.is_some().then(|| question.usual_grouping());
        }
        question.follows = true;
        question
    }

    /// `inherited` is the family of the question before, for one that names none.
    fn read_as(unread: Words, ledger: &Ledger, inherited: Option<&Intent>) -> Self {
        let mut words = unread.clone();
        let mut intent = Intent::read(&mut words);
        let named = intent != Intent::Breakdown;
        if !named && let Some(inherited) = inherited {
            intent = inherited.clone();
        }
        let mut question = Self::laid_out(&mut words, ledger, intent == Intent::Breakdown);
        question.absent = name_filters::read(&mut words, ledger, &mut question.scope);
        let shift = (intent.of_two_periods() || inherited.is_some())
            .then(|| period_shift::find(&mut words))
            .flatten();
        if let Some((first, last)) = ledger.days {
            if intent.of_two_periods() {
                let (one, other) = period::find_two(&mut words, first, last);
                let alone =
                    inherited.is_none() && (intent != Intent::Comparison || shift.is_some());
                let usual = alone.then(|| Period::last_month(last)).flatten();
                question.take_periods(one.or(usual), other, shift.as_deref());
                words.take_any(&["between"]);
            } else if intent == Intent::Forecast {
                question.period = forecast_period::find(&mut words, last);
            } else {
                question.period = period::find(&mut words, first, last);
            }
        }
        if named && intent == Intent::Comparison && question.base.is_none() {
            match question.compared_dimension() {
                Some(grouping) => question.grouping = question.grouping.or(Some(grouping)),
                // What is compared with what is not understood, and so is said of the word.
                None => return Self::read_plain(unread, ledger),
            }
            intent = Intent::Breakdown;
        }
        question.intent = intent;
        question.shift = shift;
        question.finish(words, ledger, named)
    }

    /// How the answer is to be laid out; the smallest and the mean are known of a breakdown alone.
    fn laid_out(words: &mut Words, ledger: &Ledger, breakdown: bool) -> Self {
        let average = breakdown && daily_average(words);
        let (top, ascending) = ranking(words, breakdown);
        Self {
            top,
            ascending,
            average,
            grouping: asked_grouping(words, ledger),
            ..Self::default()
        }
    }

    /// Reads a question as one of no family.
    fn read_plain(mut words: Words, ledger: &Ledger) -> Self {
        let mut question = Self::laid_out(&mut words, ledger, true);
        question.absent = name_filters::read(&mut words, ledger, &mut question.scope);
        question.period = ledger
            .days
            .and_then(|(first, last)| period::find(&mut words, first, last));
        question.finish(words, ledger, false)
    }

    /// Reads what is left: the grouping by its noun, the total, and what nobody took.
    fn finish(mut self, mut words: Words, ledger: &Ledger, named: bool) -> Self {
        self.scope.days = self
            .period
            .as_ref()
            .map(|period| (period.start, period.end));
        self.grouping = self.grouping.or_else(|| named_grouping(&mut words, ledger));
        self.grouping_asked = self.grouping.is_some();
        let total = words.take_any(&["total", "overall", "altogether", "sum"]);
        if self.grouping.is_none() && !total {
            self.grouping = Some(self.usual_grouping());
        }
        if let Some(Grouping::Tag(key)) = &self.grouping {
            words.take_any(&[key, &format!("{key}s")]);
        }
        if self.intent == Intent::Anomalies {
            words.take_any(&["day", "days"]);
        }
        self.tag_sought = words.take_any(&["tag", "tags", "tagged"])
            && !matches!(self.grouping, Some(Grouping::Tag(_)))
            && self.scope.tags.is_empty();
        self.understood = total
            || named
            || self.top.is_some()
            || self.ascending
            || self.average
            || self.grouping_asked
            || self.period.is_some()
            || !self.absent.is_empty()
            || Scope {
                days: None,
                ..self.scope.clone()
            } != Scope::default();
        take_provider(&mut words, ledger);
        self.ignored = left_over(&words);
        self
    }

    /// The later one is asked about; with a shift, the other is found by it.
    fn take_periods(&mut self, one: Option<Period>, other: Option<Period>, shift: Option<&str>) {
        let (asked, base) = match (one, other) {
            // `March vs March of the previous year` names its month twice.
            (Some(a), Some(b)) if a.start == b.start => (Some(a), None),
            (Some(a), Some(b)) if a.start < b.start => (Some(b), Some(a)),
            (asked, base) => (asked, base),
        };
        self.base = base.or_else(|| asked.as_ref()?.shifted(shift?));
        self.period = asked;
    }

    /// The dimension of which the question names several values.
    fn compared_dimension(&self) -> Option<Grouping> {
        let tag = self.scope.tags.iter().find(|(_, values)| values.len() > 1);
        if self.scope.services.only.len() > 1 {
            Some(Grouping::Service)
        } else if self.scope.accounts.only.len() > 1 {
            Some(Grouping::Account)
        } else if self.scope.regions.only.len() > 1 {
            Some(Grouping::Region)
        } else {
            tag.map(|(key, _)| Grouping::Tag(key.clone()))
        }
    }

    /// In which order the answer's groups stand.
    pub(crate) fn order(&self) -> Order {
        let in_time = matches!(self.grouping, Some(Grouping::Day | Grouping::Month));
        match self.top {
            _ if self.ascending => Order::Smallest,
            None if in_time => Order::Time,
            _ => Order::Largest,
        }
    }

    /// Whether only services were asked for that the bill does not have.
    pub(crate) fn asks_only_for_absent(&self) -> bool {
        !self.absent.is_empty() && self.scope.services.only.is_empty()
    }

    /// One service is told apart by account, one service in one account by region, all else by service.
    fn usual_grouping(&self) -> Grouping {
        match (
            self.scope.services.only.len(),
            self.scope.accounts.only.len(),
        ) {
            (1, 1) => Grouping::Region,
            (1, _) => Grouping::Account,
            _ => Grouping::Service,
        }
    }
}

/// Whether a question begins as one that goes on with another.
fn goes_on(words: &Words) -> bool {
    GOING_ON
        .iter()
        .any(|start| words.phrase_at(0, &joined(start)).is_some())
}

/// Naming the only provider of a bill restricts nothing.
fn take_provider(words: &mut Words, ledger: &Ledger) {
    if ledger.providers.len() == 1
        && let Some(provider) = ledger.providers.first()
    {
        words.take_any(&[&joined(provider)]);
    }
}

/// Runs of unused words, without the filler at their ends.
fn left_over(words: &Words) -> Vec<String> {
    let telling = |index: usize| words.free(index).is_some_and(|word| !is_filler(&word.text));
    let mut runs = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if !telling(at) {
            at += 1;
            continue;
        }
        let end = (at + 1..=words.len())
            .find(|end| !telling(*end))
            .unwrap_or(words.len());
        runs.push(words.quote(at, end));
        at = end;
    }
    if words.was_cut() {
        runs.push(format!("everything after the first {} words", words.len()));
    }
    runs
}
