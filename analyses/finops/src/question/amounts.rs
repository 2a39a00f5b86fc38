//! Amounts in a question: `50,000`, `$1.5 million`, `30k`. It knows numbers and no bill.

use rust_decimal::Decimal;

use crate::bill::money;
use crate::text::tokens::Words;

/// An amount, and whether the question marks it as one of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figure {
    pub value: Decimal,
    pub money: bool,
    pub end: usize,
}

const CURRENCIES: [&str; 8] = [
    "usd", "eur", "gbp", "chf", "dollar", "dollars", "euro", "euros",
];

/// The amount that starts at this word.
pub(crate) fn at(words: &Words, start: usize) -> Option<Figure> {
    let first = words.free(start)?;
    let sign = first.gap.ends_with(['$', '€', '£']);
    let (digits, mut factor) = scaled(&first.text)?;
    let mut text = digits.to_string();
    let mut end = start + 1;
    let whole = factor == 1;
    while whole
        && words.free(end).is_some_and(|next| {
            next.gap == ","
                && next.text.len() == 3
                && next.text.bytes().all(|byte| byte.is_ascii_digit())
        })
    {
        text.push_str(words.text(end));
        end += 1;
    }
    if whole
        && let Some(next) = words.free(end).filter(|next| next.gap == ".")
        && let Some((fraction, more)) = scaled(&next.text)
    {
        text = format!("{text}.{fraction}");
        factor = more;
        end += 1;
    }
    if factor == 1 {
        factor = match words.free_text(end) {
            "k" | "thousand" => 1_000,
            "million" | "mio" => 1_000_000,
            _ => 1,
        };
        end += usize::from(factor > 1);
    }
    let named = CURRENCIES.contains(&words.free_text(end));
    end += usize::from(named);
    let value = money::parse(&text)?.checked_mul(Decimal::from(factor))?;
    Some(Figure {
        value,
        money: sign || named || factor > 1,
        end,
    })
}

/// `30` of `30k`, and how many times it is meant.
fn scaled(text: &str) -> Option<(&str, u64)> {
    let (digits, factor) = match text.strip_suffix('k') {
        Some(digits) => (digits, 1_000),
        None => match text.strip_suffix('m') {
            Some(digits) => (digits, 1_000_000),
            None => (text, 1),
        },
    };
    let sound = !digits.is_empty()
        && digits.len() <= 15
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    sound.then_some((digits, factor))
}

/// A count as digits or as a word up to twelve.
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
    fn amounts_are_read_as_people_write_them() {
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
            let words = Words::of(text);
            let figure = at(&words, 0).unwrap();
            assert_eq!(
                (money::exact(figure.value).as_str(), figure.money),
                (value, money),
                "{text}"
            );
        }
        for text in ["", "k", "a", "3rd", "999999999999999999999"] {
            assert_eq!(at(&Words::of(text), 0), None, "{text}");
        }
    }
}
