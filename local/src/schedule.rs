//! Invokes functions on a schedule, asynchronously like EventBridge: failures are retried, and a slow run
//! does not delay the next one. Schedules are periods only.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use uuid::Uuid;

use crate::lambda::{InvokeOutcome, Lambda};
use crate::stack_spec::{ACCOUNT, REGION, Schedule};

/// Lambda's waits before the two retries of a failed asynchronous invocation.
const RETRY_WAITS: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];
/// Lambda's first wait while an asynchronous invocation is throttled. It doubles up to
/// [`MAX_THROTTLE_WAIT`].
const FIRST_THROTTLE_WAIT: Duration = Duration::from_secs(1);
const MAX_THROTTLE_WAIT: Duration = Duration::from_secs(300);
/// The age at which Lambda drops an asynchronous event that stayed throttled.
const MAX_EVENT_AGE: Duration = Duration::from_secs(6 * 60 * 60);

/// A running schedule. Dropping it stops the schedule and its pending retries.
pub struct ScheduleTask {
    task: JoinHandle<()>,
}

impl Drop for ScheduleTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScheduleTask {
    /// Invokes the function every period, first after one period. Ticks that were missed while the machine
    /// slept are skipped.
    pub fn start(schedule: Schedule, lambda: Lambda) -> ScheduleTask {
        let task = tokio::spawn(async move {
            let mut runs = JoinSet::new();
            let first = Instant::now() + schedule.period;
            let mut ticks = tokio::time::interval_at(first, schedule.period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                while runs.try_join_next().is_some() {}
                let function = schedule.function.clone();
                let event = scheduled_event(&schedule);
                runs.spawn(invoke_async(lambda.clone(), function, event, RETRY_WAITS));
            }
        });
        ScheduleTask { task }
    }
}

/// The function's event: the schedule's input, or EventBridge's scheduled event.
fn scheduled_event(schedule: &Schedule) -> Bytes {
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

/// One asynchronous invocation, with retries after failures and waits while throttled.
async fn invoke_async(lambda: Lambda, function: String, event: Bytes, retry_waits: [Duration; 2]) {
    let created_at = Instant::now();
    let mut retry_waits = retry_waits.into_iter();
    let mut throttle_wait = FIRST_THROTTLE_WAIT;
    loop {
        let wait = match lambda.invoke(&function, event.clone(), None).await {
            InvokeOutcome::Returned(_) => return,
            InvokeOutcome::NoSuchFunction => {
                tracing::error!(function, "the schedule's function does not exist");
                return;
            }
            InvokeOutcome::Failed { kind, .. } => {
                tracing::warn!(function, ?kind, "scheduled invocation failed");
                let Some(wait) = retry_waits.next() else {
                    return;
                };
                wait
            }
            InvokeOutcome::Throttled if created_at.elapsed() > MAX_EVENT_AGE => {
                tracing::warn!(
                    function,
                    max_age = ?MAX_EVENT_AGE,
                    "scheduled invocation dropped: throttled for too long"
                );
                return;
            }
            InvokeOutcome::Throttled => {
                let wait = throttle_wait;
                throttle_wait = (throttle_wait * 2).min(MAX_THROTTLE_WAIT);
                wait
            }
        };
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::tests::{function, notes, start_lambda};

    fn schedule(input: Option<&str>) -> Schedule {
        Schedule {
            name: "sweep".into(),
            period: Duration::from_millis(50),
            function: "tick".into(),
            input: input.map(String::from),
        }
    }

    #[tokio::test]
    async fn a_schedule_invokes_repeatedly_with_eventbridges_event() {
        let folder = tempfile::tempdir().unwrap();
        let lambda = start_lambda(folder.path(), vec![function("tick", "tick")]).await;
        let task = ScheduleTask::start(schedule(None), lambda.clone());
        let events = notes(folder.path(), "ticks", 2).await;
        drop(task);
        assert_eq!(events[0]["detail-type"], "Scheduled Event");
        assert_eq!(
            events[0]["resources"][0],
            "arn:aws:events:us-east-1:000000000000:rule/sweep"
        );
        assert_ne!(events[0]["id"], events[1]["id"]);
        lambda.stop().await;
    }

    #[tokio::test]
    async fn a_configured_input_replaces_the_event() {
        let folder = tempfile::tempdir().unwrap();
        let lambda = start_lambda(folder.path(), vec![function("tick", "tick")]).await;
        let task = ScheduleTask::start(schedule(Some(r#"{"only":"this"}"#)), lambda.clone());
        let events = notes(folder.path(), "ticks", 1).await;
        drop(task);
        assert_eq!(events[0], json!({ "only": "this" }));
        lambda.stop().await;
    }

    #[tokio::test]
    async fn a_failed_invocation_is_retried_twice() {
        let folder = tempfile::tempdir().unwrap();
        let lambda = start_lambda(folder.path(), vec![function("fails", "batch")]).await;
        let event = Bytes::from_static(br#"{"Records":[{"body":"throw"}]}"#);
        invoke_async(lambda.clone(), "fails".into(), event, [Duration::ZERO; 2]).await;
        assert_eq!(notes(folder.path(), "batches", 3).await.len(), 3);
        lambda.stop().await;
    }
}
