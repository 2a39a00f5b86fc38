//! Renders an answer as Markdown.
//!
//! Every name that comes from the bill or the question is escaped. The whole stays below 100 KiB and says what was
//! left out.

use crate::answer::answer_parts::{AnswerParts, ShownSection};
use crate::answer::grouping_labels;
use crate::answer::phrases::{MAX_LISTED, currency_name, name_list};
use crate::bill::grouping::GroupOrder;
use crate::bill::measure::Measure;
use crate::bill::money;
use crate::text::sanitize::{clip, escape, escape_unclipped};
use rust_decimal::Decimal;

/// Lines of a table where the question does not say how many, times aside.
const MAX_LINES: usize = 20;

impl AnswerParts<'_> {
    pub(crate) fn group_tables(&self, shown: &[ShownSection<'_>]) -> String {
        let headings: Vec<String> = match self.question.groupings().next() {
            None => vec!["Charges".into()],
            Some(_) => self
                .question
                .groupings()
                .map(|grouping| grouping_labels::title(grouping, self.ledger))
                .collect(),
        };
        let tables = shown
            .iter()
            .map(|section| self.group_table(section, &headings));
        tables.collect::<Vec<_>>().join("\n\n")
    }

    fn group_table(&self, shown: &ShownSection<'_>, headings: &[String]) -> String {
        let section = shown.section;
        let currency = escape(&clip(currency_name(&section.currency)));
        let measure = match self.question.measure {
            Measure::Billed => "Cost",
            Measure::Effective => "Effective cost",
            Measure::List => "List cost",
            Measure::Discount => "Discount",
            Measure::Quantity => "Quantity",
            Measure::Charges => "Number",
        };
        // A share of nothing, or of a sum with both signs, is no share.
        let with_share = section.total > Decimal::ZERO
            && !shown.groups.is_empty()
            && section
                .groups
                .iter()
                .all(|group| group.amount >= Decimal::ZERO);
        let line = |labels: &[String], amount: Decimal| {
            let mut cells = labels.to_vec();
            cells.push(money::display(amount));
            if with_share {
                let share = money::percent(amount, section.total);
                cells.push(share.map_or_else(String::new, |share| {
                    format!("{} %", money::display(money::round(share, 1)))
                }));
            }
            format!("| {} |", cells.join(" | "))
        };
        let blank = vec![String::new(); headings.len() - 1];
        let mut text = format!("| {} | {measure} ({currency}) |", headings.join(" | "));
        let mut rule = format!("|{} ---: |", " --- |".repeat(headings.len()));
        if with_share {
            text += " Share |";
            rule += " ---: |";
        }
        let mut lines = vec![text, rule];
        // The data has more of them.
        let listed = match (self.question.order(), self.question.top) {
            (GroupOrder::Time, _) | (_, Some(_)) => shown.groups.len(),
            _ => shown.groups.len().min(MAX_LINES),
        };
        let (groups, cut) = shown.groups.split_at(listed);
        for group in groups {
            let labels = [Some(&group.key), group.second.as_ref()];
            let labels: Vec<String> = labels
                .into_iter()
                .flatten()
                .map(|label| escape(label))
                .collect();
            lines.push(line(&labels, group.amount));
        }
        let (mut count, mut others) = shown.others.unwrap_or_default();
        count += cut.len();
        for group in cut {
            others = money::add(others, group.amount).unwrap_or_default();
        }
        if count > 0 {
            let amount = others;
            lines.push(line(
                &[vec![format!("{count} others")], blank.clone()].concat(),
                amount,
            ));
        }
        if self.question.having.is_empty() {
            let total = [vec!["**Total**".to_string()], blank].concat();
            let cells = [
                total,
                vec![format!("**{}**", money::display(section.total))],
            ]
            .concat();
            let share = if with_share { " |" } else { "" };
            lines.push(format!("| {} |{share}", cells.join(" | ")));
        }
        lines.join("\n")
    }

    pub(crate) fn notes_text(&self) -> String {
        let mut notes = match &self.family_answer {
            Some(family_answer) => family_answer.notes.clone(),
            None => Vec::new(),
        };
        notes.extend(self.notes.iter().take(MAX_LISTED).cloned());
        notes.push(format!(
            "Understood as: {}.",
            self.plan_words(self.question)
        ));
        for (written, read) in self.question.respelled.iter().take(MAX_LISTED) {
            notes.push(format!(
                "\"{}\" is read as \"{}\".",
                escape(written),
                escape(read)
            ));
        }
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
            notes.push(match self.question.measure {
                Measure::Quantity => "Units are not added to each other.".to_string(),
                _ => "Currencies are not added to each other.".to_string(),
            });
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
