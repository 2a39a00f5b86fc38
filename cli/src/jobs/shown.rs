//! Jobs as people and scripts read them: all of the row but what was asked and what was answered.

use jiff::Timestamp;
use longhaul_shared::domain::job::{Job, JobInput, JobResult, Outcome};
use longhaul_shared::store::event_log::ListedEntry;
use serde_json::{Value, json};

use crate::terminal::{ago, aligned, printable};

/// A line for each job.
pub fn table(jobs: &[Job], now: Timestamp) -> String {
    let head = [
        "JOB",
        "STATUS",
        "DONE",
        "SUBMITTED",
        "USER",
        "KIND",
        "TRY",
        "CODE",
    ];
    let mut rows = vec![head.map(String::from)];
    rows.extend(jobs.iter().map(|job| {
        [
            job.id.to_string(),
            job.status.as_str().to_owned(),
            format!("{}%", job.progress),
            format!("{} ago", ago(job.created_at, now)),
            printable(&job.owner.user),
            printable(&job.kind),
            job.attempt.to_string(),
            code(job).unwrap_or("-").to_owned(),
        ]
    }));
    aligned(&rows)
}

/// The row, and what the event log holds, a line each.
pub fn whole(job: &Job, log: &[ListedEntry], input: Option<&JobInput>) -> String {
    let time = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| format!("{at:.3}"));
    let or_none = |text: Option<&str>| printable(text.unwrap_or("-"));
    let mishap = job.last_error.as_ref().map(|mishap| {
        let (code, sentence) = (&mishap.code, &mishap.message);
        format!("{code}: {sentence} ({:.3})", mishap.at)
    });
    let followers: Vec<&str> = job.followers.iter().map(|id| id.0.as_str()).collect();
    let mut fields = vec![
        ["job", &job.id.to_string()],
        ["user", &printable(&job.owner.user)],
        ["tenant", &or_none(job.owner.tenant.as_deref())],
        ["kind", &printable(&job.kind)],
        ["status", job.status.as_str()],
        ["progress", &format!("{}%", job.progress)],
        ["message", &printable(&job.message)],
        ["ended with", &outcome(job)],
        ["last error", &or_none(mishap.as_deref())],
        ["submitted", &time(Some(job.created_at))],
        ["updated", &time(Some(job.updated_at))],
        ["started", &time(job.started_at)],
        ["finished", &time(job.finished_at)],
        ["deadline", &time(Some(job.deadline))],
        ["expires", &time(Some(job.expires_at))],
        ["lease until", &time(job.lease_until)],
        ["claimed by", &or_none(job.claimed_by.as_deref())],
        ["attempt", &job.attempt.to_string()],
        ["fence", &job.fence.to_string()],
        ["run", &job.replays.to_string()],
        ["resends", &job.resends.to_string()],
        ["seq", &job.seq.to_string()],
        ["listed as open", if job.open { "yes" } else { "no" }],
        ["followers", &printable(&followers.join(" "))],
    ]
    .into_iter()
    .map(|field| field.map(String::from))
    .collect::<Vec<_>>();
    if let Some(input) = input {
        fields.push(["query".to_owned(), printable(&input.query)]);
        fields.push(["params".to_owned(), printable(&input.params)]);
    }
    let mut text = aligned(&fields);
    if !log.is_empty() {
        let head = ["EVENT LOG", "AT", "BYTES"].map(String::from);
        let mut rows = vec![head];
        rows.extend(log.iter().map(|entry| {
            let bytes = entry.bytes.to_string();
            [printable(&entry.event), time(entry.at), bytes]
        }));
        text.push('\n');
        text.push_str(&aligned(&rows));
    }
    text
}

/// The row by the names that it has in the table, without `query`, `params` and `result`.
pub fn json(job: &Job) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| format!("{at:.3}"));
    let mut shown = json!({
        "jobId": job.id.to_string(), "userId": job.owner.user, "tenantId": job.owner.tenant,
        "kind": job.kind, "requestId": job.request_id, "status": job.status.as_str(),
        "progress": job.progress, "message": job.message, "seq": job.seq,
        "attempt": job.attempt, "fence": job.fence, "replays": job.replays, "resends": job.resends,
        "createdAt": time(Some(job.created_at)), "updatedAt": time(Some(job.updated_at)),
        "startedAt": time(job.started_at), "finishedAt": time(job.finished_at),
        "deadlineAt": time(Some(job.deadline)), "expiresAt": time(Some(job.expires_at)),
        "leaseUntil": time(job.lease_until), "claimedBy": job.claimed_by, "open": job.open,
        "followers": job.followers.iter().map(|id| &id.0).collect::<Vec<_>>(),
    });
    if let Some(mishap) = &job.last_error {
        let at = time(Some(mishap.at));
        shown["lastError"] = json!({"code": mishap.code, "message": mishap.message, "at": at});
    }
    match &job.outcome {
        Some(Outcome::Completed(result)) => shown["resultRef"] = reference(result),
        Some(Outcome::Failed(error)) => {
            shown["error"] =
                json!({"code": error.code, "message": error.message, "retryable": error.retryable});
        }
        Some(Outcome::Cancelled { by, .. }) => shown["cancelledBy"] = by.as_str().into(),
        None => {}
    }
    shown
}

/// An entry of the event log.
pub fn entry(entry: &ListedEntry) -> Value {
    let at = entry.at.map(|at| format!("{at:.3}"));
    json!({"event": entry.event, "at": at, "bytes": entry.bytes})
}

/// How an ended job ended, in a line.
pub fn outcome(job: &Job) -> String {
    match &job.outcome {
        None => "-".to_owned(),
        Some(Outcome::Completed(JobResult::Inline(text))) => {
            format!("a result of {} bytes in the row", text.len())
        }
        Some(Outcome::Completed(JobResult::EventLog(key))) => {
            format!("a result in the event log, {key}")
        }
        Some(Outcome::Completed(JobResult::Object(stored))) => {
            let (bytes, key) = (stored.bytes, &stored.key);
            format!("a result of {bytes} bytes in the bucket, {key}")
        }
        Some(Outcome::Failed(error)) => printable(&format!("{}: {}", error.code, error.message)),
        Some(Outcome::Cancelled { by, .. }) => printable(&format!("cancelled by {by}")),
    }
}

fn code(job: &Job) -> Option<&str> {
    match &job.outcome {
        Some(Outcome::Failed(error)) => Some(&error.code),
        _ => None,
    }
}

fn reference(result: &JobResult) -> Value {
    match result {
        JobResult::Inline(text) => json!({"in": "row", "bytes": text.len()}),
        JobResult::EventLog(key) => json!({"in": "log", "event": key}),
        JobResult::Object(stored) => json!({"in": "bucket", "key": stored.key,
            "bytes": stored.bytes, "sha256": stored.sha256}),
    }
}
