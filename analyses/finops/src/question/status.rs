//! Whether a question can be answered as it was asked. A figure for another question is never an answer: where a word
//! that decides is unknown, the answer says so first.

use serde::Serialize;

use crate::bill::grouping::Grouping;
use crate::question::intent::Intent;
use crate::question::understood::Question;

/// How far an answer is one to the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Status {
    Answered,
    /// The figures leave out what is unknown, and the answer begins with that.
    Partial,
    /// There are no figures.
    Unanswered,
}

impl Question {
    pub(crate) fn status(&self) -> Status {
        let unread = !self.unread_columns().is_empty();
        // Units, list prices and commitments are not kept by column.
        let by_column = self.intent.needs_usage() && !self.columns().is_empty();
        if unread || by_column || self.asks_only_for_missing_services() {
            return Status::Unanswered;
        }
        if self.not_understood.is_empty() {
            return match self.missing_services.is_empty() {
                true => Status::Answered,
                false => Status::Partial,
            };
        }
        // A family or a grouping without a name may be about anything.
        let substantial = self.is_restricted()
            || (self.grouping_named && self.intent == Intent::Breakdown)
            || matches!(self.intent, Intent::Budget(_) | Intent::Savings);
        match substantial && !self.unknown_decides {
            true => Status::Partial,
            false => Status::Unanswered,
        }
    }

    /// The unknown parts of the question.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let mut unknown = self.not_understood.clone();
        unknown.extend(self.missing_services.iter().cloned());
        unknown.extend(
            self.unread_columns()
                .iter()
                .map(|column| (*column).to_string()),
        );
        unknown
    }

    /// Columns that it needs and that the reader of bills does not read.
    fn unread_columns(&self) -> Vec<&'static str> {
        let columns = self.columns().into_iter();
        columns
            .filter(|column| !column.is_read())
            .map(|column| column.words())
            .collect()
    }

    /// Questions near this one that can be answered.
    pub(crate) fn nearest(&self) -> Vec<Self> {
        let mut nearest = Self {
            not_understood: vec![],
            missing_services: vec![],
            unknown_decides: false,
            understood: true,
            ..self.clone()
        };
        nearest.filter.columns.retain(|column, _| column.is_read());
        let unread = |grouping: &Option<Grouping>| matches!(grouping, Some(Grouping::Column(column)) if !column.is_read());
        if unread(&nearest.second_grouping) {
            nearest.second_grouping = None;
        }
        if unread(&nearest.grouping) {
            nearest.grouping = Some(Grouping::Service);
        }
        vec![nearest]
    }
}
