//! An answer as Markdown for a reader, with the data of [`data`] beside it.
//!
//! It computes nothing. Every name that comes from the bill or the question is escaped, and the
//! whole stays below 100 KiB, with what was cut said.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::advice::Advice;
use super::data;
use super::families::{Finding, Table};
use super::ledger::{Group, Ledger, Section, TooManyDigits};
use super::money;
use super::question::Question;
use super::text::{clip, clip_to, escape, escape_long};
use super::wording::{LISTED, amount, currency_name, listed, spoken, subject};

/// Bytes of the question that the result repeats.
const QUERY: usize = 2_048;
/// Bytes that the lines of all tables may take, once in Markdown and once in JSON.
const TABLES: usize = 40_000;
/// All that an answer is made of.
pub(super) struct Answer<'a> {
    pub query: &'a str,
    pub question: &'a Question,
    pub ledger: &'a Ledger,
    pub sections: &'a [Section],
    pub advice: &'a [Advice],
    /// What the question's family says; `None` for a breakdown.
    pub finding: Option<Finding>,
    /// What is to be said of the reading.
    pub notes: &'a [String],
    /// Requests of Cost Explorer's that were paid for.
    pub requests: u32,
    /// The bill's file name.
    pub source: &'a str,
    pub sample: bool,
}

/// A section as far as it is shown: the groups, and what the others come to.
pub(super) struct Shown<'a> {
    pub section: &'a Section,
    pub groups: &'a [Group],
    pub others: Option<(usize, Decimal)>,
}

impl Answer<'_> {
    /// The result of the job.
    pub(super) fn into_json(self) -> Result<Value, TooManyDigits> {
        let shown = self.cut()?;
        let (tables, findings) = match &self.finding {
            Some(finding) => {
                let tables: Vec<String> = finding.tables.iter().map(Table::markdown).collect();
                (tables.join("\n\n"), String::new())
            }
            None => (self.tables(&shown), self.findings()),
        };
        let response = [self.sentence(), tables, self.notes(), findings]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("\n\n");
        Ok(json!({
            "agent": "finops",
            "query": clip_to(self.query, QUERY),
            "response": response,
            "cost_analysis": data::cost_analysis(&self, &shown),
            "optimization_recommendations": self.advice.iter().map(|advice| json!({
                "kind": advice.kind, "title": advice.title, "detail": advice.detail,
                "amount": money::exact(advice.amount), "currency": clip(&advice.currency), "evidence": advice.evidence,
            })).collect::<Vec<_>>(),
        }))
    }

    /// Takes lines from the front of each section while there is room.
    fn cut(&self) -> Result<Vec<Shown<'_>>, TooManyDigits> {
        let mut room = TABLES;
        let most = self.question.top.unwrap_or(usize::MAX);
        self.sections
            .iter()
            .take(LISTED)
            .map(|section| {
                let mut count = 0;
                for group in section.groups.iter().take(most) {
                    let size = 3 * clip(&group.key).len() + 60;
                    if size > room {
                        break;
                    }
                    room -= size;
                    count += 1;
                }
                let (groups, rest) = section.groups.split_at(count);
                let others = rest
                    .iter()
                    .try_fold(Decimal::ZERO, |sum, group| money::add(sum, group.amount));
                let others = others.ok_or(TooManyDigits)?;
                Ok(Shown {
                    section,
                    groups,
                    others: (!rest.is_empty()).then_some((rest.len(), others)),
                })
            })
            .collect()
    }

    fn sentence(&self) -> String {
        let Some((first, last)) = self.ledger.days else {
            if let Some(finding) = &self.finding {
                return capitalised(&finding.sentence);
            }
            return format!(
                "The bill {} has no rows, so nothing was billed.",
                escape(self.source)
            );
        };
        let subject = subject(self.question, self.ledger);
        let mut sentence = if let Some(finding) = &self.finding {
            capitalised(&finding.sentence)
        } else if self.sections.is_empty() {
            let covered = match self.question.period {
                Some(_) => format!("; it covers {first} to {last}"),
                None => String::new(),
            };
            format!(
                "The bill has no charges for {subject}{}{covered}.",
                self.when()
            )
        } else {
            let amounts: Vec<String> = self
                .sections
                .iter()
                .take(LISTED)
                .map(|section| format!("**{}**", amount(section.total, &section.currency)))
                .collect();
            format!(
                "You were billed {} for {subject}{}.",
                amounts.join(" and "),
                self.when()
            )
        };
        if self.finding.is_none()
            && let [section] = self.sections
            && let (Some(daily), Some(days)) = (self.daily(section), self.days())
        {
            let daily = amount(daily, &section.currency);
            sentence += &format!(" That is **{daily}** a day on average, over {days} days.");
        }
        if self.question.top == Some(1)
            && self.finding.is_none()
            && let [
                Section {
                    groups, currency, ..
                },
            ] = self.sections
            && let Some(group) = groups.first()
        {
            let which = match self.question.ascending {
                true => "smallest",
                false => "largest",
            };
            sentence += &format!(
                " The {which} share is {} with {}.",
                escape(&group.key),
                amount(group.amount, currency)
            );
        }
        if !self.question.understood {
            sentence = format!(
                "I found no service, period or grouping of this bill in the question, so this is the whole bill. {sentence}"
            );
        }
        if !self.question.ignored.is_empty() {
            let parts: Vec<String> = self
                .question
                .ignored
                .iter()
                .take(LISTED)
                .map(|part| format!("\"{}\"", escape(part)))
                .collect();
            let more = self.question.ignored.len().saturating_sub(LISTED);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            sentence += &format!(
                " I did not understand {}{more}, so it changes nothing in these figures.",
                parts.join(", ")
            );
        }
        for absent in self.question.absent.iter().take(LISTED) {
            sentence += &format!(" {absent} is not in this bill.");
        }
        sentence
    }

    /// What a day comes to on average, where that is asked for, in hundredths.
    pub(super) fn daily(&self, section: &Section) -> Option<Decimal> {
        let days = self.days().filter(|_| self.question.average)?;
        let each = section.total.checked_div(days.into())?;
        Some(money::rounded(each, 2))
    }

    /// How many days the bill has of those asked about.
    fn days(&self) -> Option<i32> {
        let (first, last) = self.ledger.days?;
        let (mut start, mut end) = (first, last.tomorrow().ok()?);
        if let Some((from, until)) = self.question.scope.days {
            (start, end) = (start.max(from), end.min(until));
        }
        let days = end.since(start).ok()?.get_days();
        (days > 0).then_some(days)
    }

    fn when(&self) -> String {
        match (&self.question.period, self.ledger.days) {
            (Some(period), _) => spoken(period),
            (None, Some((first, last))) => format!(" over the whole bill ({first} to {last})"),
            (None, None) => String::new(),
        }
    }

    fn tables(&self, shown: &[Shown<'_>]) -> String {
        let mut text = String::new();
        let heading = match &self.question.grouping {
            None => "Charges".into(),
            Some(grouping) => data::title(grouping, self.ledger),
        };
        for Shown {
            section,
            groups,
            others,
        } in shown
        {
            let currency = escape(&clip(currency_name(&section.currency)));
            if !text.is_empty() {
                text += "\n\n";
            }
            text += &format!("| {heading} | Cost ({currency}) |\n| --- | ---: |");
            for group in *groups {
                text += &format!(
                    "\n| {} | {} |",
                    escape(&group.key),
                    money::show(group.amount)
                );
            }
            if let Some((count, amount)) = others {
                text += &format!("\n| {count} others | {} |", money::show(*amount));
            }
            text += &format!("\n| **Total** | **{}** |", money::show(section.total));
        }
        text
    }

    fn notes(&self) -> String {
        let mut notes = match &self.finding {
            Some(finding) => finding.notes.clone(),
            None => Vec::new(),
        };
        notes.extend(self.notes.iter().take(LISTED).cloned());
        if self.question.follows {
            notes.push("Read as going on with the question before.".to_string());
        }
        if let (Some(period), Some((_, last))) = (&self.question.period, self.ledger.days)
            && period.relative
        {
            notes.push(format!(
                "\"{}\" is read relative to the bill's last day, {last}.",
                escape(&period.words)
            ));
        }
        if self.question.tag_sought {
            let keys: Vec<String> = self.ledger.tags.keys.values().cloned().collect();
            notes.push(match keys.is_empty() {
                true => "This bill has no tags.".to_string(),
                false => format!("Name a tag to go by; this bill has {}.", listed(&keys)),
            });
        }
        if self.sections.len() > 1 {
            notes.push("Currencies are not added to each other.".to_string());
        }
        if self.sections.len() > LISTED {
            notes.push(format!(
                "{} more currencies are left out.",
                self.sections.len() - LISTED
            ));
        }
        if self.ledger.without_cost > 0 {
            notes.push(format!(
                "{} rows of the bill have no BilledCost and add nothing.",
                self.ledger.without_cost
            ));
        }
        if self.ledger.tags.unreadable > 0 {
            notes.push(format!(
                "{} rows have tags that can't be read and count as not tagged.",
                self.ledger.tags.unreadable
            ));
        }
        if self.sample {
            notes.push(
                "This is a generated sample bill, not a real one; give your own with `--bill`."
                    .to_string(),
            );
        }
        notes
            .iter()
            .map(|note| format!("- {note}"))
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn findings(&self) -> String {
        if self.advice.is_empty() {
            return String::new();
        }
        let lines: Vec<String> = self
            .advice
            .iter()
            .map(|advice| {
                format!(
                    "- **{}.** {}",
                    escape_long(&advice.title),
                    escape_long(&advice.detail)
                )
            })
            .collect();
        format!("**What stands out**\n\n{}", lines.join("\n"))
    }
}

/// With its first letter a capital.
fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
