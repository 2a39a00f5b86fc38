//! An answer as Markdown for a reader, with the data of [`data`] beside it.
//!
//! It computes nothing. Every name that comes from the bill or the question is escaped, and the
//! whole stays below 100 KiB, with what was cut said.

use crate::answer::grouping_labels;
use crate::answer::phrases::{LISTED, amount, currency_name, listed, spoken, subject};
use crate::answer::sections::{Answer, Shown};
use crate::bill::ledger_sums::Section;
use crate::bill::money;
use crate::text::sanitize::{clip, escape, escape_long};

impl Answer<'_> {
    pub(crate) fn sentence(&self) -> String {
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

    fn when(&self) -> String {
        match (&self.question.period, self.ledger.days) {
            (Some(period), _) => spoken(period),
            (None, Some((first, last))) => format!(" over the whole bill ({first} to {last})"),
            (None, None) => String::new(),
        }
    }

    pub(crate) fn tables(&self, shown: &[Shown<'_>]) -> String {
        let mut text = String::new();
        let heading = match &self.question.grouping {
            None => "Charges".into(),
            Some(grouping) => grouping_labels::title(grouping, self.ledger),
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

    pub(crate) fn notes(&self) -> String {
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

    pub(crate) fn findings(&self) -> String {
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
