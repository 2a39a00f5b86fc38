//! A plan in words, so that the reader can check what was understood.

use crate::answer::answer_parts::AnswerParts;
use crate::answer::grouping_labels;
use crate::answer::phrases::{period_phrase, subject};
use crate::bill::measure::Measure;
use crate::bill::money;
use crate::question::intent::Intent;
use crate::question::understood::Question;

impl AnswerParts<'_> {
    /// `Amazon EC2, effective cost, by account and month, from 2026-01-01 to 2026-03-31`.
    pub(crate) fn plan_words(&self, question: &Question) -> String {
        let mut parts = vec![subject(question, self.ledger)];
        if question.intent != Intent::Breakdown {
            parts.push(match question.intent {
                Intent::Comparison | Intent::Change => "compared".to_string(),
                Intent::UnitCost(_) => "unit cost".to_string(),
                _ => question.intent.name().to_string(),
            });
        }
        if question.measure != Measure::Billed {
            parts.push(question.measure.words().to_string());
        }
        let groupings: Vec<String> = question
            .groupings()
            .map(|grouping| grouping_labels::title(grouping, self.ledger).to_lowercase())
            .collect();
        if !groupings.is_empty() && question.intent == Intent::Breakdown {
            parts.push(format!("by {}", groupings.join(" and ")));
        }
        if let Some(top) = question.top {
            let side = if question.ascending {
                "lowest"
            } else {
                "highest"
            };
            parts.push(format!("the {top} {side}"));
        }
        if let Some(over) = question.having.over {
            parts.push(format!("over {}", money::display(over)));
        }
        if let Some(under) = question.having.under {
            parts.push(format!("under {}", money::display(under)));
        }
        parts.push(match &question.period {
            Some(period) => period_phrase(period).trim_start().to_string(),
            None => "the whole bill".to_string(),
        });
        if let Some(base) = &question.base_period {
            parts.push(format!(
                "against what was {}",
                period_phrase(base).trim_start()
            ));
        }
        parts.join(", ")
    }
}
