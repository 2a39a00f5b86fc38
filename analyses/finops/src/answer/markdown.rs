//! Renders an answer as Markdown.
//!
//! Every name that comes from the bill or the question is escaped. The whole stays below 100 KiB and says what was
//! left out.

use crate::answer::answer_parts::{AnswerParts, ShownSection};
use crate::answer::grouping_labels;
use crate::answer::phrases::{
    MAX_LISTED, amount_in_currency, currency_name, name_list, period_phrase, subject,
};
use crate::bill::ledger_sums::CurrencySection;
use crate::bill::money;
use crate::text::sanitize::{clip, escape, escape_unclipped};

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
        let subject = subject(self.question, self.ledger);
        let mut sentence = if let Some(family_answer) = &self.family_answer {
            capitalised(&family_answer.sentence)
        } else if self.sections.is_empty() {
            let covered = match self.question.period {
                Some(_) => format!("; it covers {first} to {last}"),
                None => String::new(),
            };
            format!(
                "The bill has no charges for {subject}{}{covered}.",
                self.period_text()
            )
        } else {
            let amounts: Vec<String> = self
                .sections
                .iter()
                .take(MAX_LISTED)
                .map(|section| {
                    format!(
                        "**{}**",
                        amount_in_currency(section.total, &section.currency)
                    )
                })
                .collect();
            format!(
                "You were billed {} for {subject}{}.",
                amounts.join(" and "),
                self.period_text()
            )
        };
        if self.family_answer.is_none()
            && let [section] = self.sections
            && let (Some(daily), Some(days)) =
                (self.daily_average(section), self.covered_day_count())
        {
            let daily = amount_in_currency(daily, &section.currency);
            sentence += &format!(" That is **{daily}** a day on average, over {days} days.");
        }
        if self.question.top == Some(1)
            && self.family_answer.is_none()
            && let [
                CurrencySection {
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
                amount_in_currency(group.amount, currency)
            );
        }
        if !self.question.understood {
            sentence = format!(
                "I found no service, period or grouping of this bill in the question, so this is the whole bill. {sentence}"
            );
        }
        if !self.question.not_understood.is_empty() {
            let parts: Vec<String> = self
                .question
                .not_understood
                .iter()
                .take(MAX_LISTED)
                .map(|part| format!("\"{}\"", escape(part)))
                .collect();
            let more = self
                .question
                .not_understood
                .len()
                .saturating_sub(MAX_LISTED);
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
        for absent in self.question.missing_services.iter().take(MAX_LISTED) {
            sentence += &format!(" {absent} is not in this bill.");
        }
        sentence
    }

    fn period_text(&self) -> String {
        match (&self.question.period, self.ledger.days) {
            (Some(period), _) => period_phrase(period),
            (None, Some((first, last))) => format!(" over the whole bill ({first} to {last})"),
            (None, None) => String::new(),
        }
    }

    pub(crate) fn group_tables(&self, shown: &[ShownSection<'_>]) -> String {
        let mut text = String::new();
        let heading = match &self.question.grouping {
            None => "Charges".into(),
            Some(grouping) => grouping_labels::title(grouping, self.ledger),
        };
        for ShownSection {
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
                    money::display(group.amount)
                );
            }
            if let Some((count, amount)) = others {
                text += &format!("\n| {count} others | {} |", money::display(*amount));
            }
            text += &format!("\n| **Total** | **{}** |", money::display(section.total));
        }
        text
    }

    pub(crate) fn notes_text(&self) -> String {
        let mut notes = match &self.family_answer {
            Some(family_answer) => family_answer.notes.clone(),
            None => Vec::new(),
        };
        notes.extend(self.notes.iter().take(MAX_LISTED).cloned());
        if self.question.continues_previous {
            notes.push("Read as a follow-up to the previous question.".to_string());
        }
        if let (Some(period), Some((_, last))) = (&self.question.period, self.ledger.days)
            && period.relative
        {
            notes.push(format!(
                "\"{}\" is read relative to the bill's last day, {last}.",
                escape(&period.text)
            ));
        }
        if self.question.unnamed_tag_asked {
            let keys: Vec<String> = self.ledger.tags.keys.values().cloned().collect();
            notes.push(match keys.is_empty() {
                true => "This bill has no tags.".to_string(),
                false => format!(
                    "Name the tag to group by; this bill has {}.",
                    name_list(&keys)
                ),
            });
        }
        if self.sections.len() > 1 {
            notes.push("Currencies are not added to each other.".to_string());
        }
        if self.sections.len() > MAX_LISTED {
            notes.push(format!(
                "{} more currencies are left out.",
                self.sections.len() - MAX_LISTED
            ));
        }
        if self.ledger.without_cost > 0 {
            notes.push(format!(
                "{} rows of the bill have no BilledCost and add nothing.",
                self.ledger.without_cost
            ));
        }
        if self.ledger.tags.unreadable_rows > 0 {
            notes.push(format!(
                "{} rows have tags that cannot be read and count as not tagged.",
                self.ledger.tags.unreadable_rows
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

    pub(crate) fn observations_text(&self) -> String {
        if self.observations.is_empty() {
            return String::new();
        }
        let lines: Vec<String> = self
            .observations
            .iter()
            .map(|observation| {
                format!(
                    "- **{}.** {}",
                    escape_unclipped(&observation.title),
                    escape_unclipped(&observation.detail)
                )
            })
            .collect();
        format!("**What stands out**\n\n{}", lines.join("\n"))
    }
}

/// The sentence with its first letter in upper case.
fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
