//! Selects dead letters by job, user, kind, code, age and text. An unreadable message matches no filter.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use longhaul_shared::domain::dead_letter::FailedRun;

use crate::terminal::parse_duration;

/// Selects the dead letters that match every given option.
#[derive(Args, Default)]
pub struct Filter {
    /// Job id.
    #[arg(long, value_name = "ID")]
    job: Option<String>,
    /// User id of the job's owner.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Kind of the job.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Error code of the failed run, such as POISON, in upper or lower case.
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Minimum time since the run failed, such as 90s, 15m, 2h or 7d.
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    older_than: Option<Duration>,
    /// Maximum time since the run failed.
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    newer_than: Option<Duration>,
    /// Text that the message contains, in upper or lower case.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
}

impl Filter {
    /// Whether no option is given, so that every dead letter matches.
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
        let texts = [job, user, kind, code, text];
        texts.iter().all(|text| text.is_none()) && older_than.or(*newer_than).is_none()
    }

    pub fn matches(&self, run: &FailedRun, now: Timestamp) -> bool {
        let equals = |wanted: &Option<String>, found: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == found
        };
        let code = run.payload.as_ref().map(|payload| payload.code.as_str());
        let failed_at = run.failed_at();
        equals(&self.job, Some(&run.job.to_string()))
            && equals(&self.user, run.owner().map(|owner| owner.user.as_str()))
            && equals(&self.kind, run.kind())
            && (self.code.as_deref())
                .is_none_or(|wanted| code.is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
            && self.older_than.is_none_or(|age| failed_at + age < now)
            && self.newer_than.is_none_or(|age| failed_at + age >= now)
            && self.text.as_ref().is_none_or(|text| contains(run, text))
    }
}

fn contains(run: &FailedRun, text: &str) -> bool {
    let text = text.to_lowercase();
    let mut bodies = run.messages.iter().map(|message| &message.body);
    bodies.any(|body| body.to_lowercase().contains(&text))
}
