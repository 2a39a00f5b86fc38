//! Exact decimal arithmetic for amounts of money: parsing, adding, displaying. Sums are never rounded; only
//! displayed amounts, means, estimates and rates are.

use rust_decimal::{Decimal, RoundingStrategy};

/// The exact result has more digits than a [`Decimal`] holds, and rounding it would make it wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PrecisionOverflow;

/// Parses a decimal such as `-12.50`, `+3`, `.5` or `1.2E-7` exactly. Returns `None` where the text is not a
/// decimal, or has more digits than a [`Decimal`] holds (96 bits, 28 of them after the point), since a rounded
/// amount would be wrong.
pub(crate) fn parse(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix(['-', '+']) {
        Some(rest) => (mantissa.starts_with('-'), rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // Exporters pad with more zeros than a decimal holds; they carry no value.
    let fraction = if fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        fraction.trim_end_matches('0')
    } else {
        return None;
    };

    let mut value: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value
            .checked_mul(10)?
            .checked_add(i128::from(byte - b'0'))?;
    }
    if value == 0 {
        return Some(Decimal::ZERO);
    }
    let mut scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    while scale < 0 {
        value = value.checked_mul(10)?;
        scale += 1;
    }
    let signed = if negative { -value } else { value };
    from_units(signed, u32::try_from(scale).ok()?)
}

/// The exact decimal of `units` divided by ten to the power of `scale`, normalized as [`parse`] does.
pub(crate) fn from_units(mut units: i128, mut scale: u32) -> Option<Decimal> {
    if units == 0 {
        return Some(Decimal::ZERO);
    }
    while scale > 0 && units % 10 == 0 {
        units /= 10;
        scale -= 1;
    }
    Decimal::try_from_i128_with_scale(units, scale).ok()
}

/// Limit below which a double holds millionths exactly, so that none has more than 15 digits.
const MAX_MILLIONTHS: f64 = 1e15;

/// The shortest decimal that converts to this double, where it has at most six places and 15 digits.
///
/// Of the decimals of at most 15 digits only one is nearest to a given double (IEEE 754: DBL_DIG), so one that is
/// found is the shortest. Dividing two exact doubles gives the double nearest to the quotient.
pub(crate) fn from_double(value: f64) -> Option<Decimal> {
    let millionths = (value * 1e6).round();
    if millionths.abs() >= MAX_MILLIONTHS || millionths / 1e6 != value {
        return None;
    }
    let (mut units, mut scale) = (millionths as i64, 6);
    while scale > 0 && units % 10 == 0 {
        units /= 10;
        scale -= 1;
    }
    Some(Decimal::new(units, scale))
}

/// The exact sum, or `None` where it has more digits than a [`Decimal`] holds. The operator `+` would round
/// silently.
pub(crate) fn add(a: Decimal, b: Decimal) -> Option<Decimal> {
    if a.is_zero() {
        return Some(b);
    }
    if b.is_zero() {
        return Some(a);
    }
    let sum = a.checked_add(b)?;
    (sum.is_zero() || sum.scale() >= a.scale().max(b.scale())).then_some(sum)
}

/// `a - b`, exactly; see [`add`].
pub(crate) fn subtract(a: Decimal, b: Decimal) -> Option<Decimal> {
    add(a, -b)
}

/// Rounds half away from zero to this many decimal places. For means, estimates and rates, not for sums.
pub(crate) fn round(amount: Decimal, places: u32) -> Decimal {
    amount
        .round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
        .normalize()
}

/// The part in percent of the whole's absolute value, to two places; `None` where the whole is zero.
pub(crate) fn percent(part: Decimal, whole: Decimal) -> Option<Decimal> {
    if whole.is_zero() {
        return None;
    }
    let share = part
        .checked_div(whole.abs())?
        .checked_mul(Decimal::ONE_HUNDRED)?;
    Some(round(share, 2))
}

/// The median; zero for an empty list.
pub(crate) fn median(values: &mut [Decimal]) -> Decimal {
    values.sort_unstable();
    let middle = values.len() / 2;
    match values {
        [] => Decimal::ZERO,
        _ if values.len() % 2 == 1 => values[middle],
        // Halve before adding, so that the sum does not overflow.
        _ => values[middle - 1] / Decimal::TWO + values[middle] / Decimal::TWO,
    }
}

/// All digits without trailing zeros, as in the data of an answer.
pub(crate) fn exact_text(amount: Decimal) -> String {
    amount.normalize().to_string()
}

/// The amount for display: to the cent with thousands separators, or to two significant digits below a cent.
pub(crate) fn display(amount: Decimal) -> String {
    let cent = Decimal::new(1, 2);
    let rounded = if amount.is_zero() || amount.abs() >= cent {
        amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
    } else {
        return amount
            .round_sf_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
            .map_or_else(|| exact_text(amount), |small| small.to_string());
    };
    let plain = format!("{:.2}", rounded.abs());
    let (whole, cents) = plain.split_once('.').unwrap_or((&plain, "00"));
    let mut grouped = String::with_capacity(plain.len() + plain.len() / 3);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if amount.is_sign_negative() && !rounded.is_zero() {
        "-"
    } else {
        ""
    };
    format!("{sign}{grouped}.{cents}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn displayed(text: &str) -> String {
        display(parse(text).expect("a decimal"))
    }

    #[test]
    fn a_double_converts_to_the_decimal_of_its_shortest_text() {
        for value in [
            0.0,
            -0.0,
            0.1,
            -12.5,
            1e-6,
            123_456_789.123_456,
            999_999_999.999_999,
        ] {
            let number = from_double(value).unwrap();
            assert_eq!(Some(number), parse(&value.to_string()), "{value}");
        }
        for value in [f64::NAN, f64::INFINITY, 1e-7, 0.1 + 0.2, 1e10, 1.0 / 3.0] {
            assert_eq!(from_double(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn every_double_converts_to_the_decimal_of_its_text_or_to_none(value: f64, units in -2_000_000_000_000_000_i64..2_000_000_000_000_000, places in 0_i32..9) {
            for value in [value, units as f64 / 10_f64.powi(places), units as f64] {
                if let Some(number) = from_double(value) {
                    prop_assert_eq!(Some(number), parse(&value.to_string()));
                }
            }
        }
    }

    #[test]
    fn decimals_are_parsed_exactly_or_refused() {
        for (text, exactly) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("12.50", "12.5"),
            (" +3 ", "3"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1.2E-7", "0.00000012"),
            ("-1.25e+3", "-1250"),
            ("100E-2", "1"),
            ("0E-40", "0"),
            ("0.00000000000000000000000000000000000", "0"),
            (
                "0.0000000000000000000000000001",
                "0.0000000000000000000000000001",
            ),
        ] {
            assert_eq!(
                parse(text).map(exact_text).as_deref(),
                Some(exactly),
                "{text:?}"
            );
        }
        for text in [
            "",
            "-",
            ".",
            "NULL",
            "1,5",
            "1_000",
            "0x10",
            "1e",
            "e5",
            "--1",
            "1.2.3",
            "NaN",
            "inf",
            "1E-29",
            "1e999999999",
            "1e-2147483648",
            "0.12345678901234567890123456789",
            "１",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_sum_that_would_be_rounded_is_refused() {
        let large = parse("70000000000000000000").expect("a decimal");
        let tiny = parse("0.0000000000000000001").expect("a decimal");
        assert_eq!(add(large, tiny), None);
        assert_eq!(
            add(large, parse("0.1").expect("a decimal"))
                .map(exact_text)
                .as_deref(),
            Some("70000000000000000000.1")
        );
        assert_eq!(add(tiny, -tiny).map(exact_text).as_deref(), Some("0"));
    }

    #[test]
    fn amounts_are_displayed_to_the_cent_or_to_two_digits() {
        for (text, expected) in [
            ("0", "0.00"),
            ("1234567.891", "1,234,567.89"),
            ("-1234.5", "-1,234.50"),
            ("0.005", "0.0050"),
            ("0.00000080123", "0.00000080"),
            ("-0.000126", "-0.00013"),
            ("0.01", "0.01"),
            ("999.995", "1,000.00"),
        ] {
            assert_eq!(displayed(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn printed_decimals_parse_to_the_same_value(mantissa in any::<i64>(), scale in 0u32..=28) {
            let amount = Decimal::from_i128_with_scale(i128::from(mantissa), scale);
            prop_assert_eq!(parse(&amount.to_string()), Some(amount.normalize()));
            let scientific = format!("{mantissa}E-{scale}");
            prop_assert_eq!(parse(&scientific), Some(amount.normalize()));
        }

        #[test]
        fn sums_agree_with_integers(parts in prop::collection::vec((any::<i32>(), 0u32..=12), 0..40)) {
            let mut sum = Decimal::ZERO;
            let mut whole: i128 = 0;
            for (mantissa, scale) in parts {
                sum = add(sum, Decimal::new(i64::from(mantissa), scale)).expect("few digits");
                whole += i128::from(mantissa) * 10i128.pow(12 - scale);
            }
            prop_assert_eq!(sum, Decimal::from_i128_with_scale(whole, 12));
        }

        #[test]
        fn no_text_makes_parse_panic(text in "\\PC{0,40}") {
            if let Some(amount) = parse(&text) {
                display(amount);
            }
        }
    }
}
