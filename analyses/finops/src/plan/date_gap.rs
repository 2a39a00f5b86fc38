//! Decides which days Cost Explorer is turns for, and by which two dimensions it groups them: the days that a
//! question needs and no bill has.

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::bill::money;
use crate::text::tokens::Tokens;

/// Its name in answers.
pub(crate) const COST_EXPLORER: &str = "Cost Explorer";
/// US dollars for each request and each page:
/// <https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/>.
pub(crate) const REQUEST_PRICE_USD: Decimal = Decimal::from_parts(1, 0, 0, false, 2);
/// Full months before this one for which Cost Explorer has daily charges.
const HISTORY_MONTHS: i64 = 13;
/// Full months before this one that are requested where the question names no period.
const DEFAULT_MONTHS: i64 = 2;

/// What Cost Explorer can group charges by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Dimension {
    Service,
    Account,
    Region,
}

/// Days that Cost Explorer is turns for: a first day and an exclusive end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DateGap {
    pub start: Date,
    pub end: Date,
    pub by: [Dimension; 2],
}

/// The days for which it has charges: from the first of a month to yesterday; the end is exclusive.
pub(crate) fn history_days(today: Date) -> (Date, Date) {
    (months_before(today, HISTORY_MONTHS), today)
}

/// The days that are requested where the question names none.
pub(crate) fn default_days(today: Date) -> (Date, Date) {
    (months_before(today, DEFAULT_MONTHS), today)
}

fn months_before(today: Date, months: i64) -> Date {
    let first = today.first_of_month();
    first.checked_sub(months.months()).unwrap_or(first)
}

/// The needed days that Cost Explorer has and no bill has. Ends are exclusive, except for the bill's last day.
pub(crate) fn date_gaps(
    needed: (Date, Date),
    billed: Option<(Date, Date)>,
    today: Date,
    turns: &[Tokens],
) -> Vec<DateGap> {
    let (from, until) = history_days(today);
    let (start, end) = (needed.0.max(from), needed.1.min(until));
    let parts = match billed {
        Some((first, last)) => {
            let after = last.tomorrow().unwrap_or(last);
            vec![(start, end.min(first)), (start.max(after), end)]
        }
        None => vec![(start, end)],
    };
    let by = dimensions(turns);
    let parts = parts.into_iter().filter(|(start, end)| start < end);
    parts
        .map(|(start, end)| DateGap { start, end, by })
        .collect()
}

/// The two dimensions that a conversation needs; its words tell whether it is about accounts or regions.
fn dimensions(turns: &[Tokens]) -> [Dimension; 2] {
    let any_token = |test: fn(&Tokens, usize) -> bool| {
        turns
            .iter()
            .any(|turn| (0..turn.len()).any(|at| test(turn, at)))
    };
    match (any_token(names_account), any_token(names_region)) {
        (true, true) => [Dimension::Account, Dimension::Region],
        (false, true) => [Dimension::Service, Dimension::Region],
        _ => [Dimension::Service, Dimension::Account],
    }
}

/// `account`, or twelve digits.
fn names_account(tokens: &Tokens, at: usize) -> bool {
    let text = tokens.text(at);
    text.contains("account") || (text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `region`, or an AWS region code such as `eu-west-1`.
fn names_region(tokens: &Tokens, at: usize) -> bool {
    const DIRECTIONS: [&str; 5] = ["north", "south", "east", "west", "central"];
    let text = tokens.text(at);
    let direction = |text: &str| {
        DIRECTIONS
            .iter()
            .any(|direction| text.starts_with(direction))
    };
    let (second, third) = (at + 1, at + 2);
    text.starts_with("region")
        || (third < tokens.len()
            && text.len() == 2
            && direction(tokens.text(second))
            && tokens.text(third).len() == 1
            && tokens.text(third).bytes().all(|byte| byte.is_ascii_digit()))
}

impl DateGap {
    /// Notes for the answer: which days came from Cost Explorer, and what the requests cost.
    pub(crate) fn answer_notes(&self, requests: u32) -> [String; 2] {
        let missing = match self.by {
            [Dimension::Service, Dimension::Account] => "regions",
            [Dimension::Service, _] => "accounts",
            _ => "services",
        };
        let (from, last) = (self.start, self.end.yesterday().unwrap_or(self.end));
        let cost = money::exact_text(REQUEST_PRICE_USD.saturating_mul(requests.into()));
        [
            format!(
                "The days from {from} to {last} are from {COST_EXPLORER}, which does not break them down by {missing} here."
            ),
            match requests {
                0 => "They were cached from an earlier request, so they cost nothing.".into(),
                1 => format!("They took one request, which cost {cost} USD."),
                _ => format!("They took {requests} requests, which cost {cost} USD."),
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn turns(question: &str) -> Vec<Tokens> {
        vec![Tokens::of(question)]
    }

    fn days(needed: (Date, Date), billed: Option<(Date, Date)>) -> Vec<(Date, Date)> {
        let date_gaps = date_gaps(needed, billed, date(2026, 6, 10), &turns("What?"));
        date_gaps.iter().map(|one| (one.start, one.end)).collect()
    }

    #[test]
    fn only_days_that_no_bill_has_are_requested() {
        let (march, june) = (date(2026, 3, 1), date(2026, 6, 1));
        assert_eq!(days((march, june), None), [(march, june)]);
        let bill = (date(2026, 4, 1), date(2026, 5, 20));
        let around = [(march, date(2026, 4, 1)), (date(2026, 5, 21), june)];
        assert_eq!(days((march, june), Some(bill)), around);
        assert_eq!(days((date(2026, 4, 2), date(2026, 5, 1)), Some(bill)), []);
        // Its history begins thirteen months before, and today is not over.
        let all = (date(2020, 1, 1), date(2030, 1, 1));
        assert_eq!(days(all, None), [(date(2025, 5, 1), date(2026, 6, 10))]);
        assert_eq!(days((date(2027, 1, 1), date(2028, 1, 1)), None), []);
    }

    #[test]
    fn the_question_decides_which_dimensions_are_grouped_by() {
        use Dimension::{Account, Region, Service};
        for (question, by) in [
            ("What did we spend?", [Service, Account]),
            ("By region, please", [Service, Region]),
            ("S3 in eu-west-1", [Service, Region]),
            ("EC2 in us-gov-west-1 and ap-southeast-2", [Service, Region]),
            ("by region for account 111122223333", [Account, Region]),
            ("What did 111122223333 cost?", [Service, Account]),
            ("an in-depth look at May 2 of us", [Service, Account]),
        ] {
            assert_eq!(dimensions(&turns(question)), by, "{question}");
        }
    }
}
