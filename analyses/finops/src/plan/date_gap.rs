//! Which days Cost Explorer is asked for, and by what it is to tell their charges apart: a question's words, the days
//! that it needs, and those that bills have decide that.
//!
//! Pure. Nothing is asked here.

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::bill::money;
use crate::text::tokens::Tokens;

/// What it is called in answers.
pub(crate) const COST_EXPLORER: &str = "Cost Explorer";
/// US dollars for each request, of each page: <https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/>.
pub(crate) const REQUEST_PRICE_USD: Decimal = Decimal::from_parts(1, 0, 0, false, 2);
/// The months before this one that it has by the day.
const HISTORY_MONTHS: i64 = 13;
/// Months before this one that are asked for where no time is named.
const DEFAULT_MONTHS: i64 = 2;
/// What a charge is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Dimension {
    Service,
    Account,
    Region,
}

/// Days that it is asked for: a start and an exclusive end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DateGap {
    pub start: Date,
    pub end: Date,
    pub by: [Dimension; 2],
}

/// The days that it has on this day: from the first of a month to yesterday, the end exclusive.
pub(crate) fn history_days(today: Date) -> (Date, Date) {
    (months_before(today, HISTORY_MONTHS), today)
}

/// The days that it is asked for where a question names none.
pub(crate) fn default_days(today: Date) -> (Date, Date) {
    (months_before(today, DEFAULT_MONTHS), today)
}

fn months_before(today: Date, months: i64) -> Date {
    let first = today.first_of_month();
    first.checked_sub(months.months()).unwrap_or(first)
}

/// What it is asked for: of the days that are needed those that it has and no bill has. Ends are exclusive, but for
/// the bill's last day.
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

/// Which two a conversation needs: its words tell whether accounts or regions matter to it.
fn dimensions(turns: &[Tokens]) -> [Dimension; 2] {
    let any_token = |of: fn(&Tokens, usize) -> bool| {
        turns
            .iter()
            .any(|turn| (0..turn.len()).any(|at| of(turn, at)))
    };
    match (any_token(names_account), any_token(names_region)) {
        (true, true) => [Dimension::Account, Dimension::Region],
        (false, true) => [Dimension::Service, Dimension::Region],
        _ => [Dimension::Service, Dimension::Account],
    }
}

/// `account`, or twelve digits.
fn names_account(tokens: &Tokens, at: usize) -> bool {
    let word = tokens.text(at);
    word.contains("account") || (word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `region`, or one of AWS's own names of them, such as `eu-west-1`.
fn names_region(tokens: &Tokens, at: usize) -> bool {
    const DIRECTIONS: [&str; 5] = ["north", "south", "east", "west", "central"];
    let word = tokens.text(at);
    let direction = |word: &str| {
        DIRECTIONS
            .iter()
            .any(|direction| word.starts_with(direction))
    };
    let (second, third) = (at + 1, at + 2);
    word.starts_with("region")
        || (third < tokens.len()
            && word.len() == 2
            && direction(tokens.text(second))
            && tokens.text(third).len() == 1
            && tokens.text(third).bytes().all(|byte| byte.is_ascii_digit()))
}

impl DateGap {
    /// What is to be known of figures that came from there, at the price of so many requests.
    pub(crate) fn answer_notes(&self, requests: u32) -> [String; 2] {
        let apart = match self.by {
            [Dimension::Service, Dimension::Account] => "regions",
            [Dimension::Service, _] => "accounts",
            _ => "services",
        };
        let (from, last) = (self.start, self.end.yesterday().unwrap_or(self.end));
        let cost = money::exact_text(REQUEST_PRICE_USD.saturating_mul(requests.into()));
        [
            format!(
                "{COST_EXPLORER} gave the days from {from} to {last}; it does not tell {apart} apart here."
            ),
            match requests {
                0 => "It was asked the same within the last hours, so this cost nothing.".into(),
                1 => format!("It was asked once, which cost {cost} USD."),
                _ => format!("It was asked {requests} times, which cost {cost} USD."),
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn asked(question: &str) -> Vec<Tokens> {
        vec![Tokens::of(question)]
    }

    fn days(needed: (Date, Date), billed: Option<(Date, Date)>) -> Vec<(Date, Date)> {
        let date_gaps = date_gaps(needed, billed, date(2026, 6, 10), &asked("What?"));
        date_gaps.iter().map(|one| (one.start, one.end)).collect()
    }

    #[test]
    fn it_is_asked_for_the_days_that_it_has_and_no_bill_has() {
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
    fn the_question_says_which_two_are_told_apart() {
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
            assert_eq!(dimensions(&asked(question)), by, "{question}");
        }
    }
}
