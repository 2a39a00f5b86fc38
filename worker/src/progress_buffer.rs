//! Progress reports between an analysis and the job's row, coalesced: an analysis that reports often costs no more
//! writes than one that reports rarely.

use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use longhaul_shared::domain::job::Report;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// A report that is this much further than the last step is a step of its own, so that an attempt has twenty
/// steps at most. In percent.
const STEP_PERCENT: u8 = 5;

/// Steps within this time share a write, and the last step of a job that ends within it shares the end's: nobody
/// can see them apart.
const COALESCE_WINDOW: Duration = Duration::from_millis(10);

/// Reports that have not been written yet.
pub struct ProgressBuffer {
    pending: Mutex<Pending>,
    arrived: Notify,
}

struct Pending {
    steps: Vec<Report>,
    /// When the steps are to be written; `None` without any.
    due: Option<Instant>,
    /// The latest report since the last step that is less than a step further.
    latest: Option<Report>,
    /// The highest percentage reported: it never falls.
    highest: u8,
    /// The percentage of the last step; `None` before the first report, which is always a step.
    last_step: Option<u8>,
}

impl ProgressBuffer {
    /// For an attempt that continues from this percentage.
    pub fn starting_at(percent: u8) -> Self {
        let pending = Pending {
            steps: vec![],
            due: None,
            latest: None,
            highest: percent,
            last_step: None,
        };
        Self {
            pending: Mutex::new(pending),
            arrived: Notify::new(),
        }
    }

    /// Adds a report; never waits.
    pub fn push(&self, mut report: Report) {
        let mut pending = self.lock();
        pending.highest = pending.highest.max(report.percent.min(100));
        report.percent = pending.highest;
        let next_step = |last: u8| last.saturating_add(STEP_PERCENT);
        if pending
            .last_step
            .is_some_and(|last| report.percent < next_step(last))
        {
            pending.latest = Some(report);
            return;
        }
        pending.last_step = Some(report.percent);
        pending.latest = None;
        pending
            .due
            .get_or_insert_with(|| Instant::now() + COALESCE_WINDOW);
        pending.steps.push(report);
        self.arrived.notify_one();
    }

    /// Waits until steps are due. Cancel-safe.
    pub async fn due(&self) {
        loop {
            let due = self.lock().due;
            if let Some(due) = due {
                return sleep_until(due).await;
            }
            self.arrived.notified().await;
        }
    }

    /// Takes the steps and the latest report, due or not.
    pub fn drain(&self) -> Vec<Report> {
        let mut pending = self.lock();
        pending.due = None;
        let latest = pending.latest.take();
        take(&mut pending.steps).into_iter().chain(latest).collect()
    }

    /// A panic of another holder leaves no half-made change behind: each holds the lock for a few assignments.
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(percent: u8, message: &str) -> Report {
        Report {
            percent,
            message: message.into(),
        }
    }

    #[test]
    fn every_step_stays_and_of_smaller_reports_the_latest() {
        let buffer = ProgressBuffer::starting_at(5);
        for percent in 0..=100 {
            buffer.push(report(percent, "x"));
        }
        let drained: Vec<u8> = buffer.drain().iter().map(|report| report.percent).collect();
        assert_eq!(drained, (5..=100).step_by(5).collect::<Vec<u8>>());
        buffer.push(report(100, "a"));
        buffer.push(report(90, "b"));
        assert_eq!(buffer.drain(), [report(100, "b")]);
        assert_eq!(buffer.drain(), []);
    }
}
