//! Parses a question against the names of a bill: its measure, its family, its layout, what it is restricted to and its
//! periods.
//!
//! Nothing is guessed: words that no rule uses are listed in [`Question::not_understood`] and reported in the
//! answer.

use crate::bill::charge_filter::ChargeFilter;
use crate::bill::focus_column::FocusColumn;
use crate::bill::grouping::Grouping;
use crate::bill::ledger::Ledger;
use crate::bill::measure::Measure;
use crate::question::compile;
use crate::question::conversation::MentionedTexts;
use crate::question::groupings::{explicit_groupings, implied_groupings};
use crate::question::intent::Intent;
use crate::question::layout::{daily_average, monthly_average, ranking};
use crate::question::period::{self, Period};
use crate::question::restrictions;
use crate::question::thresholds;
pub(crate) use crate::question::understood::Question;
use crate::question::unknown_words::{has_unknown_noun, mark_only_provider_used, unused_phrases};
use crate::question::{forecast_period, name_filters, period_shift};
use crate::text::tokens::Tokens;

impl Question {
    /// Parses a question by itself. With an empty ledger no name is found.
    #[cfg(test)]
    pub(crate) fn parse(tokens: Tokens, ledger: &Ledger) -> Self {
        Self::parse_with(tokens, ledger, &MentionedTexts::default(), None)
    }

    /// `before` is the previous question, whose family and measure a follow-up takes where it names none.
    pub(super) fn parse_with(
        original_tokens: Tokens,
        ledger: &Ledger,
        texts: &MentionedTexts<'_>,
        before: Option<&Self>,
    ) -> Self {
        let mut tokens = original_tokens.clone();
        let (measure, rate_asked) = thresholds::measure(&mut tokens);
        let mut given = ChargeFilter::default();
        restrictions::column_values(&mut tokens, &mut given);
        restrictions::untagged(&mut tokens, ledger, &mut given);
        let having = thresholds::having(&mut tokens, ledger);
        let share_asked = thresholds::share(&mut tokens);
        let mut intent = match having.is_empty() {
            true => Intent::detect(&mut tokens),
            false => Intent::Breakdown,
        };
        // `paid upfront for reservations` asks for charges of a category.
        if intent == Intent::Coverage && !given.columns.is_empty() {
            intent = Intent::Breakdown;
        }
        let named = intent != Intent::Breakdown;
        if let Some(before) = before.filter(|_| !named) {
            intent = before.intent.clone();
        }
        let unit = match measure {
            None | Some(Measure::Quantity) if intent == Intent::Breakdown => {
                thresholds::unit(&mut tokens, &texts.units, measure.is_some())
            }
            _ => None,
        };
        let mut question = Self::parse_layout(&mut tokens, ledger, intent == Intent::Breakdown);
        question.filter = given;
        question.measure = measure
            .or(before.map(|before| before.measure))
            .unwrap_or_default();
        if let Some(unit) = unit {
            question.measure = Measure::Quantity;
            let units = question.filter.columns.entry(FocusColumn::ConsumedUnit);
            units.or_default().included.insert(unit);
        }
        question.rate_asked = rate_asked;
        question.having = having;
        question.share_asked = share_asked;
        question.restrict(&mut tokens, ledger, texts, intent.needs_usage());
        let shift = (intent.compares_periods() || before.is_some())
            .then(|| period_shift::find(&mut tokens))
            .flatten();
        question.find_periods(
            &mut tokens,
            ledger,
            &intent,
            shift.as_deref(),
            before.is_some(),
        );
        let apart = intent == Intent::Comparison
            || (intent == Intent::Change && original_tokens.mentions("or"));
        if named && apart && question.base_period.is_none() {
            match (question.compared_dimension(), &intent) {
                (Some(grouping), _) => {
                    match &question.grouping {
                        Some(named) if named.is_time() && question.second_grouping.is_none() => {
                            question.second_grouping = Some(grouping);
                        }
                        _ => question.grouping = question.grouping.or(Some(grouping)),
                    }
                    if intent == Intent::Change {
                        question.period = None;
                        let mut again = original_tokens.clone();
                        let days = ledger.days;
                        question.period =
                            days.and_then(|(first, last)| period::find(&mut again, first, last));
                    }
                    intent = Intent::Breakdown;
                }
                (None, Intent::Change) => {}
                // The compared things were not understood, so the word `compare` is reported as not understood.
                (None, _) => return Self::parse_as_breakdown(original_tokens, ledger, texts),
            }
        }
        question.intent = intent;
        question.shift = shift;
        question.finish(tokens, ledger, texts, named)
    }

    /// Parses the layout. The smallest first and the mean per day exist only in a breakdown.
    fn parse_layout(tokens: &mut Tokens, ledger: &Ledger, breakdown: bool) -> Self {
        let daily_average_asked = breakdown && daily_average(tokens);
        let monthly_average_asked = breakdown && monthly_average(tokens);
        let (top, ascending, skipped) = ranking(tokens, breakdown);
        let mut groupings = explicit_groupings(tokens, ledger).into_iter();
        Self {
            top,
            skipped,
            ascending,
            daily_average_asked,
            monthly_average_asked,
            grouping: groupings.next(),
            second_grouping: groupings.next(),
            ..Self::default()
        }
    }

    /// Parses what the question is restricted to. Families that need usage have only the ledger's own dimensions.
    fn restrict(
        &mut self,
        tokens: &mut Tokens,
        ledger: &Ledger,
        texts: &MentionedTexts<'_>,
        needs_usage: bool,
    ) {
        let filter = &mut self.filter;
        if !needs_usage {
            restrictions::described_services(tokens, ledger, &texts.descriptions, filter);
        }
        self.missing_services = name_filters::apply_names(tokens, ledger, filter);
        restrictions::places(tokens, ledger, filter);
        if !needs_usage {
            restrictions::descriptions(tokens, &texts.descriptions, 2, filter);
        }
        name_filters::apply_tag_values(tokens, ledger, filter);
        if self.grouping != Some(Grouping::WeekPart) && self.grouping != Some(Grouping::Weekday) {
            filter.weekend = restrictions::week_part(tokens);
        }
    }

    fn find_periods(
        &mut self,
        tokens: &mut Tokens,
        ledger: &Ledger,
        intent: &Intent,
        shift: Option<&str>,
        follows: bool,
    ) {
        let Some((first, last)) = ledger.days else {
            return;
        };
        if intent.compares_periods() {
            let (first_period, second_period) = period::find_two(tokens, first, last);
            let alone = !follows && (*intent != Intent::Comparison || shift.is_some());
            let usual = alone.then(|| Period::last_month(last)).flatten();
            self.set_periods(first_period.or(usual), second_period, shift);
            tokens.mark_any_used(&["between"]);
        } else if *intent == Intent::Forecast {
            self.period = forecast_period::find(tokens, last);
        } else {
            self.period = period::find(tokens, first, last);
        }
        // `2026 so far`, `year so far`.
        if tokens.mentions("sofar")
            && let (Some(period), Ok(end)) = (&mut self.period, last.tomorrow())
        {
            period.end = period.end.min(end);
        }
    }

    /// Parses a question that belongs to no family.
    fn parse_as_breakdown(mut tokens: Tokens, ledger: &Ledger, texts: &MentionedTexts<'_>) -> Self {
        let mut given = ChargeFilter::default();
        restrictions::column_values(&mut tokens, &mut given);
        let mut question = Self::parse_layout(&mut tokens, ledger, true);
        question.filter = given;
        question.restrict(&mut tokens, ledger, texts, false);
        question.period = ledger
            .days
            .and_then(|(first, last)| period::find(&mut tokens, first, last));
        question.finish(tokens, ledger, texts, false)
    }

    /// Parses what is left: an implied grouping, a unit, descriptions and the total. The rest is not understood.
    fn finish(
        mut self,
        mut tokens: Tokens,
        ledger: &Ledger,
        texts: &MentionedTexts<'_>,
        named: bool,
    ) -> Self {
        self.filter.days = self
            .period
            .as_ref()
            .map(|period| (period.start, period.end));
        self.find_implied_groupings(&mut tokens, ledger);
        let measured = self.measure != Measure::Billed || self.share_asked;
        if !self.intent.needs_usage() {
            restrictions::descriptions(&mut tokens, &texts.descriptions, 1, &mut self.filter);
        }
        self.grouping_named = self.grouping.is_some();
        let total = tokens.mark_any_used(&[
            "total",
            "totals",
            "overall",
            "altogether",
            "sum",
            "totalling",
        ]);
        if self.grouping.is_none() && !total && !self.having.is_empty() {
            self.grouping = Some(self.default_grouping());
        }
        if self.grouping.is_none() && !total {
            self.grouping = Some(self.default_grouping());
        }
        if let Some(Grouping::Tag(key)) = &self.grouping {
            tokens.mark_any_used(&[key, &format!("{key}s")]);
        }
        // `the largest cost contributors` are several.
        if tokens.mark_any_used(&["contributors", "drivers"]) && self.top == Some(1) {
            self.top = None;
        }
        // `Which team spends the most`, `who spent the most`: the groups are in that order.
        self.first_asked = ["which", "who", "what", "where"]
            .iter()
            .any(|word| tokens.mentions(word))
            && tokens.mark_any_used(&["most", "mostly", "mainly"])
            || self.first_asked;
        if !self.filter.services.included.is_empty() {
            tokens.mark_any_used(APPOSITIONS);
        }
        if self.intent == Intent::Anomalies {
            tokens.mark_any_used(&["day", "days"]);
        }
        self.unnamed_tag_asked = tokens.mark_any_used(&["tag", "tags", "tagged"])
            && !matches!(self.grouping, Some(Grouping::Tag(_)))
            && self.filter.tags.is_empty();
        self.understood = total
            || named
            || measured
            || self.top.is_some()
            || self.ascending
            || self.daily_average_asked
            || self.grouping_named
            || self.period.is_some()
            || !self.missing_services.is_empty()
            || self.is_restricted();
        mark_only_provider_used(&mut tokens, ledger);
        self.unknown_decides = has_unknown_noun(&tokens);
        self.not_understood = unused_phrases(&tokens);
        self.not_understood.extend(self.dropped_groupings(ledger));
        self
    }

    /// Groupings that the family does not have. They are never dropped without a word.
    fn dropped_groupings(&self, ledger: &Ledger) -> Vec<String> {
        let has = |grouping: &Grouping| match self.intent {
            Intent::Breakdown => {
                !self.daily_average_asked || grouping.is_time() || !self.grouping_named
            }
            Intent::Comparison | Intent::Change => {
                self.second_grouping.is_none() && !grouping.is_of_days()
            }
            Intent::Trend | Intent::Budget(_) => {
                matches!(grouping, Grouping::Month | Grouping::Day)
            }
            Intent::Forecast | Intent::UnitCost(_) | Intent::Coverage => {
                *grouping == Grouping::Month
            }
            Intent::Why => matches!(
                grouping,
                Grouping::Service | Grouping::Account | Grouping::Region
            ),
            Intent::Anomalies | Intent::Savings => {
                matches!(grouping, Grouping::Service | Grouping::Day)
                    || *grouping == Grouping::Column(FocusColumn::ResourceId)
            }
        };
        let named = self.groupings().filter(|_| self.grouping_named);
        let dropped = named.filter(|grouping| !has(grouping));
        dropped
            .map(|grouping| format!("by {}", compile::group_name(grouping, ledger)))
            .collect()
    }

    fn find_implied_groupings(&mut self, tokens: &mut Tokens, ledger: &Ledger) {
        if self.grouping.is_none() {
            let mut implied = implied_groupings(tokens, ledger).into_iter();
            self.grouping = implied.next();
            self.second_grouping = implied.next();
        }
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
}

/// What people call what a service provides, beside its name.
const APPOSITIONS: &[&str] = &[
    "storage",
    "object",
    "database",
    "databases",
    "compute",
    "networking",
    "instances",
    "instance",
    "functions",
    "function",
    "buckets",
    "bucket",
    "tables",
    "queues",
    "serverless",
    "resources",
];
