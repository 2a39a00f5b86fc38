//! Direct responses to clients. What does not fit one frame is left to the next request.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::event::{event_frame, reference, to_json};
use crate::domain::event::CatchUp;
use crate::domain::job::{Job, JobResult, Outcome, Status};
use crate::domain::limits;

/// A direct response: `type`, its fields, the echo of `requestId`, `timestamp`.
pub fn response(kind: &str, mut fields: Value, request_id: Option<&str>, now: Timestamp) -> String {
    fields["type"] = kind.into();
    fields["timestamp"] = now.as_second().into();
    if let Some(request_id) = request_id {
        fields["requestId"] = request_id.into();
    }
    fields.to_string()
}

/// A message of the operator, which is no response.
pub fn system(content: &str, now: Timestamp) -> String {
    response("system", json!({"content": content}), None, now)
}

/// A job as clients receive it, with its result.
pub fn job_with_result(job: &Job) -> Value {
    let mut value = job_view(job);
    let params = serde_json::from_str(&job.input.params).unwrap_or(Value::Null);
    if params.as_object().is_some_and(|params| !params.is_empty()) {
        value["params"] = params;
    }
    if let Some(Outcome::Completed(JobResult::Inline(result))) = &job.outcome {
        // A frame with a large result has space for the beginning of the query only, and none for the
        // parameters.
        if result.len() + value.to_string().len() > limits::ANSWER_BYTES {
            value["params"].take();
            value["query"] = limits::prefix(&job.input.query, limits::QUERY_IN_ROW_BYTES).into();
        }
        value["result"] = serde_json::from_str(result).unwrap_or(Value::Null);
    }
    if let Some(Outcome::Completed(result)) = &job.outcome
        && let Some(reference) = reference(result)
    {
        value["resultRef"] = reference;
    }
    value
}

/// The number of jobs, from the first on, that fit one response; at least one.
pub fn jobs_that_fit(jobs: &[Job]) -> usize {
    let mut bytes = 0;
    let fits = |job: &&Job| {
        bytes += job_view(job).to_string().len();
        bytes <= limits::ANSWER_BYTES
    };
    jobs.iter().take_while(fits).count().max(1)
}

/// The response to `subscribe`: the events after the last one that the client has applied, or `gone`.
pub fn subscribed(
    id: &str,
    catch_up: Option<(&Job, &CatchUp)>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Subscribed<'a> {
        r#type: &'a str,
        job_id: &'a str,
        status: &'a str,
        head: u64,
        mode: &'a str,
        events: Vec<Box<RawValue>>,
        more: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
        timestamp: i64,
    }
    let (status, head, mode, missing, more) = match catch_up {
        Some((job, catch_up)) => (
            job.status.as_str(),
            job.seq,
            "replay",
            &catch_up.events[..],
            catch_up.more,
        ),
        None => ("gone", 0, "gone", &[][..], false),
    };
    let (mut bytes, mut events) = (0, vec![]);
    for frame in missing.iter().map(event_frame) {
        bytes += frame.len();
        if bytes > limits::ANSWER_BYTES && !events.is_empty() {
            break;
        }
        events.push(raw(frame));
    }
    let frame = Subscribed {
        r#type: "subscribed",
        job_id: id,
        status,
        head,
        mode,
        more: more || events.len() < missing.len(),
        events,
        request_id,
        timestamp: now.as_second(),
    };
    to_json(&frame)
}

/// A job as clients receive it, without its result: the row's names, times in ISO 8601.
pub fn job_view(job: &Job) -> Value {
    let mut view = json!({
        "jobId": job.id.to_string(),
        "userId": job.owner.user,
        "kind": job.kind,
        "query": job.input.query,
        "status": job.status.as_str(),
        "progress": job.progress,
        "message": job.message,
        "seq": job.seq,
        "attempt": job.attempt,
        "createdAt": rfc3339(job.created_at),
        "updatedAt": rfc3339(job.updated_at),
        "deadlineAt": rfc3339(job.deadline),
    });
    if let Some(request_id) = &job.request_id {
        view["requestId"] = request_id.as_str().into();
    }
    if let Some(at) = job.started_at {
        view["startedAt"] = rfc3339(at).into();
    }
    if let Some(at) = job.finished_at {
        view["finishedAt"] = rfc3339(at).into();
    }
    if job.replays > 0 {
        view["replays"] = job.replays.into();
    }
    if let Some(last_error) = &job.last_error {
        view["lastError"] = json!({"code": last_error.code, "message": last_error.message, "at": rfc3339(last_error.at)});
    }
    if job.status == Status::Completed {
        view["progress"] = 100.into();
    }
    match &job.outcome {
        Some(Outcome::Failed(error)) => {
            view["error"] =
                json!({"code": error.code, "message": error.message, "retryable": error.retryable});
        }
        Some(Outcome::Cancelled { by, .. }) => view["cancelledBy"] = by.as_str().into(),
        Some(Outcome::Completed(_)) | None => {}
    }
    view
}

/// A time as responses have it: RFC 3339, in milliseconds.
pub fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}

fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).expect("an encoded event is JSON")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::ids::{JobId, Owner};
    use crate::domain::job::{JobInput, SubmitOptions};
    use crate::domain::stream::Stream;

    fn catch_up(job: &Job, after: u64) -> CatchUp {
        CatchUp::new(job, after, Stream::empty())
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
                json!({"type": "job_queued", "jobId": id, "seq": 1, "requestId": "r1", "timestamp": 100,
                       "message": "Your query is queued.", "query": "why?", "progress": 5}),
                json!({"type": "job_completed", "jobId": id, "seq": 4, "requestId": "r1", "timestamp": 105,
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
            let frame = subscribed("x", Some((&job, &catch_up(&job, applied))), None, now);
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
        let with_result = json!({"job": job_with_result(&job)});
        assert!(response("job", with_result, None, now).len() <= 128 * 1024);
        let jobs = vec![job; 100];
        let fitting = jobs_that_fit(&jobs);
        assert!((1..100).contains(&fitting));
        let views: Vec<Value> = jobs[..fitting].iter().map(job_view).collect();
        let list = json!({"jobs": views, "cursor": "c"});
        assert!(response("jobs", list, None, now).len() <= 128 * 1024);
    }

    #[test]
    fn a_subscription_returns_the_missing_events() {
        let job = finished();
        let now = Timestamp::from_second(200).unwrap();
        for (after, seqs) in [(0, vec![1, 4]), (1, vec![4]), (3, vec![4]), (4, vec![])] {
            let frame = subscribed("x", Some((&job, &catch_up(&job, after))), Some("s"), now);
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
