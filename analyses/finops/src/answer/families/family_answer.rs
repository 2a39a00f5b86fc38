//! What a family of questions answers: a sentence, tables, notes and data.

use serde_json::Value;

/// The answer of one family.
#[derive(Debug, Default)]
pub(crate) struct FamilyAnswer {
    /// Markdown, with every name escaped.
    pub sentence: String,
    pub tables: Vec<Table>,
    pub notes: Vec<String>,
    pub data: Value,
}

/// A table of Markdown cells; all columns but the first are amounts.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub heading: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self {
            heading: heading.iter().map(|name| (*name).to_string()).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn markdown(&self) -> String {
        let row = |cells: &[String]| format!("| {} |", cells.join(" | "));
        let mut rule = vec!["---:".to_string(); self.heading.len()];
        rule[0] = "---".into();
        let mut lines = vec![row(&self.heading), row(&rule)];
        lines.extend(self.rows.iter().map(|cells| row(cells)));
        lines.join("\n")
    }
}
