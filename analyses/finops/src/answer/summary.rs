//! The first sentence of an answer: what can't be answered, then what was asked for.

use rust_decimal::Decimal;

use crate::answer::answer_parts::AnswerParts;
use crate::answer::grouping_labels;
use crate::answer::phrases::{
    MAX_LISTED, amount_in_currency, capitalised, currency_name, period_phrase, subject,
};
use crate::bill::measure::Measure;
use crate::bill::money;
use crate::bill::sections::CurrencySection;
use crate::question::status::Status;
use crate::text::sanitize::escape;

impl AnswerParts<'_> {
    pub(crate) fn summary(&self) -> String {
        let Some((first, last)) = self.ledger.days else {
            if let Some(family_answer) = &self.family_answer {
                return capitalised(&family_answer.sentence);
            }
            return format!(
                "The bill {} has no rows, so nothing was billed.",
                escape(self.source)
            );
        };
        let answer = if let Some(family_answer) = &self.family_answer {
            capitalised(&family_answer.sentence)
        } else if self.sections.is_empty() {
            let covered = match self.question.period {
                Some(_) => format!("; it covers {first} to {last}"),
                None => String::new(),
            };
            let subject = subject(self.question, self.ledger);
            format!(
                "The bill has no charges for {subject}{}{covered}.",
                self.period_text()
            )
        } else {
            self.figures()
        };
        match self.status {
            Status::Answered => answer,
            // The figures are not for the question, so they are not emphasized.
            _ => format!(
                "{} Without that: {}",
                self.unknown_text(),
                answer.replace("**", "")
            ),
        }
    }

    /// What can't be answered.
    pub(crate) fn unknown_text(&self) -> String {
        let question = self.question;
        let mut sentences = Vec::new();
        if !question.not_understood.is_empty() {
            let parts = question.not_understood.iter().take(MAX_LISTED);
            let parts: Vec<String> = parts.map(|part| format!("\"{}\"", escape(part))).collect();
            let more = match question.not_understood.len().saturating_sub(MAX_LISTED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            sentences.push(format!(
                "I can't answer this as it is asked: I do not know what {}{more} means for this bill.",
                parts.join(", ")
            ));
        }
        for absent in question.missing_services.iter().take(MAX_LISTED) {
            sentences.push(format!("{absent} is not in this bill."));
        }
        sentences.join(" ")
    }

    fn figures(&self) -> String {
        let amounts: Vec<String> = self
            .sections
            .iter()
            .take(MAX_LISTED)
            .map(|section| format!("**{}**", self.amount(section.total, &section.currency)))
            .collect();
        let (amounts, subject) = (amounts.join(" and "), subject(self.question, self.ledger));
        let period = self.period_text();
        let mut sentence = match self.question.measure {
            Measure::Billed => format!("You were billed {amounts} for {subject}{period}."),
            Measure::Quantity => format!("{} consumed {amounts}{period}.", capitalised(&subject)),
            Measure::Charges => format!("There are {amounts} for {subject}{period}."),
            measure => format!("The {} of {subject}{period} is {amounts}.", measure.words()),
        };
        if let [section] = self.sections {
            sentence += &self.averages(section);
            sentence += &self.part_of_whole(section);
            // A question for one name is answered by that name first.
            if let Some(first) = self.first_group(section) {
                sentence = format!("{first} {}", sentence.replace("**", ""));
            }
        }
        if !self.question.having.is_empty() {
            let found: usize = self
                .sections
                .iter()
                .map(|section| section.groups.len())
                .sum();
            sentence = format!(
                "{} {}",
                self.listed_count(found),
                sentence.replace("**", "")
            );
        }
        sentence
    }

    fn amount(&self, amount: Decimal, currency: &str) -> String {
        match self.question.measure {
            Measure::Charges => format!("{} charges", money::exact_text(amount)),
            _ => amount_in_currency(amount, currency),
        }
    }

    fn averages(&self, section: &CurrencySection) -> String {
        let mut sentence = String::new();
        if let (Some(daily), Some(days)) = (self.daily_average(section), self.covered_day_count()) {
            let daily = self.amount(daily, &section.currency);
            sentence += &format!(" That is **{daily}** a day on average, over {days} days.");
        }
        if let Some(monthly) = self.monthly_average(section) {
            let monthly = self.amount(monthly, &section.currency);
            sentence += &format!(" That is **{monthly}** a month on average.");
        }
        sentence
    }

    fn part_of_whole(&self, section: &CurrencySection) -> String {
        let Some(whole) = self.whole else {
            return String::new();
        };
        let Some(percent) = money::percent(section.total, whole) else {
            return String::new();
        };
        let of = match self.question.rate_asked {
            true => "the list cost of",
            false => "the whole of",
        };
        let whole = self.amount(whole, &section.currency);
        format!(
            " That is **{} %** of {of} {whole}.",
            money::exact_text(percent)
        )
    }

    /// `EC2 was the largest service in May 2026: 2,961.42 USD, 32.7 %.`
    fn first_group(&self, section: &CurrencySection) -> Option<String> {
        let grouping = self.question.grouping.as_ref()?;
        let asked = self.question.top == Some(1) || self.question.first_asked;
        if !asked || !self.question.having.is_empty() {
            return None;
        }
        let group = section.groups.first()?;
        let rank = match (self.question.ascending, self.question.skipped) {
            (true, _) => "lowest",
            (false, 0) => "highest",
            (false, 1) => "second highest",
            (false, 2) => "third highest",
            (false, _) => "next highest",
        };
        let second = group.second.as_ref();
        let second = second.map_or_else(String::new, |second| format!(" / {}", escape(second)));
        let share = money::percent(group.amount, section.total);
        let share = share.map_or_else(String::new, |share| {
            format!(", {} %", money::exact_text(money::round(share, 1)))
        });
        Some(format!(
            "**{}{second}** had the {rank} {} by {}{}: **{}**{share}.",
            escape(&group.key),
            self.question.measure.words(),
            grouping_labels::title(grouping, self.ledger).to_lowercase(),
            self.period_text(),
            self.amount(group.amount, &section.currency),
        ))
    }

    /// How many groups are within the bounds.
    fn listed_count(&self, found: usize) -> String {
        let (having, currency) = (&self.question.having, self.sections.first());
        let currency = currency.map_or("", |section| currency_name(&section.currency));
        let bounds = [("over", having.over), ("under", having.under)];
        let bounds = bounds.into_iter().filter_map(|(side, bound)| {
            Some(format!(
                "{side} {} {}",
                money::display(bound?),
                escape(currency)
            ))
        });
        let bounds = bounds.collect::<Vec<_>>().join(" and ");
        let what = match &self.question.grouping {
            Some(grouping) => grouping_labels::title(grouping, self.ledger).to_lowercase(),
            None => "group".into(),
        };
        match found {
            0 => format!("**No {what}** is {bounds}{}.", self.period_text()),
            1 => format!("**1 {what}** is {bounds}{}.", self.period_text()),
            _ => format!(
                "**{found}**, by {what}, are {bounds}{}.",
                self.period_text()
            ),
        }
    }

    pub(super) fn period_text(&self) -> String {
        match (&self.question.period, self.ledger.days) {
            (Some(period), _) => period_phrase(period),
            (None, Some((first, last))) => format!(" over the whole bill ({first} to {last})"),
            (None, None) => String::new(),
        }
    }
}
