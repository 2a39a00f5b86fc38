//! Progress on its way from an analysis to the row: coalesced, so that a chatty analysis costs no
//! more writes than a quiet one.
//!
//! Decides what is worth a write; when the second is over is the reader's business.

use std::mem::take;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use longhaul_shared::domain::job::Report;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// A report this much further than the last that was kept is told in any case, so one attempt keeps
/// at most twenty of them.
const STEP_PERCENT: u8 = 5;

/// Steps that come within this share a write, and the last of a job that is over by then the end's: nobody sees
/// them apart.
const COALESCE_WINDOW: Duration = Duration::from_millis(10);

/// The reports that have not been told yet.
pub struct Reports {
    pending: Mutex<Pending>,
    arrived: Notify,
}

struct Pending {
    steps: Vec<Report>,
    /// When they are to be told; none without any.
    due: Option<Instant>,
    /// Said after the last step and less than a step further.
    latest: Option<Report>,
    /// The furthest that was said: the percentage never falls.
    furthest: u8,
    /// How far the last step was; none before the first report, which is always a step.
    reached: Option<u8>,
}

impl Reports {
    /// Of an attempt that goes on from this percentage.
    pub fn from(percent: u8) -> Self {
        let pending = Pending {
            steps: vec![],
            due: None,
            latest: None,
            furthest: percent,
            reached: None,
        };
        Self {
            pending: Mutex::new(pending),
            arrived: Notify::new(),
        }
    }

    /// Takes a report in; never waits.
    pub fn push(&self, mut report: Report) {
        let mut pending = self.lock();
        pending.furthest = pending.furthest.max(report.percent.min(100));
        report.percent = pending.furthest;
        if pending
            .reached
            .is_some_and(|reached| report.percent < reached.saturating_add(STEP_PERCENT))
        {
            pending.latest = Some(report);
            return;
        }
        pending.reached = Some(report.percent);
        pending.latest = None;
        pending
            .due
            .get_or_insert_with(|| Instant::now() + COALESCE_WINDOW);
        pending.steps.push(report);
        self.arrived.notify_one();
    }

    /// Waits for a step, and for those that come right behind it. Safe to give up and ask again.
    pub async fn due(&self) {
        loop {
            let due = self.lock().due;
            if let Some(due) = due {
                return sleep_until(due).await;
            }
            self.arrived.notified().await;
        }
    }

    /// What is to be told next, steps or not: when they are due, about each second, and before the end.
    pub fn drain(&self) -> Vec<Report> {
        let mut pending = self.lock();
        pending.due = None;
        let latest = pending.latest.take();
        take(&mut pending.steps).into_iter().chain(latest).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        // The lock is held for a few assignments only, none of which leaves half a state behind.
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
    fn steps_are_kept_and_small_reports_overtake_each_other() {
        let reports = Reports::from(5);
        for percent in 0..=100 {
            reports.push(report(percent, "x"));
        }
        let told: Vec<u8> = reports
            .drain()
            .iter()
            .map(|report| report.percent)
            .collect();
        assert_eq!(told, (5..=100).step_by(5).collect::<Vec<u8>>());
        reports.push(report(100, "a"));
        reports.push(report(90, "b"));
        assert_eq!(reports.drain(), [report(100, "b")]);
        assert_eq!(reports.drain(), []);
    }
}
