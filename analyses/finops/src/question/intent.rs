//! Which family a question belongs to, by its words alone: it is known before the bill is read.
//!
//! It takes the words that say so. What they are applied to is read elsewhere.

use rust_decimal::Decimal;

use crate::question::amounts::{self, Figure};
use crate::text::tokens::Words;
use crate::text::tokens::singular;

/// The families of questions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Intent {
    /// What was billed, by whatever it is grouped.
    #[default]
    Breakdown,
    /// Of two periods that the question names.
    Comparison,
    /// A period beside the one before it.
    Change,
    Trend,
    Why,
    Forecast,
    Anomalies,
    UnitCost(Unit),
    Budget(Budget),
    Coverage,
    Savings,
}

/// What a cost is divided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Every unit that is consumed.
    Any,
    /// So many of this unit of consumption, joined and in the singular.
    Consumed { unit: String, many: u32 },
    /// So many of something that the bill does not know.
    Given { count: Decimal, noun: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Budget {
    /// `None` if the question names none.
    pub amount: Option<Decimal>,
    /// Whether it is for each month.
    pub monthly: bool,
}

const WHY: &str = "why caused cause causes drove drives driver drivers driving explain explains explanation \
    reason reasons behind";
const FORECAST: &str = "forecast forecasts forecasted predict predicted prediction projected projection projections \
    estimate estimated expect expected will";
const ANOMALIES: &str = "anomaly anomalies anomalous unusual unusually spike spikes outlier outliers abnormal \
    unexpected strange odd";
const COVERAGE: &str = "coverage covered utilisation utilization utilised utilized";
const COMMITMENTS: &str = "commitment commitments committed reservation reservations reserved instances instance \
    savings plan plans discount discounts ri ris";
const SAVINGS: &str = "save saving savings recommend recommendation recommendations optimise optimize optimisation \
    optimization optimisations optimizations reduce waste wasted wasting cheaper idle unused";
/// What commitments are called, when nothing else is said of them.
const COMMITTED: &str = "commitment commitments committed reservation reservations reserved";
const SAVING: &str =
    "cut where potential opportunities opportunity resources lower possible should estimated";
const TREND: &str = "trend trends trending develop developed developing evolve evolved evolving \
    evolution overtime";
const COMPARISON: &str =
    "compare compared comparing comparison versus vs against difference differ differences than";
const CHANGES: &str = "rise rose risen rising increase increased increases increasing grow grew grown growing \
    growth jump jumped change changed changes drop dropped fall fell fallen falling decrease \
    decreased decline declined declining higher lower climb climbed went more less";
/// Words beside those, which mean nothing more.
const AROUND: &str = "up down go going gone happened behave behaved";

impl Intent {
    /// Finds the family and takes its words; of a question that belongs to none, no word.
    pub(crate) fn read(words: &mut Words) -> Self {
        if let Some(budget) = budget(words) {
            return Self::Budget(budget);
        }
        if take(words, WHY, &[CHANGES, AROUND, ANOMALIES, COMPARISON]) {
            return Self::Why;
        }
        if take(
            words,
            ANOMALIES,
            &["anything detected detect something where when"],
        ) {
            return Self::Anomalies;
        }
        if take(
            words,
            COVERAGE,
            &[COMMITMENTS, "rate percentage percent share well"],
        ) {
            return Self::Coverage;
        }
        if let Some(unit) = unit(words) {
            return Self::UnitCost(unit);
        }
        // `next` belongs to the period.
        if has(words, FORECAST) || has(words, "next") {
            take(words, FORECAST, &["likely probably going"]);
            return Self::Forecast;
        }
        if take(words, SAVINGS, &[SAVING]) {
            return Self::Savings;
        }
        if take(words, COMMITTED, &[COMMITMENTS, "well"]) {
            return Self::Coverage;
        }
        let apart = "yearoveryear yearonyear monthovermonth monthonmonth";
        let over = has(words, "over since during") && !has(words, COMPARISON) && !has(words, apart);
        if has(words, TREND) || (over && has(words, CHANGES)) {
            take(words, TREND, &[]);
            take(words, CHANGES, &[AROUND]);
            return Self::Trend;
        }
        // These say how far the two are apart, and are taken with the periods.
        if take(words, COMPARISON, &[CHANGES, AROUND]) || has(words, apart) {
            take(words, CHANGES, &[AROUND]);
            return Self::Comparison;
        }
        if take(words, CHANGES, &[AROUND]) {
            return Self::Change;
        }
        Self::Breakdown
    }

    /// Whether it needs more of a row than its cost.
    pub(crate) fn measures(&self) -> bool {
        matches!(self, Self::UnitCost(_) | Self::Coverage | Self::Savings)
    }

    /// Whether it is about two periods.
    pub(crate) fn of_two_periods(&self) -> bool {
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

/// Whether one of these words stands there; a phrase is one of them without its spaces.
fn has(words: &Words, any: &str) -> bool {
    any.split(' ').any(|word| words.mention(word))
}

/// Takes all of these words, and what stands around them, if any of them is there.
fn take(words: &mut Words, any: &str, around: &[&str]) -> bool {
    let mut taken = false;
    for at in 0..words.len() {
        if let Some(end) = any
            .split(' ')
            .filter_map(|word| words.phrase_at(at, word))
            .max()
        {
            words.take(at, end);
            taken = true;
        }
    }
    if taken {
        for list in around {
            take_words(words, list);
        }
    }
    taken
}

fn take_words(words: &mut Words, list: &str) -> bool {
    words.take_any(&list.split(' ').collect::<Vec<_>>())
}

/// `a budget of 30,000 USD`, `a monthly budget of $30k`, `under 30,000 USD`.
fn budget(words: &mut Words) -> Option<Budget> {
    const BOUNDS: &str = "under below within exceed exceeded exceeds over";
    let named = has(words, "budget budgets budgeted");
    let enough = has(words, "enough");
    let bound = |at: usize| BOUNDS.split(' ').any(|word| word == words.text(at));
    let leads = |at: usize| {
        bound(at)
            || matches!(
                words.text(at),
                "of" | "budget" | "is" | "was" | "budgeted" | "a"
            )
    };
    let found = (0..words.len()).find_map(|start| {
        let figure = amounts::at(words, start)?;
        let before = start.checked_sub(1);
        let led = before.is_some_and(leads) && figure.value >= Decimal::from(100);
        let fits = if named {
            figure.money || led
        } else {
            figure.money && (enough || before.is_some_and(bound))
        };
        fits.then_some((start, figure))
    });
    if !named && found.is_none() {
        return None;
    }
    let mut monthly = words.take_any(&["monthly"]);
    if let Some((start, Figure { end, .. })) = found {
        words.take(start, end);
        if matches!(words.free_text(end), "a" | "per" | "each" | "every")
            && words.free_text(end + 1) == "month"
        {
            words.take(end, end + 2);
            monthly = true;
        }
    }
    take_words(
        words,
        "budget budgets budgeted stay stayed keep kept enough left remaining remains meet met against if",
    );
    take_words(words, BOUNDS);
    Some(Budget {
        amount: found.map(|(_, figure)| figure.value),
        monthly,
    })
}

const UNITS: &str = "gbmonth gbmonths gbhour gbhours gbsecond gbseconds vcpuhour vcpuhours hour hours gb gib tb \
    request requests second seconds key keys minute minutes call calls message messages event \
    events iops query queries";

/// `unit cost`, `per GB`, `per million requests`, `per customer with 1,200 customers`.
fn unit(words: &mut Words) -> Option<Unit> {
    for at in 0..words.len() {
        if !matches!(words.free_text(at), "per" | "each" | "a" | "an" | "for") {
            continue;
        }
        let (many, unit_at) = match words.free_text(at + 1) {
            "thousand" => (1_000, at + 2),
            "million" => (1_000_000, at + 2),
            _ => match amounts::at(words, at + 1) {
                Some(figure) => (u32::try_from(figure.value).unwrap_or(1).max(1), figure.end),
                None => (1, at + 1),
            },
        };
        let said = words.free_text(at) == "per" || many > 1;
        let unit = UNITS
            .split(' ')
            .filter_map(|unit| Some((words.phrase_at(unit_at, unit)?, unit)))
            .max();
        if let Some((end, unit)) = unit.filter(|_| said || priced(words)) {
            words.take(at, end);
            words.take_any(&["price", "unit"]);
            return Some(Unit::Consumed {
                unit: singular(unit),
                many,
            });
        }
        if words.free_text(at) == "per"
            && let Some(given) = given(words, at)
        {
            return Some(given);
        }
    }
    let at = (0..words.len()).find(|at| {
        words.free_text(*at) == "unit"
            && matches!(
                words.free_text(at + 1),
                "cost" | "costs" | "price" | "prices"
            )
    })?;
    words.take(at, at + 2);
    Some(Unit::Any)
}

fn priced(words: &Words) -> bool {
    has(words, "price unitcost")
}

/// `per order` where the question has `8,000 orders` too.
fn given(words: &mut Words, per: usize) -> Option<Unit> {
    let noun = singular(words.free_text(per + 1));
    if noun.is_empty() {
        return None;
    }
    let found = (0..words.len()).find_map(|start| {
        let figure = amounts::at(words, start)?;
        let counted = singular(words.free_text(figure.end)) == noun && figure.value > Decimal::ZERO;
        counted.then_some((start, figure))
    });
    let (start, figure) = found?;
    words.take(start, figure.end + 1);
    words.take(per, per + 2);
    Some(Unit::Given {
        count: figure.value,
        noun,
    })
}
