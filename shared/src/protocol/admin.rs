//! How answers to admins are spelled (PROTOCOL 8).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::responses::{answer, job_view, jobs_that_fit, rfc3339};
use crate::domain::ids::{ConnectionId, JobId};
use crate::domain::job::Job;
use crate::domain::limits;
use crate::messaging::dead_letters::{FailedRun, Resolution};
use crate::messaging::push::{BroadcastOutcome, CleanupOutcome};
use crate::store::connections::ConnectionRow;
use crate::store::jobs::FoundJobs;

/// The answer to `listConnections`: as many of these as fit one frame, and where the next page begins: after
/// the last that did, by `after`, or else at `next`.
pub fn connections(
    rows: &[ConnectionRow],
    after: impl Fn(&ConnectionRow) -> String,
    next: Option<String>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let (mut bytes, mut shown) = (0, vec![]);
    for row in rows {
        let row = connection(row);
        bytes += row.to_string().len();
        if bytes > limits::ANSWER_BYTES && !shown.is_empty() {
            break;
        }
        shown.push(row);
    }
    let cut = (shown.len() < rows.len()).then(|| after(&rows[shown.len() - 1]));
    let mut fields = json!({"connections": shown});
    if let Some(next) = cut.or(next) {
        fields["cursor"] = next.into();
    }
    answer("connections", fields, request_id, now)
}

/// A connection's record, without what it does not have.
pub fn connection(row: &ConnectionRow) -> Value {
    let mut shown = json!({
        "connectionId": row.connection.0,
        "status": status(row.is_open),
        "connectedAt": rfc3339(row.connected_at),
        "lastActivity": rfc3339(row.last_activity),
        "ttl": row.kept_until.as_second(),
    });
    let owner = row.owner.as_ref();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            shown[name] = value.into();
        }
    };
    put("userId", owner.map(|owner| owner.user.clone()));
    put("tenantId", owner.and_then(|owner| owner.tenant.clone()));
    put("username", row.username.clone());
    put("sessionId", row.session.map(|id| id.to_string()));
    put("disconnectedAt", row.disconnected_at.map(rfc3339));
    put("ipAddress", row.ip_address.clone());
    put("userAgent", row.user_agent.clone());
    shown
}

pub fn status_set(
    connection: &ConnectionId,
    is_open: bool,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let data = json!({"connectionId": connection.0, "status": status(is_open)});
    answer("statusSet", json!({"data": data}), request_id, now)
}

pub fn connection_closed(
    connection: &ConnectionId,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let data = json!({"connectionId": connection.0, "status": status(false)});
    answer("connectionClosed", json!({"data": data}), request_id, now)
}

pub fn connections_cleaned(
    cleaned: CleanupOutcome,
    next: Option<&ConnectionId>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let CleanupOutcome {
        removed,
        closed,
        kept,
    } = cleaned;
    let mut fields = json!({"data": {"removed": removed, "closed": closed, "kept": kept}});
    if let Some(next) = next {
        fields["cursor"] = next.0.as_str().into();
    }
    answer("connectionsCleaned", fields, request_id, now)
}

pub fn broadcast_sent(
    heard: BroadcastOutcome,
    next: Option<&ConnectionId>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let BroadcastOutcome { sent, gone, lost } = heard;
    let mut fields = json!({"data": {"sent": sent, "gone": gone, "lost": lost}});
    if let Some(next) = next {
        fields["cursor"] = next.0.as_str().into();
    }
    answer("broadcastSent", fields, request_id, now)
}

/// The answer to `listOpenJobs`: as many of these as fit one frame, and whether there are more.
pub fn open_jobs(found: &FoundJobs, request_id: Option<&str>, now: Timestamp) -> String {
    let fitting = jobs_that_fit(&found.jobs).min(found.jobs.len());
    let jobs: Vec<Value> = found.jobs[..fitting].iter().map(job_view).collect();
    let more = found.more || fitting < found.jobs.len();
    let fields = json!({"jobs": jobs, "more": more});
    answer("openJobs", fields, request_id, now)
}

/// The answer to `listDeadLetters`: what each stands for and what is to be done about it, as many as fit one
/// frame, and whether the queue holds more.
pub fn dead_letters(
    cases: &[FailedRun],
    more: bool,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let mut bytes = 0;
    let fits = |shown: &Value| {
        bytes += shown.to_string().len();
        bytes <= limits::ANSWER_BYTES
    };
    let shown = cases.iter().map(|case| dead_letter(case, now));
    let shown: Vec<Value> = shown.take_while(fits).collect();
    let more = more || shown.len() < cases.len();
    let fields = json!({"deadLetters": shown, "more": more});
    answer("deadLetters", fields, request_id, now)
}

/// As a plan of `longhaul dlq` has it.
fn dead_letter(case: &FailedRun, now: Timestamp) -> Value {
    let evidence = case.evidence.as_ref();
    json!({
        "jobId": case.job.to_string(),
        "run": case.run,
        "do": case.resolution(now).as_str(),
        "status": case.row.as_ref().map(|job| job.status.as_str()),
        "since": rfc3339(case.since()),
        "kind": case.kind(),
        "userId": case.owner().map(|owner| owner.user.as_str()),
        "code": evidence.map(|evidence| evidence.code.as_str()),
        "error": evidence.map(|evidence| evidence.error.as_str()),
        "attempts": evidence.map(|evidence| evidence.attempts),
        "letters": case.messages.len(),
    })
}

/// The answer to `replayJob`: what was done, how the job stands, and how many letters are gone.
pub fn job_replayed(
    id: JobId,
    did: Resolution,
    row: Option<&Job>,
    letters: usize,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let data = json!({
        "jobId": id.to_string(),
        "did": did.as_str(),
        "status": row.map(|job| job.status.as_str()),
        "run": row.map(|job| job.replays),
        "letters": letters,
    });
    answer("jobReplayed", json!({ "data": data }), request_id, now)
}

fn status(is_open: bool) -> &'static str {
    if is_open { "CONNECTED" } else { "DISCONNECTED" }
}
