//! A job that is not submitted yet: the fields of its frame, checked and put together.

use std::time::Duration;

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::{JobId, Traceparent};
use longhaul_shared::domain::job::{Job, JobInput, SubmitOptions};
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::{ClaimedIdentity, ErrorResponse, Fields};
use longhaul_shared::telemetry;
use serde_json::Value;
use tracing::Span;

use crate::app_context::AppContext;
use crate::caller_identity::check_claims;
use crate::frame::FrameContext;

/// What a frame asks an analysis to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    pub kind: String,
    pub query: String,
    /// The text of a JSON object.
    pub params: String,
    pub idempotency_key: Option<String>,
    /// How long the job may take from now on.
    pub deadline: Duration,
    /// The client's own span, if it traces (W3C Trace Context).
    pub traceparent: Option<Traceparent>,
    pub claimed: ClaimedIdentity,
}

impl Submission {
    /// Parses a submission to this kind of analysis, whose query is in `field`.
    pub fn parse(fields: &Fields, kind: &str, field: &str) -> Result<Self, ErrorResponse> {
        let query = fields.long_text(field)?;
        let params = match fields.get("params")? {
            None => "{}".to_owned(),
            Some(Value::Object(params)) => Value::Object(params.clone()).to_string(),
            Some(_) => {
                return Err(ErrorResponse::field(
                    "params",
                    "'params' must be an object.",
                ));
            }
        };
        Ok(Self {
            kind: kind.to_owned(),
            query: query.to_owned(),
            params,
            idempotency_key: fields.short_text("idempotencyKey", limits::IDEMPOTENCY_KEY_CHARS)?,
            deadline: deadline(fields)?,
            // W3C Trace Context: a header that can't be parsed counts as none.
            traceparent: fields.text("traceparent")?.and_then(Traceparent::parse),
            claimed: fields.claimed_identity()?,
        })
    }

    /// The span in which the job's trace begins, or goes on from the client's.
    pub fn span(&self) -> Span {
        let kind = self.kind.as_str();
        let span = tracing::info_span!(target: telemetry::TRACE_ONLY, "submit", kind);
        if let Some(parent) = &self.traceparent {
            telemetry::parent(&span, parent);
        }
        span
    }
}

fn deadline(fields: &Fields) -> Result<Duration, ErrorResponse> {
    let max = limits::MAX_DEADLINE.as_secs();
    match fields.number("deadlineSeconds")? {
        None => Ok(limits::DEFAULT_DEADLINE),
        Some(seconds) if (1..=max).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        Some(_) => Err(ErrorResponse::field(
            "deadlineSeconds",
            format!("'deadlineSeconds' must be between 1 and {max}."),
        )),
    }
}

/// A job that is not written yet.
pub struct NewJob {
    /// With the input as the row will hold it.
    pub job: Job,
    /// The whole input.
    pub input: JobInput,
    /// Whether it has an idempotency key, so that an earlier submit may have created it.
    pub is_keyed: bool,
}

impl NewJob {
    /// The job that a submission asks for, followed by the frame's connection.
    pub fn new(
        app: &AppContext,
        frame: &FrameContext,
        caller: &Identity,
        submission: Submission,
    ) -> Result<Self, ErrorResponse> {
        check_claims(caller, &submission.claimed)?;
        if !app.kinds.contains(&submission.kind) {
            let kind = limits::prefix(&submission.kind, 64);
            let message = format!("There is no analysis of kind '{kind}'.");
            return Err(ErrorResponse::field("kind", message).with("kinds", app.kinds.clone()));
        }
        let input = JobInput::whole(submission.query, submission.params);
        let is_keyed = submission.idempotency_key.is_some();
        let id = match &submission.idempotency_key {
            Some(key) => JobId::idempotent(&caller.owner, key),
            None => JobId::new(frame.now, &app.random.id_bytes()),
        };
        let options = SubmitOptions {
            deadline: submission.deadline,
            retention: app.retention,
        };
        let owner = caller.owner.clone();
        let kind = submission.kind;
        let mut job = Job::submitted(id, owner, kind, input.in_row(), frame.now, options);
        job.request_id.clone_from(&frame.request_id);
        job.traceparent = telemetry::current().or(submission.traceparent);
        job.followers.insert(frame.connection.clone());
        Ok(Self {
            job,
            input,
            is_keyed,
        })
    }
}
