//! How answers and events are spelled for a follower of PROTOCOL 3.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::auth::Identity;
use crate::event::{Body, Event};
use crate::ids::ConnectionId;
use crate::job::{Job, JobResult, Outcome, QUEUED_PROGRESS};

/// A direct answer: `type`, its fields, the echo of `requestId`, `timestamp`.
fn answer(kind: &str, mut fields: Value, request_id: Option<&str>, now: Timestamp) -> String {
    fields["type"] = kind.into();
    fields["timestamp"] = now.as_second().into();
    if let Some(request_id) = request_id {
        fields["requestId"] = request_id.into();
    }
    fields.to_string()
}

pub fn pong(request_id: Option<&str>, now: Timestamp) -> String {
    answer("pong", json!({}), request_id, now)
}

pub fn authenticated(
    identity: &Identity,
    connection: &ConnectionId,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let fields = json!({
        "message": format!("Welcome {}! You can now submit queries.", identity.username),
        "userId": identity.owner.user,
        "username": identity.username,
        "connectionId": connection.0,
        "expiresAt": identity.expires_at.as_second(),
    });
    answer("authenticated", fields, request_id, now)
}

pub fn token_refreshed(identity: &Identity, request_id: Option<&str>, now: Timestamp) -> String {
    answer(
        "tokenRefreshed",
        json!({"expiresAt": identity.expires_at.as_second()}),
        request_id,
        now,
    )
}

pub fn unsubscribed(job: &str, request_id: Option<&str>, now: Timestamp) -> String {
    answer("unsubscribed", json!({"jobId": job}), request_id, now)
}

/// The answer to `getJob`; `None` says that the job is gone, or somebody else's, in the same words.
pub fn job(id: &str, job: Option<&Job>, request_id: Option<&str>, now: Timestamp) -> String {
    let job = job.map_or_else(|| json!({"jobId": id, "status": "gone"}), view);
    answer("job", json!({"job": job}), request_id, now)
}

pub fn jobs(
    jobs: &[Job],
    cursor: Option<&str>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let mut fields = json!({"jobs": jobs.iter().map(view).collect::<Vec<_>>()});
    if let Some(cursor) = cursor {
        fields["cursor"] = cursor.into();
    }
    answer("jobs", fields, request_id, now)
}

/// The answer to `subscribe`: the events after what the client has applied, or `gone`.
pub fn subscribed(
    id: &str,
    replay: Option<(&Job, &[Event])>,
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
    let (status, head, mode, events) = match replay {
        Some((job, events)) => (
            job.status.as_str(),
            job.seq,
            "replay",
            events.iter().map(|e| raw(event(e))).collect(),
        ),
        None => ("gone", 0, "gone", vec![]),
    };
    let frame = Subscribed {
        r#type: "subscribed",
        job_id: id,
        status,
        head,
        mode,
        events,
        more: false,
        request_id,
        timestamp: now.as_second(),
    };
    serialise(&frame)
}

/// One event as one frame.
pub fn event(event: &Event) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Envelope<'a> {
        job_id: String,
        seq: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
        timestamp: i64,
        #[serde(flatten)]
        body: Spelled<'a>,
    }
    let envelope = Envelope {
        job_id: event.job.to_string(),
        seq: event.seq,
        request_id: event.request_id.as_deref(),
        timestamp: event.at.as_second(),
        body: Spelled::of(&event.body),
    };
    // A result is JSON text already; it is set in as it stands rather than parsed to be written again.
    match &event.body {
        Body::Completed {
            result: JobResult::Here(result),
            ..
        } => with_result(serialise(&envelope), result),
        _ => serialise(&envelope),
    }
}

#[derive(Serialize)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
enum Spelled<'a> {
    JobQueued {
        message: &'a str,
        query: &'a str,
        progress: u8,
    },
    ProgressUpdate {
        status: &'a str,
        message: &'a str,
        progress: u8,
        attempt: u32,
    },
    JobCompleted {
        usage: Value,
    },
    JobFailed {
        error: &'a str,
        code: &'a str,
        retryable: bool,
        attempts: u32,
    },
    JobCancelled {
        by: &'a str,
    },
}

impl<'a> Spelled<'a> {
    fn of(body: &'a Body) -> Self {
        match body {
            Body::Queued { query } => Self::JobQueued {
                message: "Your query is queued.",
                query,
                progress: QUEUED_PROGRESS,
            },
            Body::Progress {
                retrying,
                message,
                progress,
                attempt,
            } => {
                let status = if *retrying { "retrying" } else { "processing" };
                Self::ProgressUpdate {
                    status,
                    message,
                    progress: *progress,
                    attempt: *attempt,
                }
            }
            Body::Completed { usage, .. } => Self::JobCompleted {
                usage: json!({"attempts": usage.attempts, "queuedMs": usage.queued_ms, "runMs": usage.run_ms}),
            },
            Body::Failed { error, attempts } => Self::JobFailed {
                error: &error.sentence,
                code: &error.code,
                retryable: error.retryable,
                attempts: *attempts,
            },
            Body::Cancelled { by } => Self::JobCancelled { by },
        }
    }
}

/// A job as `getJob` and `listJobs` show it: the row's names, times in ISO 8601.
fn view(job: &Job) -> Value {
    let mut view = json!({
        "jobId": job.id.to_string(),
        "kind": job.kind,
        "query": job.input.query,
        "status": job.status.as_str(),
        "progress": job.progress,
        "message": job.message,
        "seq": job.seq,
        "attempt": job.attempt,
        "createdAt": iso(job.created_at),
        "updatedAt": iso(job.updated_at),
    });
    if let Some(request_id) = &job.request_id {
        view["requestId"] = request_id.as_str().into();
    }
    if let Some(at) = job.started_at {
        view["startedAt"] = iso(at).into();
    }
    if let Some(at) = job.finished_at {
        view["finishedAt"] = iso(at).into();
    }
    match &job.outcome {
        Some(Outcome::Completed(JobResult::Here(result))) => {
            view["result"] = serde_json::from_str(result).unwrap_or(Value::Null);
        }
        Some(Outcome::Failed(error)) => {
            view["error"] = json!({"code": error.code, "message": error.sentence, "retryable": error.retryable});
        }
        Some(Outcome::Cancelled { by }) => view["cancelledBy"] = by.as_str().into(),
        Some(Outcome::Completed(JobResult::Logged(_))) | None => {}
    }
    view
}

fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}

fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).expect("a frame of ours is JSON")
}

fn serialise(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("frames have string keys and no failing types")
}

fn with_result(mut frame: String, result: &str) -> String {
    frame.pop();
    frame.push_str(r#","result":"#);
    frame.push_str(result);
    frame.push('}');
    frame
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ids::{JobId, Owner};
    use crate::job::Input;

    fn finished() -> Job {
        let at = |second| Timestamp::from_second(second).unwrap();
        let owner = Owner {
            user: "alice".into(),
            tenant: None,
        };
        let input = Input::whole("why?".into(), "{}".into());
        let id = JobId::parse("0190c6f3-0000-7000-8000-000000000001").unwrap();
        let mut job = Job::submitted(
            id,
            owner,
            "noop".into(),
            input,
            at(100),
            Duration::from_secs(1000),
        );
        job.request_id = Some("r1".into());
        (job.started_at, job.finished_at) = (Some(at(102)), Some(at(105)));
        (job.status, job.seq, job.attempt, job.updated_at) =
            (crate::job::Status::Completed, 4, 1, at(105));
        job.outcome = Some(Outcome::Completed(JobResult::Here(r#"{"a":[1]}"#.into())));
        job
    }

    #[test]
    fn events_are_spelled_as_the_protocol_says() {
        let job = finished();
        let spelled: Vec<Value> = Event::since(&job, 0)
            .iter()
            .map(|e| serde_json::from_str(&event(e)).unwrap())
            .collect();
        let id = "0190c6f3-0000-7000-8000-000000000001";
        assert_eq!(
            spelled,
            [
                json!({"type": "job_queued", "jobId": id, "seq": 1, "requestId": "r1", "timestamp": 100,
                       "message": "Your query is queued.", "query": "why?", "progress": 5}),
                json!({"type": "job_completed", "jobId": id, "seq": 4, "requestId": "r1", "timestamp": 105,
                       "result": {"a": [1]}, "usage": {"attempts": 1, "queuedMs": 2000, "runMs": 3000}}),
            ]
        );
    }

    #[test]
    fn a_subscription_replays_what_is_missing() {
        let job = finished();
        let now = Timestamp::from_second(200).unwrap();
        for (after, seqs) in [(0, vec![1, 4]), (1, vec![4]), (3, vec![4]), (4, vec![])] {
            let frame = subscribed(
                "x",
                Some((&job, &Event::since(&job, after))),
                Some("s"),
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
