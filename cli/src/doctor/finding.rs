//! The findings of the checks, in order, as text and as JSON.
//!
//! A failed check has advice, and the section of the runbook about it.

use serde_json::{Value, json};

use crate::exit_status::ExitStatus;
use crate::terminal::{aligned, printable};

/// The advice for a stack that differs from its template. The embedded cloud restores itself with `up`.
pub const RESTORE: &str = "restore what the template says";
/// The runbook's section about that.
pub const CHANGED: &str = "A stack that was changed by hand";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Skipped,
    Ok,
    Warning,
    Failed,
}

struct Finding {
    verdict: Verdict,
    check: String,
    found: String,
    /// What to do; empty for a passed check.
    advice: String,
    /// The section of docs/RUNBOOK.md; may be empty.
    section: &'static str,
}

#[derive(Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    pub fn ok(&mut self, check: impl Into<String>, found: impl Into<String>) {
        self.add(Verdict::Ok, check.into(), found.into(), "", "");
    }

    pub fn warn(
        &mut self,
        check: impl Into<String>,
        found: impl Into<String>,
        advice: &str,
        section: &'static str,
    ) {
        self.add(
            Verdict::Warning,
            check.into(),
            found.into(),
            advice,
            section,
        );
    }

    pub fn fail(
        &mut self,
        check: impl Into<String>,
        found: impl Into<String>,
        advice: &str,
        section: &'static str,
    ) {
        self.add(Verdict::Failed, check.into(), found.into(), advice, section);
    }

    /// A check that can't run, and why.
    pub fn skipped(&mut self, check: impl Into<String>, why: impl Into<String>) {
        self.add(Verdict::Skipped, check.into(), why.into(), "", "");
    }

    fn add(
        &mut self,
        verdict: Verdict,
        check: String,
        found: String,
        advice: &str,
        section: &'static str,
    ) {
        self.0.push(Finding {
            verdict,
            check,
            found,
            advice: advice.to_owned(),
            section,
        });
    }

    /// The command's exit status: that of the worst finding.
    pub fn exit_status(&self) -> ExitStatus {
        match self.0.iter().map(|finding| finding.verdict).max() {
            Some(Verdict::Failed) => ExitStatus::Broken,
            Some(Verdict::Warning) => ExitStatus::Partial,
            _ => ExitStatus::Success,
        }
    }

    pub fn render(&self) -> String {
        let rows: Vec<[String; 3]> = self.0.iter().map(row).collect();
        let mut text = aligned(&rows);
        for finding in &self.0 {
            if finding.advice.is_empty() {
                continue;
            }
            text.push_str(&format!("\n{}: {}", finding.check, finding.advice));
            if !finding.section.is_empty() {
                text.push_str(&format!(" (docs/RUNBOOK.md, \"{}\")", finding.section));
            }
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }

    pub fn json(&self) -> Value {
        let to_json = |finding: &Finding| {
            json!({"verdict": finding.verdict.as_str(), "check": finding.check, "found": finding.found,
                "do": finding.advice, "runbook": finding.section})
        };
        let worst = self.0.iter().map(|finding| finding.verdict).max();
        let worst = worst.unwrap_or(Verdict::Ok).max(Verdict::Ok);
        json!({"verdict": worst.as_str(), "checks": self.0.iter().map(to_json).collect::<Vec<_>>()})
    }
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "not looked at",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

fn row(finding: &Finding) -> [String; 3] {
    [
        finding.verdict.as_str().to_owned(),
        finding.check.clone(),
        printable(&finding.found),
    ]
}
