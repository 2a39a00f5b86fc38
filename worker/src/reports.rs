//! Progress on its way from an analysis to the row: coalesced, so that a chatty analysis costs no
//! more writes than a quiet one.
//!
//! Decides what is worth a write; when the second is over is the reader's business.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// A report this much further than the last that was kept is told in any case, so one attempt keeps
/// at most twenty of them.
const STEP_PERCENT: u8 = 5;

/// What an analysis said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub percent: u8,
    pub message: String,
}

/// The reports that have not been told yet.
#[derive(Default)]
pub struct Reports {
    pending: Mutex<Pending>,
    arrived: Notify,
}

#[derive(Default)]
struct Pending {
    steps: VecDeque<Progress>,
    /// Said after the last step and less than a step further.
    latest: Option<Progress>,
    /// How far the last step was; none before the first report, which is always a step.
    reached: Option<u8>,
}

impl Reports {
    /// Takes a report in; never waits.
    pub fn push(&self, progress: Progress) {
        let mut pending = self.lock();
        if pending
            .reached
            .is_some_and(|reached| progress.percent < reached.saturating_add(STEP_PERCENT))
        {
            pending.latest = Some(progress);
            return;
        }
        pending.reached = Some(progress.percent);
        pending.latest = None;
        pending.steps.push_back(progress);
        self.arrived.notify_one();
    }

    /// Waits for the next step. Safe to give up and ask again.
    pub async fn step(&self) -> Progress {
        loop {
            if let Some(step) = self.lock().steps.pop_front() {
                return step;
            }
            self.arrived.notified().await;
        }
    }

    /// What is to be told next, step or not; asked about each second and before the end.
    pub fn take(&self) -> Option<Progress> {
        let mut pending = self.lock();
        pending.steps.pop_front().or_else(|| pending.latest.take())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        // The lock is held for a few assignments only, none of which leaves half a state behind.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_kept_and_small_reports_overtake_each_other() {
        let reports = Reports::default();
        for percent in 0..=100 {
            reports.push(Progress {
                percent,
                message: percent.to_string(),
            });
        }
        let told: Vec<u8> = std::iter::from_fn(|| reports.take())
            .map(|progress| progress.percent)
            .collect();
        assert_eq!(told, (0..=100).step_by(5).collect::<Vec<u8>>());
        reports.push(Progress {
            percent: 100,
            message: "a".into(),
        });
        reports.push(Progress {
            percent: 100,
            message: "b".into(),
        });
        assert_eq!(
            reports.take().map(|progress| progress.message).as_deref(),
            Some("b")
        );
        assert_eq!(reports.take(), None);
    }
}
