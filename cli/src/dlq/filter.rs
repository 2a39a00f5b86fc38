//! Which dead letters are meant: by job, user, kind, code, age and text.
//!
//! A letter that can't be read has none of these, so no filter ever means it.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use longhaul_shared::messaging::dead_letters::FailedRun;

use crate::terminal::age;

/// Only the letters that have all of what is given.
#[derive(Args, Default)]
pub struct Filter {
    /// Of this job.
    #[arg(long, value_name = "ID")]
    job: Option<String>,
    /// Of this user's jobs.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Of jobs of this kind.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// That failed with this code, such as POISON.
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// That failed longer ago than this: 90s, 15m, 2h, 7d.
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<Duration>,
    /// That failed no longer ago than this.
    #[arg(long, value_name = "AGE", value_parser = age)]
    newer_than: Option<Duration>,
    /// Whose message has this text in it, in capitals or not.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
}

impl Filter {
    /// Whether it means every letter.
    pub fn is_empty(&self) -> bool {
        let Self {
            job,
            user,
            kind,
            code,
            older_than,
            newer_than,
            text,
        } = self;
        let words = [job, user, kind, code, text];
        words.iter().all(|word| word.is_none()) && older_than.or(*newer_than).is_none()
    }

    pub fn admits(&self, case: &FailedRun, now: Timestamp) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == found
        };
        let code = case
            .evidence
            .as_ref()
            .map(|evidence| evidence.code.as_str());
        let since = case.since();
        is(&self.job, Some(&case.job.to_string()))
            && is(&self.user, case.owner().map(|owner| owner.user.as_str()))
            && is(&self.kind, case.kind())
            && is(&self.code, code)
            && self.older_than.is_none_or(|age| since + age < now)
            && self.newer_than.is_none_or(|age| since + age >= now)
            && self.text.as_ref().is_none_or(|text| says(case, text))
    }
}

fn says(case: &FailedRun, text: &str) -> bool {
    let text = text.to_lowercase();
    let mut bodies = case.messages.iter().map(|message| &message.body);
    bodies.any(|body| body.to_lowercase().contains(&text))
}
