//! Derives one period from another: the month before, or the same month of the year before.

use jiff::civil::Date;

use crate::question::dates::add_units;
use crate::question::period::Period;
use crate::text::tokens::Tokens;

/// Parses how far the compared period lies before the other, and marks its tokens as used: a unit, or empty for the
/// period just before.
pub(crate) fn find(tokens: &mut Tokens) -> Option<String> {
    const UNITS: [&str; 7] = ["day", "week", "month", "quarter", "year", "period", "time"];
    let unit_at = |tokens: &Tokens, at: usize| {
        UNITS
            .iter()
            .find(|unit| **unit == tokens.unused_text(at))
            .copied()
    };
    for at in 0..tokens.len() {
        for (phrase, unit) in [
            ("yearoveryear", "year"),
            ("yearonyear", "year"),
            ("monthovermonth", ""),
            ("monthonmonth", ""),
        ] {
            if let Some(end) = tokens.phrase_at(at, phrase) {
                tokens.mark_used(at, end);
                return Some(unit.into());
            }
        }
        let text = tokens.unused_text(at);
        if text == "same" && unit_at(tokens, at + 1).is_some() {
            let end = (at + 2..tokens.len().min(at + 7))
                .find(|end| tokens.unused_text(*end) == "year")?;
            let end = end
                + 1
                + usize::from(matches!(
                    tokens.unused_text(end + 1),
                    "before" | "earlier" | "ago"
                ));
            tokens.mark_used(at, end);
            return Some("year".into());
        }
        let (unit, end) = match (text, unit_at(tokens, at)) {
            ("previous" | "preceding" | "prior", _) => (unit_at(tokens, at + 1)?, at + 2),
            (_, Some(unit))
                if matches!(tokens.unused_text(at + 1), "before" | "earlier" | "ago") =>
            {
                (unit, at + 2)
            }
            _ => continue,
        };
        tokens.mark_used(at, end);
        return Some(if unit == "year" {
            "year".into()
        } else {
            String::new()
        });
    }
    None
}

impl Period {
    /// The period that lies before this one by a shift of [`find`].
    pub(crate) fn shifted(&self, shift: &str) -> Option<Self> {
        match shift {
            "" => self.preceding(),
            unit => self.earlier(unit),
        }
    }

    /// The period just before this one with the same number of days or months.
    pub(crate) fn preceding(&self) -> Option<Self> {
        let months = self.whole_months();
        let start = match months {
            Some(months) => add_units(self.start, "month", -months)?,
            None => self.start.checked_sub(self.end - self.start).ok()?,
        };
        Some(self.moved(start, self.start))
    }

    /// The same days one unit earlier, such as the same month of the year before.
    fn earlier(&self, unit: &str) -> Option<Self> {
        let (start, end) = (
            add_units(self.start, unit, -1)?,
            add_units(self.end, unit, -1)?,
        );
        Some(self.moved(start, end))
    }

    /// The number of months, if the period consists of whole months.
    pub(crate) fn whole_months(&self) -> Option<i64> {
        let whole = self.start.day() == 1 && self.end.day() == 1;
        let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
        whole.then(|| months(self.end) - months(self.start))
    }

    fn moved(&self, start: Date, end: Date) -> Self {
        Self {
            start,
            end,
            text: self.text.clone(),
            relative: self.relative,
        }
    }
}
