//! The response to `subscribe`, and how many jobs fit a response. What does not fit one frame is left to the next
//! request.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Gone, JobView, StatusOrGone};
use crate::domain::event::{CatchUp, Event};
use crate::domain::job::Job;
use crate::domain::limits;
use crate::protocol::event::event_frame;
use crate::protocol::frame::to_json;
use crate::protocol::request::{Warning, are_none};

/// The events of a job after the last one that the client has applied, or that it has no such job. The response to
/// `subscribe` with `jobId`, and to a `query` whose idempotency key is in use.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Subscribed<'a> {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "subscribed")))]
    r#type: &'a str,
    /// The job, as the frame named it.
    job_id: &'a str,
    /// The job's state.
    status: StatusOrGone,
    /// The sequence number of the latest event; 0 if the job is gone.
    head: u64,
    /// Whether there is such a job.
    mode: SubscribeMode,
    /// Every chunk, the end, and the latest of the progress after `after`, in order of `seq`.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Vec<crate::protocol::event::JobEventFrame<'a>>")
    )]
    events: Vec<Box<RawValue>>,
    /// Whether there are more: subscribe again with the last `seq` of `events`. Until it is false, pushed events above
    /// `head` have to wait.
    more: bool,
    /// Events up to this `seq` were left out, since later ones replace them: earlier progress, and attempts that are over.
    /// `getEvents` returns them. Missing if `events` is gapless.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped_through: Option<u64>,
    /// Present if the connection does not follow the job, since as many others do as are allowed: subscribe again after
    /// this many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// The `requestId` of the frame that this responds to. At most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// When the frame was answered, in Unix seconds.
    timestamp: i64,
    /// Fields of the frame that were ignored, since the action does not know them.
    #[serde(skip_serializing_if = "are_none")]
    warnings: &'a [Warning],
}

/// Whether there is such a job.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SubscribeMode {
    /// `events` has what the client lacks.
    Replay,
    /// The job is unknown, past its retention, or another user's.
    Gone,
}

/// The number of jobs, from the first on, that fit one response; at least one.
pub fn jobs_that_fit(jobs: &[Job]) -> usize {
    let mut bytes = 0;
    let fits = |job: &&Job| {
        bytes += to_json(&JobView::new(job)).len();
        bytes <= limits::ANSWER_BYTES
    };
    jobs.iter().take_while(fits).count().max(1)
}

/// The number of entries, from the first on, that fit one response; at least one, if there is one.
pub fn entries_that_fit(entries: &[impl Serialize]) -> usize {
    let mut bytes = 0;
    let fits = |entry: &&_| {
        bytes += to_json(*entry).len();
        bytes <= limits::ANSWER_BYTES
    };
    let fitting = entries.iter().take_while(fits).count();
    fitting.max(entries.len().min(1))
}

/// The response to `subscribe`: the events after the last one that the client has applied, or `gone`. With
/// `retry_after` in seconds if the connection does not follow the job.
pub fn subscribed(
    id: &str,
    catch_up: Option<(&Job, &CatchUp)>,
    retry_after: Option<u64>,
    request_id: Option<&str>,
    warnings: &[Warning],
    now: Timestamp,
) -> String {
    let (status, head, mode, missing, more) = match catch_up {
        Some((job, catch_up)) => (
            StatusOrGone::Job(job.status.into()),
            job.seq,
            SubscribeMode::Replay,
            &catch_up.events[..],
            catch_up.more,
        ),
        None => (
            StatusOrGone::Gone(Gone::Gone),
            0,
            SubscribeMode::Gone,
            &[][..],
            false,
        ),
    };
    let events = frames_that_fit(missing);
    // The next response covers the gap before an event that does not fit.
    let is_cut = events.len() < missing.len();
    let skipped_through = catch_up
        .and_then(|(_, catch_up)| catch_up.skipped_through)
        .map(|seq| match events.len().checked_sub(1) {
            Some(last) if is_cut => seq.min(missing[last].seq.saturating_sub(1)),
            _ => seq,
        });
    let frame = Subscribed {
        r#type: "subscribed",
        job_id: id,
        status,
        head,
        mode,
        more: more || is_cut,
        events,
        skipped_through,
        retry_after,
        request_id,
        timestamp: now.as_second(),
        warnings,
    };
    to_json(&frame)
}

/// The frames of the events, from the first on, that fit one response; at least one, if there is one.
pub(super) fn frames_that_fit(events: &[Event]) -> Vec<Box<RawValue>> {
    let (mut bytes, mut frames) = (0, vec![]);
    for frame in events.iter().map(event_frame) {
        bytes += frame.len();
        if bytes > limits::ANSWER_BYTES && !frames.is_empty() {
            break;
        }
        frames.push(raw(frame));
    }
    frames
}

fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).expect("an encoded event is JSON")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::ids::{JobId, Owner};
    use crate::domain::job::{JobInput, JobResult, Outcome, Status, SubmitOptions};
    use crate::domain::log::Log;
    use crate::protocol::{JobResponse, Response};

    fn catch_up(job: &Job, after: u64) -> CatchUp {
        CatchUp::new(job, after, Log::empty())
    }

    fn finished() -> Job {
        let at = |second| Timestamp::from_second(second).unwrap();
        let owner = Owner {
            user: "alice".into(),
            tenant: None,
        };
        let input = JobInput::whole("why?".into(), "{}".into());
        let id = JobId::parse("0190c6f3-0000-7000-8000-000000000001").unwrap();
        let mut job = Job::submitted(
            id,
            owner,
            "noop".into(),
            input,
            at(100),
            SubmitOptions {
                deadline: Duration::from_secs(1000),
                retention: Duration::from_secs(1000),
            },
        );
        job.request_id = Some("r1".into());
        (job.started_at, job.finished_at) = (Some(at(102)), Some(at(105)));
        (job.status, job.seq, job.attempt, job.updated_at) = (Status::Completed, 4, 1, at(105));
        job.outcome = Some(Outcome::Completed(JobResult::Inline(r#"{"a":[1]}"#.into())));
        job
    }

    #[test]
    fn events_are_spelled_as_the_protocol_says() {
        let job = finished();
        let frames: Vec<Value> = catch_up(&job, 0)
            .events
            .iter()
            .map(|e| serde_json::from_str(&event_frame(e)).unwrap())
            .collect();
        let id = "0190c6f3-0000-7000-8000-000000000001";
        assert_eq!(
            frames,
            [
                json!({"type": "job_queued", "jobId": id, "seq": 1, "requestId": "r1", "timestamp": 100, "at": "1970-01-01T00:01:40.000Z",
                       "message": "Your query is queued.", "query": "why?", "progress": 5}),
                json!({"type": "job_completed", "jobId": id, "seq": 4, "requestId": "r1", "timestamp": 105, "at": "1970-01-01T00:01:45.000Z",
                       "result": {"a": [1]}, "usage": {"attempts": 1, "queuedMs": 2000, "runMs": 3000}}),
            ]
        );
    }

    #[test]
    fn events_that_do_not_fit_one_response_are_left_to_the_next() {
        let mut job = finished();
        job.input.query = "q".repeat(30_000);
        job.outcome = Some(Outcome::Completed(JobResult::Inline(format!(
            "{:?}",
            "r".repeat(limits::RESULT_IN_FRAME_BYTES - 2)
        ))));
        let now = Timestamp::from_second(200).unwrap();
        let mut applied = 0;
        let mut applied_by_response = vec![];
        loop {
            let frame = subscribed(
                "x",
                Some((&job, &catch_up(&job, applied))),
                None,
                None,
                &[],
                now,
            );
            assert!(frame.len() <= 128 * 1024, "the limit of API Gateway");
            let frame: Value = serde_json::from_str(&frame).unwrap();
            applied = frame["events"].as_array().unwrap().last().unwrap()["seq"]
                .as_u64()
                .unwrap();
            applied_by_response.push(applied);
            if frame["more"] == false {
                break;
            }
        }
        assert_eq!(applied_by_response, [1, 4]);
        let with_result = Response::Job {
            job: JobResponse::found(&job),
        };
        assert!(with_result.frame(None, &[], now).len() <= 128 * 1024);
        let jobs = vec![job; 100];
        let fitting = jobs_that_fit(&jobs);
        assert!((1..100).contains(&fitting));
        let list = Response::Jobs {
            jobs: jobs[..fitting].iter().map(JobView::new).collect(),
            cursor: Some("c".into()),
        };
        assert!(list.frame(None, &[], now).len() <= 128 * 1024);
    }

    #[test]
    fn a_subscription_returns_the_missing_events() {
        let job = finished();
        let now = Timestamp::from_second(200).unwrap();
        for (after, seqs) in [(0, vec![1, 4]), (1, vec![4]), (3, vec![4]), (4, vec![])] {
            let frame = subscribed(
                "x",
                Some((&job, &catch_up(&job, after))),
                None,
                Some("s"),
                &[],
                now,
            );
            let frame: Value = serde_json::from_str(&frame).unwrap();
            let got: Vec<u64> = frame["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|e| e["seq"].as_u64().unwrap())
                .collect();
            assert_eq!(
                (got, &frame["head"], &frame["mode"]),
                (seqs, &json!(4), &json!("replay"))
            );
        }
    }
}
