//! Functions that run by the clock, as EventBridge runs them: asynchronously, so that a failure is
//! tried again and a slow run delays no other. It knows no rule language, only a period.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use uuid::Uuid;

use crate::lambda::{Invoked, Lambda};
use crate::plan::{self, ACCOUNT, REGION};

/// Lambda's waits before the two retries of a failed asynchronous invocation.
const RETRIES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];
/// Lambda's first and longest wait while an asynchronous invocation is throttled.
const THROTTLED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// The age at which Lambda drops an asynchronous event that was never admitted.
const MAXIMUM_AGE: Duration = Duration::from_secs(6 * 60 * 60);

/// A running schedule; dropping it ends it, retries that wait included.
pub struct Ticking {
    task: JoinHandle<()>,
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Invokes the function each period, for the first time one period from now. Ticks that a sleeping
/// machine missed are not made up for.
pub fn start(schedule: plan::Schedule, lambda: Lambda) -> Ticking {
    let task = tokio::spawn(async move {
        let mut runs = JoinSet::new();
        let mut ticks = tokio::time::interval_at(Instant::now() + schedule.every, schedule.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            while runs.try_join_next().is_some() {}
            let function = schedule.function.clone();
            runs.spawn(fire(lambda.clone(), function, event(&schedule), RETRIES));
        }
    });
    Ticking { task }
}

/// What the function gets: the schedule's input, or EventBridge's own event.
fn event(schedule: &plan::Schedule) -> Bytes {
    if let Some(input) = &schedule.input {
        return Bytes::from(input.clone());
    }
    let time = jiff::Timestamp::now();
    json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": format!("{time:.0}"),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{}", schedule.name)],
        "detail": {},
    })
    .to_string()
    .into()
}

/// One asynchronous invocation: retried after a failure, patient while throttled.
async fn fire(lambda: Lambda, function: String, event: Bytes, retries: [Duration; 2]) {
    let born = Instant::now();
    let mut retries = retries.into_iter();
    let mut patience = THROTTLED.0;
    loop {
        let wait = match lambda.invoke(&function, event.clone(), None).await {
            Invoked::Returned(_) => return,
            Invoked::NoSuchFunction => {
                tracing::error!(function, "the schedule's function does not exist");
                return;
            }
            Invoked::Failed { kind, .. } => {
                tracing::warn!(function, ?kind, "scheduled run failed");
                let Some(wait) = retries.next() else { return };
                wait
            }
            Invoked::Throttled if born.elapsed() > MAXIMUM_AGE => {
                tracing::warn!(function, "scheduled run was throttled until it was too old");
                return;
            }
            Invoked::Throttled => {
                let wait = patience;
                patience = (patience * 2).min(THROTTLED.1);
                wait
            }
        };
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::tests::{function, host, notes};

    fn schedule(input: Option<&str>) -> plan::Schedule {
        plan::Schedule {
            name: "sweep".into(),
            every: Duration::from_millis(50),
            function: "tick".into(),
            input: input.map(String::from),
        }
    }

    #[tokio::test]
    async fn it_ticks_again_and_again_with_eventbridges_event() {
        let folder = tempfile::tempdir().unwrap();
        let lambda = host(folder.path(), vec![function("tick", "tick")]).await;
        let ticking = start(schedule(None), lambda.clone());
        let events = notes(folder.path(), "ticks", 2).await;
        drop(ticking);
        assert_eq!(events[0]["detail-type"], "Scheduled Event");
        assert_eq!(
            events[0]["resources"][0],
            "arn:aws:events:us-east-1:000000000000:rule/sweep"
        );
        assert_ne!(events[0]["id"], events[1]["id"]);
        lambda.stop().await;
    }

    #[tokio::test]
    async fn a_given_input_replaces_the_event() {
        let folder = tempfile::tempdir().unwrap();
        let lambda = host(folder.path(), vec![function("tick", "tick")]).await;
        let ticking = start(schedule(Some(r#"{"only":"this"}"#)), lambda.clone());
        let events = notes(folder.path(), "ticks", 1).await;
        drop(ticking);
        assert_eq!(events[0], json!({ "only": "this" }));
        lambda.stop().await;
    }

    #[tokio::test]
    async fn a_failure_is_tried_twice_more() {
        let folder = tempfile::tempdir().unwrap();
        let lambda = host(folder.path(), vec![function("fails", "batch")]).await;
        let event = Bytes::from_static(br#"{"Records":[{"body":"throw"}]}"#);
        fire(lambda.clone(), "fails".into(), event, [Duration::ZERO; 2]).await;
        assert_eq!(notes(folder.path(), "batches", 3).await.len(), 3);
        lambda.stop().await;
    }
}
