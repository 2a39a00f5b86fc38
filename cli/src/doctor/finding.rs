//! What was found, in the order in which it was looked at, and how it reads.
//!
//! A failed check says what to do, and where in the runbook that stands.

use serde_json::{Value, json};

use crate::Ended;
use crate::terminal::{aligned, printable};

/// What mends a stack that is not as its template says; `up` of the embedded cloud does it by itself.
pub const MEND: &str = "set it back to what the template says";
/// The runbook's section about it.
pub const CHANGED: &str = "A stack that was changed by hand";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    NotLookedAt,
    Ok,
    Warning,
    Failed,
}

struct Finding {
    verdict: Verdict,
    check: String,
    found: String,
    /// What to do; empty where all is well.
    advice: String,
    /// Of docs/RUNBOOK.md; empty where it has none.
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

    /// What nobody here can tell, and why.
    pub fn unseen(&mut self, check: impl Into<String>, why: impl Into<String>) {
        self.add(Verdict::NotLookedAt, check.into(), why.into(), "", "");
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

    /// What the command comes to.
    pub fn worst(&self) -> Ended {
        match self.0.iter().map(|finding| finding.verdict).max() {
            Some(Verdict::Failed) => Ended::Broken,
            Some(Verdict::Warning) => Ended::Partly,
            _ => Ended::Well,
        }
    }

    pub fn shown(&self) -> String {
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
        let shown = |finding: &Finding| {
            json!({"verdict": finding.verdict.as_str(), "check": finding.check, "found": finding.found,
                "do": finding.advice, "runbook": finding.section})
        };
        let worst = self.0.iter().map(|finding| finding.verdict).max();
        let worst = worst.unwrap_or(Verdict::Ok).max(Verdict::Ok);
        json!({"verdict": worst.as_str(), "checks": self.0.iter().map(shown).collect::<Vec<_>>()})
    }
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::NotLookedAt => "not looked at",
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
