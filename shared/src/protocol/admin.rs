//! Responses to the actions of admins.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::responses::{job_view, jobs_that_fit, response, rfc3339};
use crate::domain::connection::{BroadcastOutcome, CleanupOutcome, ConnectionRow};
use crate::domain::dead_letter::{FailedRun, Resolution};
use crate::domain::ids::{ConnectionId, JobId};
use crate::domain::job::Job;
use crate::domain::job_list::FoundJobs;
use crate::domain::limits;

/// The response to `listConnections`: the rows that fit one frame, and the cursor of the next page: that of the last row
/// that fits (`after`), or `next` if all fit.
pub fn connections(
    rows: &[ConnectionRow],
    after: impl Fn(&ConnectionRow) -> String,
    next: Option<String>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let (mut bytes, mut entries) = (0, vec![]);
    for row in rows {
        let row = connection(row);
        bytes += row.to_string().len();
        if bytes > limits::ANSWER_BYTES && !entries.is_empty() {
            break;
        }
        entries.push(row);
    }
    let cut = (entries.len() < rows.len()).then(|| after(&rows[entries.len() - 1]));
    let mut fields = json!({"connections": entries});
    if let Some(next) = cut.or(next) {
        fields["cursor"] = next.into();
    }
    response("connections", fields, request_id, now)
}

/// A connection's record, without the fields that it lacks.
pub fn connection(row: &ConnectionRow) -> Value {
    let mut entries = json!({
        "connectionId": row.connection.0,
        "status": status(row.is_open),
        "connectedAt": rfc3339(row.connected_at),
        "lastActivity": rfc3339(row.last_activity),
        "ttl": row.kept_until.as_second(),
    });
    let owner = row.owner.as_ref();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            entries[name] = value.into();
        }
    };
    put("userId", owner.map(|owner| owner.user.clone()));
    put("tenantId", owner.and_then(|owner| owner.tenant.clone()));
    put("username", row.username.clone());
    put("sessionId", row.session.map(|id| id.to_string()));
    put("disconnectedAt", row.disconnected_at.map(rfc3339));
    put("ipAddress", row.ip_address.clone());
    put("userAgent", row.user_agent.clone());
    entries
}

pub fn status_set(
    connection: &ConnectionId,
    is_open: bool,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let data = json!({"connectionId": connection.0, "status": status(is_open)});
    response("statusSet", json!({"data": data}), request_id, now)
}

pub fn connection_closed(
    connection: &ConnectionId,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let data = json!({"connectionId": connection.0, "status": status(false)});
    response("connectionClosed", json!({"data": data}), request_id, now)
}

pub fn connections_cleaned(
    outcome: CleanupOutcome,
    next: Option<&ConnectionId>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let CleanupOutcome {
        removed,
        closed,
        kept,
    } = outcome;
    let mut fields = json!({"data": {"removed": removed, "closed": closed, "kept": kept}});
    if let Some(next) = next {
        fields["cursor"] = next.0.as_str().into();
    }
    response("connectionsCleaned", fields, request_id, now)
}

pub fn broadcast_sent(
    outcome: BroadcastOutcome,
    next: Option<&ConnectionId>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let BroadcastOutcome { sent, gone, lost } = outcome;
    let mut fields = json!({"data": {"sent": sent, "gone": gone, "lost": lost}});
    if let Some(next) = next {
        fields["cursor"] = next.0.as_str().into();
    }
    response("broadcastSent", fields, request_id, now)
}

/// The response to `listOpenJobs`: the jobs that fit one frame, and whether there are more.
pub fn open_jobs(found: &FoundJobs, request_id: Option<&str>, now: Timestamp) -> String {
    let fitting = jobs_that_fit(&found.jobs).min(found.jobs.len());
    let jobs: Vec<Value> = found.jobs[..fitting].iter().map(job_view).collect();
    let more = found.more || fitting < found.jobs.len();
    let fields = json!({"jobs": jobs, "more": more});
    response("openJobs", fields, request_id, now)
}

/// The response to `listDeadLetters`: the failed runs that fit one frame with their resolution, and whether there are more.
pub fn dead_letters(
    runs: &[FailedRun],
    more: bool,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let mut bytes = 0;
    let fits = |entries: &Value| {
        bytes += entries.to_string().len();
        bytes <= limits::ANSWER_BYTES
    };
    let entries = runs.iter().map(|run| dead_letter(run, now));
    let entries: Vec<Value> = entries.take_while(fits).collect();
    let more = more || entries.len() < runs.len();
    let fields = json!({"deadLetters": entries, "more": more});
    response("deadLetters", fields, request_id, now)
}

/// A failed run, like an entry of a plan of `longhaul dlq`.
fn dead_letter(run: &FailedRun, now: Timestamp) -> Value {
    let payload = run.payload.as_ref();
    json!({
        "jobId": run.job.to_string(),
        "run": run.run,
        "do": run.resolution(now).as_str(),
        "status": run.row.as_ref().map(|job| job.status.as_str()),
        "since": rfc3339(run.failed_at()),
        "kind": run.kind(),
        "userId": run.owner().map(|owner| owner.user.as_str()),
        "code": payload.map(|payload| payload.code.as_str()),
        "error": payload.map(|payload| payload.error.as_str()),
        "attempts": payload.map(|payload| payload.attempts),
        "letters": run.messages.len(),
    })
}

/// The response to `replayJob`: the resolution, the job's status, and the number of deleted letters.
pub fn job_replayed(
    id: JobId,
    resolution: Resolution,
    row: Option<&Job>,
    letters: usize,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let data = json!({
        "jobId": id.to_string(),
        "did": resolution.as_str(),
        "status": row.map(|job| job.status.as_str()),
        "run": row.map(|job| job.replays),
        "letters": letters,
    });
    response("jobReplayed", json!({ "data": data }), request_id, now)
}

fn status(is_open: bool) -> &'static str {
    if is_open { "CONNECTED" } else { "DISCONNECTED" }
}
