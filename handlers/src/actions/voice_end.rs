//! `voice_end`: ends a recording whose pieces are complete, and submits the job that transcribes it as the
//! session's next turn.

use std::collections::BTreeSet;

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::dialect::Dialect;
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::request::VoiceEndRequest;
use longhaul_shared::protocol::{ClaimedIdentity, ErrorResponse, Fields, SessionReference};
use longhaul_shared::store::recordings::Pieces;
use serde_json::json;

use super::voice_data::open_recording;
use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};
use crate::session_lookup::named_session;
use crate::submit::{NewJob, Submission, TurnRequest, submit};

/// Missing pieces that an error lists.
const MAX_LISTED: usize = 100;

pub struct VoiceEnd {
    session: SessionReference,
}

impl Action for VoiceEnd {
    type Caller = Identity;
    type Request = VoiceEndRequest;

    const IS_OF_DIALECT: bool = true;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            session: fields.required_session()?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let session = named_session(self.session)?;
        let recording = open_recording(app, frame, caller, session).await?;
        let sessions = &app.stores.sessions;
        // A crash came between an earlier `voice_end` and the recording's end.
        if app.stores.jobs.get(recording.job).await?.is_some() {
            sessions.close_recording(session, &recording).await?;
            return Ok(None);
        }
        let pieces = app.stores.recordings.pieces(recording.job).await?;
        let count = check_complete(pieces)?;
        let submission = Submission {
            kind: "voice".to_owned(),
            query: "A voice message.".to_owned(),
            params: json!({"format": recording.format, "pieces": count}).to_string(),
            idempotency_key: None,
            deadline: limits::DEFAULT_DEADLINE,
            claimed: ClaimedIdentity::default(),
            traceparent: None,
        };
        let mut new_job = NewJob::new(app, frame, caller, submission)?;
        new_job.job.id = recording.job;
        let turn = TurnRequest {
            session: Some(session),
            dialect: Some(Dialect::TextMessage),
            supersede: false,
        };
        submit(app, frame, new_job, Some(turn)).await?;
        sessions.close_recording(session, &recording).await?;
        Ok(None)
    }
}

/// The number of pieces; none may be missing.
fn check_complete(pieces: Pieces) -> Result<u32, ErrorResponse> {
    let present: BTreeSet<u32> = pieces.indices.into_iter().collect();
    let count = present.last().map_or(1, |last| last + 1);
    let missing: Vec<u32> = (0..count)
        .filter(|index| !present.contains(index))
        .collect();
    if !missing.is_empty() {
        let message = format!(
            "The recording is incomplete; missing pieces: {}.",
            missing.len()
        );
        let listed: Vec<u32> = missing.into_iter().take(MAX_LISTED).collect();
        return Err(ErrorResponse::field("index", message).with("missing", listed));
    }
    let max = limits::MAX_RESULT_BYTES;
    if pieces.bytes > max as u64 {
        let bytes = pieces.bytes;
        let message = format!("The recording is {bytes} bytes long; at most {max} are allowed.");
        return Err(ErrorResponse::field("audio", message));
    }
    Ok(count)
}
