//! Detects which family a question belongs to, by its words alone, so that it is known before the bill is read.

use rust_decimal::Decimal;

use crate::question::amounts::{self, QuestionAmount};
use crate::text::tokens::{Tokens, singular};

/// The families of questions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Intent {
    /// What was billed, by some grouping. The default.
    #[default]
    Breakdown,
    /// Two periods that the question names.
    Comparison,
    /// A period compared with the one before it.
    Change,
    Trend,
    Why,
    Forecast,
    Anomalies,
    UnitCost(CostUnit),
    Budget(Budget),
    Coverage,
    Savings,
}

/// What a cost is divided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CostUnit {
    /// Every unit that is consumed.
    Any,
    /// A number of this unit of consumption, normalized and in the singular.
    Consumed { unit: String, per_count: u32 },
    /// A number of something that the bill does not contain, such as customers.
    Given { count: Decimal, noun: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Budget {
    /// `None` if the question gives no amount.
    pub amount: Option<Decimal>,
    /// Whether the amount is for each month.
    pub monthly: bool,
}

const WHY_WORDS: &str = "why caused cause causes drove drives driver drivers driving explain explains explanation \
    reason reasons behind";
const FORECAST_WORDS: &str = "forecast forecasts forecasted predict predicted prediction projected projection projections \
    estimate estimated expect expected will goingtospend goingtopay goingtocost projectour projectmy projectthe";
const ANOMALY_WORDS: &str = "anomaly anomalies anomalous unusual unusually spike spikes outlier outliers abnormal \
    unexpected strange odd";
const COVERAGE_WORDS: &str = "coverage covered utilisation utilization utilised utilized";
const COMMITMENT_WORDS: &str = "commitment commitments committed reservation reservations reserved instances instance \
    discount discounts ri ris";
const SAVINGS_WORDS: &str = "save saving savings recommend recommendation recommendations optimise optimize optimisation \
    optimization optimisations optimizations reduce waste wasted wasting cheaper idle unused canilower canwelower \
    howtolower lowermy lowerour cutmy cutour";
/// Words for commitments that make a coverage question even without a word for coverage.
const COMMITMENT_NOUNS: &str = "commitment commitments committed reservation reservations reserved";
const SAVINGS_FILLERS: &str =
    "cut where potential opportunities opportunity resources lower possible should estimated";
const TREND_WORDS: &str = "trend trends trending develop developed developing evolve evolved evolving \
    evolution overtime";
const COMPARISON_WORDS: &str =
    "compare compared comparing comparison versus vs against difference differ differences than";
const CHANGE_WORDS: &str = "rise rose risen rising increase increased increases increasing grow grew grown growing \
    growth jump jumped change changed changes drop dropped fall fell fallen falling decrease \
    decreased decline declined declining higher lower climb climbed goneup gonedown goingup goingdown wentup \
    wentdown goup godown more less";
/// Words beside these that add no meaning.
const CHANGE_FILLERS: &str = "up down go going gone went happened behave behaved most";

impl Intent {
    /// Detects the family and marks its words as used. A breakdown has no words of its own.
    pub(crate) fn detect(tokens: &mut Tokens) -> Self {
        if let Some(budget) = budget(tokens) {
            return Self::Budget(budget);
        }
        if mark_with_fillers_used(
            tokens,
            WHY_WORDS,
            &[
                CHANGE_WORDS,
                CHANGE_FILLERS,
                ANOMALY_WORDS,
                COMPARISON_WORDS,
                "high low expensive",
            ],
        ) {
            return Self::Why;
        }
        if mark_with_fillers_used(
            tokens,
            ANOMALY_WORDS,
            &["anything detected detect something where when"],
        ) {
            return Self::Anomalies;
        }
        if mark_with_fillers_used(
            tokens,
            COVERAGE_WORDS,
            &[COMMITMENT_WORDS, "rate percentage percent share well"],
        ) {
            return Self::Coverage;
        }
        if let Some(unit) = unit(tokens) {
            return Self::UnitCost(unit);
        }
        // `next` belongs to the period, so it stays unused.
        if mentions_any(tokens, FORECAST_WORDS) || mentions_any(tokens, "next") {
            mark_with_fillers_used(tokens, FORECAST_WORDS, &["likely probably going"]);
            return Self::Forecast;
        }
        if mentions_any(tokens, "unused")
            && mark_with_fillers_used(
                tokens,
                COMMITMENT_NOUNS,
                &[COMMITMENT_WORDS, "unused goes go"],
            )
        {
            return Self::Coverage;
        }
        if mark_with_fillers_used(tokens, SAVINGS_WORDS, &[SAVINGS_FILLERS, COMMITMENT_WORDS]) {
            return Self::Savings;
        }
        if mark_with_fillers_used(tokens, COMMITMENT_NOUNS, &[COMMITMENT_WORDS, "well"]) {
            return Self::Coverage;
        }
        let year_over_year = "yearoveryear yearonyear monthovermonth monthonmonth";
        let over = mentions_any(tokens, "over since during")
            && !mentions_any(tokens, COMPARISON_WORDS)
            && !mentions_any(tokens, year_over_year);
        if mentions_any(tokens, TREND_WORDS) || (over && mentions_any(tokens, CHANGE_WORDS)) {
            mark_with_fillers_used(tokens, TREND_WORDS, &[]);
            mark_with_fillers_used(tokens, CHANGE_WORDS, &[CHANGE_FILLERS]);
            return Self::Trend;
        }
        // Phrases such as `year over year` say how far apart the two periods are; they are read with the periods.
        if mark_with_fillers_used(tokens, COMPARISON_WORDS, &[CHANGE_WORDS, CHANGE_FILLERS])
            || mentions_any(tokens, year_over_year)
        {
            mark_with_fillers_used(tokens, CHANGE_WORDS, &[CHANGE_FILLERS]);
            return Self::Comparison;
        }
        if mark_with_fillers_used(tokens, CHANGE_WORDS, &[CHANGE_FILLERS]) {
            return Self::Change;
        }
        Self::Breakdown
    }

    /// Whether it needs units, list prices or commitments besides costs.
    pub(crate) fn needs_usage(&self) -> bool {
        matches!(self, Self::UnitCost(_) | Self::Coverage | Self::Savings)
    }

    /// Whether it compares two periods.
    pub(crate) fn compares_periods(&self) -> bool {
        matches!(self, Self::Comparison | Self::Change | Self::Why)
    }

    /// Its name in the answer's data.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Breakdown => "breakdown",
            Self::Comparison | Self::Change => "comparison",
            Self::Trend => "trend",
            Self::Why => "why",
            Self::Forecast => "forecast",
            Self::Anomalies => "anomalies",
            Self::UnitCost(_) => "unitCost",
            Self::Budget(_) => "budget",
            Self::Coverage => "coverage",
            Self::Savings => "savings",
        }
    }
}

/// Whether one of these words occurs; a phrase is written without its spaces.
fn mentions_any(tokens: &Tokens, any: &str) -> bool {
    any.split(' ').any(|word| tokens.mentions(word))
}

/// Marks all of these words as used, and if there is one, the filler words too. Returns whether there is one.
fn mark_with_fillers_used(tokens: &mut Tokens, any: &str, fillers: &[&str]) -> bool {
    let mut found = false;
    for at in 0..tokens.len() {
        if let Some(end) = any
            .split(' ')
            .filter_map(|word| tokens.phrase_at(at, word))
            .max()
        {
            tokens.mark_used(at, end);
            found = true;
        }
    }
    if found {
        for list in fillers {
            mark_list_used(tokens, list);
        }
    }
    found
}

fn mark_list_used(tokens: &mut Tokens, list: &str) -> bool {
    tokens.mark_any_used(&list.split(' ').collect::<Vec<_>>())
}

/// `a budget of 30,000 USD`, `a monthly budget of $30k`, `under 30,000 USD`.
fn budget(tokens: &mut Tokens) -> Option<Budget> {
    const LIMIT_WORDS: &str = "under below within exceed exceeded exceeds over";
    let named = mentions_any(tokens, "budget budgets budgeted");
    let enough = mentions_any(tokens, "enough withinit stay stayed");
    let bound = |at: usize| LIMIT_WORDS.split(' ').any(|word| word == tokens.text(at));
    let leads = |at: usize| {
        bound(at)
            || matches!(
                tokens.text(at),
                "of" | "budget" | "is" | "was" | "budgeted" | "a"
            )
    };
    let found = (0..tokens.len()).find_map(|start| {
        let amount = amounts::amount_at(tokens, start)?;
        let before = start.checked_sub(1);
        let led = before.is_some_and(leads) && amount.value >= Decimal::from(100);
        let fits = if named {
            amount.is_money || led
        } else {
            amount.is_money && (enough || before.is_some_and(bound))
        };
        fits.then_some((start, amount))
    });
    if !named && found.is_none() {
        return None;
    }
    let mut monthly = tokens.mark_any_used(&["monthly"]);
    if let Some((start, QuestionAmount { end, .. })) = found {
        tokens.mark_used(start, end);
        if matches!(tokens.unused_text(end), "a" | "per" | "each" | "every")
            && tokens.unused_text(end + 1) == "month"
        {
            tokens.mark_used(end, end + 2);
            monthly = true;
        }
    }
    mark_list_used(
        tokens,
        "budget budgets budgeted stay stayed keep kept enough left remaining remains meet met against if",
    );
    mark_list_used(tokens, LIMIT_WORDS);
    Some(Budget {
        amount: found.map(|(_, amount)| amount.value),
        monthly,
    })
}

const CONSUMED_UNITS: &str = "gbmonth gbmonths gbhour gbhours gbsecond gbseconds vcpuhour vcpuhours hour hours gb gib tb \
    request requests second seconds key keys minute minutes call calls message messages event \
    events iops query queries";

/// `unit cost`, `per GB`, `per million requests`, `per customer with 1,200 customers`.
fn unit(tokens: &mut Tokens) -> Option<CostUnit> {
    for at in 0..tokens.len() {
        if !matches!(tokens.unused_text(at), "per" | "each" | "a" | "an" | "for") {
            continue;
        }
        let (per_count, unit_at) = match tokens.unused_text(at + 1) {
            "thousand" => (1_000, at + 2),
            "million" => (1_000_000, at + 2),
            _ => match amounts::amount_at(tokens, at + 1) {
                Some(amount) => (u32::try_from(amount.value).unwrap_or(1).max(1), amount.end),
                None => (1, at + 1),
            },
        };
        let named = tokens.unused_text(at) == "per" || per_count > 1;
        // `per million DynamoDB requests`: the name stays for the filter.
        let skipped = if per_count > 1 { 2 } else { 0 };
        let found = (unit_at..=unit_at + skipped).find_map(|start| {
            let units = CONSUMED_UNITS.split(' ');
            let units = units.filter_map(|unit| Some((tokens.phrase_at(start, unit)?, unit)));
            units.max().map(|(end, unit)| (start, end, unit))
        });
        let (unit_at, unit) = match found {
            Some((start, end, unit)) => (start, Some((end, unit))),
            None => (unit_at, None),
        };
        if let Some((end, unit)) = unit.filter(|_| named || priced(tokens)) {
            let lead =
                if tokens.text(at + 1).ends_with("illion") || tokens.text(at + 1) == "thousand" {
                    at + 2
                } else {
                    unit_at
                };
            tokens.mark_used(at, lead);
            tokens.mark_used(unit_at, end);
            tokens.mark_any_used(&["price", "unit", "data", "traffic", "through"]);
            return Some(CostUnit::Consumed {
                unit: singular(unit),
                per_count,
            });
        }
        if tokens.unused_text(at) == "per"
            && let Some(given) = given(tokens, at)
        {
            return Some(given);
        }
    }
    let at = (0..tokens.len()).find(|at| {
        tokens.unused_text(*at) == "unit"
            && matches!(
                tokens.unused_text(at + 1),
                "cost" | "costs" | "price" | "prices"
            )
    })?;
    tokens.mark_used(at, at + 2);
    Some(CostUnit::Any)
}

fn priced(tokens: &Tokens) -> bool {
    mentions_any(tokens, "price unitcost")
}

/// `per order` where the question also has `8,000 orders`.
fn given(tokens: &mut Tokens, per: usize) -> Option<CostUnit> {
    let noun = singular(tokens.unused_text(per + 1));
    if noun.is_empty() {
        return None;
    }
    let found = (0..tokens.len()).find_map(|start| {
        let amount = amounts::amount_at(tokens, start)?;
        let counted =
            singular(tokens.unused_text(amount.end)) == noun && amount.value > Decimal::ZERO;
        counted.then_some((start, amount))
    });
    let (start, amount) = found?;
    tokens.mark_used(start, amount.end + 1);
    tokens.mark_used(per, per + 2);
    Some(CostUnit::Given {
        count: amount.value,
        noun,
    })
}
