//! Renders jobs for people and as JSON: the whole row except the query and the result.

use jiff::Timestamp;
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::{Job, JobInput, JobResult, Outcome};
use longhaul_shared::store::event_log::ListedEntry;
use serde_json::{Value, json};

use crate::exit_status::ExitStatus;
use crate::terminal::{aligned, elapsed, printable};

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
            format!("{}%", job.percent_done()),
            format!("{} ago", elapsed(job.created_at, now)),
            printable(&job.owner.user),
            printable(&job.kind),
            job.attempt.to_string(),
            error_code(job).unwrap_or("-").to_owned(),
        ]
    }));
    aligned(&rows)
}

/// A line for each field of the row and for each entry of the event log.
pub fn details(job: &Job, entries: &[ListedEntry], input: Option<&JobInput>) -> String {
    let time = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| format!("{at:.3}"));
    let or_dash = |text: Option<&str>| printable(text.unwrap_or("-"));
    let last_error = job.last_error.as_ref().map(|error| {
        let (code, message) = (&error.code, &error.message);
        format!("{code}: {message} ({:.3})", error.at)
    });
    let followers: Vec<&str> = job.followers.iter().map(|id| id.0.as_str()).collect();
    let mut fields = vec![
        ["job", &job.id.to_string()],
        ["user", &printable(&job.owner.user)],
        ["tenant", &or_dash(job.owner.tenant.as_deref())],
        ["kind", &printable(&job.kind)],
        ["status", job.status.as_str()],
        ["progress", &format!("{}%", job.percent_done())],
        ["message", &printable(&job.message)],
        ["outcome", &outcome(job)],
        ["last error", &or_dash(last_error.as_deref())],
        ["submitted", &time(Some(job.created_at))],
        ["updated", &time(Some(job.updated_at))],
        ["started", &time(job.started_at)],
        ["finished", &time(job.finished_at)],
        ["deadline", &time(Some(job.deadline))],
        ["expires", &time(Some(job.expires_at))],
        ["lease until", &time(job.lease_until)],
        ["claimed by", &or_dash(job.claimed_by.as_deref())],
        ["attempt", &job.attempt.to_string()],
        ["fence", &job.fence.to_string()],
        ["run", &job.replays.to_string()],
        ["resends", &job.resends.to_string()],
        ["seq", &job.seq.to_string()],
        ["in open index", if job.open { "yes" } else { "no" }],
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
    if !entries.is_empty() {
        let head = ["EVENT LOG", "AT", "BYTES"].map(String::from);
        let mut rows = vec![head];
        rows.extend(entries.iter().map(|entry| {
            let bytes = entry.bytes.to_string();
            [printable(&entry.event), time(entry.at), bytes]
        }));
        text.push('\n');
        text.push_str(&aligned(&rows));
    }
    text
}

/// The row under its attribute names, without `query`, `params` and `result`.
pub fn job_json(job: &Job) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| format!("{at:.3}"));
    let mut value = json!({
        "jobId": job.id.to_string(), "userId": job.owner.user, "tenantId": job.owner.tenant,
        "kind": job.kind, "requestId": job.request_id, "status": job.status.as_str(),
        "progress": job.percent_done(), "message": job.message, "seq": job.seq,
        "attempt": job.attempt, "fence": job.fence, "replays": job.replays, "resends": job.resends,
        "createdAt": time(Some(job.created_at)), "updatedAt": time(Some(job.updated_at)),
        "startedAt": time(job.started_at), "finishedAt": time(job.finished_at),
        "deadlineAt": time(Some(job.deadline)), "expiresAt": time(Some(job.expires_at)),
        "leaseUntil": time(job.lease_until), "claimedBy": job.claimed_by, "open": job.open,
        "followers": job.followers.iter().map(|id| &id.0).collect::<Vec<_>>(),
    });
    if let Some(error) = &job.last_error {
        let at = time(Some(error.at));
        value["lastError"] = json!({"code": error.code, "message": error.message, "at": at});
    }
    match &job.outcome {
        Some(Outcome::Completed(result)) => value["resultRef"] = result_reference(result),
        Some(Outcome::Failed(error)) => {
            value["error"] =
                json!({"code": error.code, "message": error.message, "retryable": error.retryable});
        }
        Some(Outcome::Cancelled { by, .. }) => value["cancelledBy"] = by.as_str().into(),
        None => {}
    }
    value
}

/// An entry of the event log, without its content.
pub fn entry_json(entry: &ListedEntry) -> Value {
    let at = entry.at.map(|at| format!("{at:.3}"));
    json!({"event": entry.event, "at": at, "bytes": entry.bytes})
}

/// The outcome of an ended job on one line; `-` for an open one.
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

/// Prints that a command did not change the job, because of its status.
pub fn unchanged(job: &Job, what: &str, json: bool) -> ExitStatus {
    let (id, status) = (job.id, job.status.as_str());
    if json {
        println!(
            "{}",
            json!({"jobId": id.to_string(), "changed": false, "status": status})
        );
    } else {
        println!("{id} {what}: it is {status}.");
    }
    ExitStatus::Partial
}

pub fn not_found(id: JobId) -> ExitStatus {
    eprintln!("longhaul: job {id} not found");
    ExitStatus::NotFound
}

fn error_code(job: &Job) -> Option<&str> {
    match &job.outcome {
        Some(Outcome::Failed(error)) => Some(&error.code),
        _ => None,
    }
}

fn result_reference(result: &JobResult) -> Value {
    match result {
        JobResult::Inline(text) => json!({"in": "row", "bytes": text.len()}),
        JobResult::EventLog(key) => json!({"in": "log", "event": key}),
        JobResult::Object(stored) => json!({"in": "bucket", "key": stored.key,
            "bytes": stored.bytes, "sha256": stored.sha256}),
    }
}
