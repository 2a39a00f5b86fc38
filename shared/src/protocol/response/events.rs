//! The response to `getEvents`.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::subscribed::frames_that_fit;
use super::{Gone, StatusOrGone};
use crate::domain::event::CatchUp;
use crate::domain::job::Job;
use crate::protocol::frame::to_json;
use crate::protocol::request::{Warning, are_none};

/// A page of a job's events, from its first on and without gaps, or that you have no such job. The response to
/// `getEvents`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EventsPage<'a> {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "events")))]
    r#type: &'a str,
    /// The job, as the frame named it.
    job_id: &'a str,
    /// The job's state.
    status: StatusOrGone,
    /// The sequence number of the latest event; 0 if the job is gone.
    head: u64,
    /// The events after `after`, in order of `seq`: at most `limit`, and as many as fit one frame. Each is as it was pushed,
    /// but for a result's `url`, which is a fresh one. A job that was replayed has the `job_failed` of each earlier run.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Vec<crate::protocol::event::JobEventFrame<'a>>")
    )]
    events: Vec<Box<RawValue>>,
    /// Whether there are more: ask again with the last `seq` of `events`.
    more: bool,
    /// The `requestId` of the frame that this responds to. At most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// When the frame was answered, in Unix seconds.
    timestamp: i64,
    /// Fields of the frame that were ignored, since the action does not know them.
    #[serde(skip_serializing_if = "are_none")]
    warnings: &'a [Warning],
}

/// The response to `getEvents`: the first `limit` of these events, or `gone`.
pub fn events_page(
    id: &str,
    found: Option<(&Job, &CatchUp)>,
    limit: usize,
    request_id: Option<&str>,
    warnings: &[Warning],
    now: Timestamp,
) -> String {
    let (status, head, missing, more) = match found {
        Some((job, page)) => (
            StatusOrGone::Job(job.status.into()),
            job.seq,
            &page.events[..],
            page.more,
        ),
        None => (StatusOrGone::Gone(Gone::Gone), 0, &[][..], false),
    };
    let wanted = &missing[..missing.len().min(limit)];
    let events = frames_that_fit(wanted);
    to_json(&EventsPage {
        r#type: "events",
        job_id: id,
        status,
        head,
        more: more || events.len() < missing.len(),
        events,
        request_id,
        timestamp: now.as_second(),
        warnings,
    })
}
