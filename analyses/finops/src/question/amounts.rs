//! Parses amounts and counts in a question: `50,000`, `$1.5 million`, `30k`, `five`.

use rust_decimal::Decimal;

use crate::bill::money;
use crate::text::tokens::Tokens;

/// An amount, and whether the question marks it as money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QuestionAmount {
    pub value: Decimal,
    pub is_money: bool,
    pub end: usize,
}

const CURRENCY_WORDS: [&str; 8] = [
    "usd", "eur", "gbp", "chf", "dollar", "dollars", "euro", "euros",
];

/// The amount that starts at this token.
pub(crate) fn amount_at(tokens: &Tokens, start: usize) -> Option<QuestionAmount> {
    let first = tokens.unused(start)?;
    let sign = first.separator.ends_with(['$', '€', '£']);
    let (digits, mut factor) = digits_and_factor(&first.text)?;
    let mut text = digits.to_string();
    let mut end = start + 1;
    let whole = factor == 1;
    while whole
        && tokens.unused(end).is_some_and(|next| {
            next.separator == ","
                && next.text.len() == 3
                && next.text.bytes().all(|byte| byte.is_ascii_digit())
        })
    {
        text.push_str(tokens.text(end));
        end += 1;
    }
    if whole
        && let Some(next) = tokens.unused(end).filter(|next| next.separator == ".")
        && let Some((fraction, more)) = digits_and_factor(&next.text)
    {
        text = format!("{text}.{fraction}");
        factor = more;
        end += 1;
    }
    if factor == 1 {
        factor = match tokens.unused_text(end) {
            "k" | "thousand" => 1_000,
            "million" | "mio" => 1_000_000,
            _ => 1,
        };
        end += usize::from(factor > 1);
    }
    let named = CURRENCY_WORDS.contains(&tokens.unused_text(end));
    end += usize::from(named);
    let value = money::parse(&text)?.checked_mul(Decimal::from(factor))?;
    Some(QuestionAmount {
        value,
        is_money: sign || named || factor > 1,
        end,
    })
}

/// Splits `30k` into `30` and its factor.
fn digits_and_factor(text: &str) -> Option<(&str, u64)> {
    let (digits, factor) = match text.strip_suffix('k') {
        Some(digits) => (digits, 1_000),
        None => match text.strip_suffix('m') {
            Some(digits) => (digits, 1_000_000),
            None => (text, 1),
        },
    };
    let valid = !digits.is_empty()
        && digits.len() <= 15
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then_some((digits, factor))
}

/// A count as digits, or as a word up to twelve.
pub(crate) fn count(text: &str) -> Option<usize> {
    const COUNTS: [&str; 12] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    COUNTS
        .iter()
        .position(|word| *word == text)
        .map(|index| index + 1)
        .or_else(|| {
            (text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| text.parse().ok())
                .flatten()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_parsed_as_people_write_them() {
        for (text, value, money) in [
            ("50,000", "50000", false),
            ("$50,000.25", "50000.25", true),
            ("30k", "30000", true),
            ("1.5 million", "1500000", true),
            ("1.5k", "1500", true),
            ("2 m", "2", false),
            ("12 USD", "12", true),
            ("€7", "7", true),
            ("1,50", "1", false),
        ] {
            let tokens = Tokens::of(text);
            let amount = amount_at(&tokens, 0).unwrap();
            assert_eq!(
                (money::exact_text(amount.value).as_str(), amount.is_money),
                (value, money),
                "{text}"
            );
        }
        for text in ["", "k", "a", "3rd", "999999999999999999999"] {
            assert_eq!(amount_at(&Tokens::of(text), 0), None, "{text}");
        }
    }
}
