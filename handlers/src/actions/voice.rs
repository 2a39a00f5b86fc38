//! `voice_start`, `voice_data`, `voice_end`: a recording in pieces, and once it is whole a job that hears it,
//! as the next turn of its session.

use std::collections::BTreeSet;

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::dialect::Dialect;
use longhaul_shared::domain::ids::{JobId, SessionId};
use longhaul_shared::domain::limits;
use longhaul_shared::domain::session::Session;
use longhaul_shared::protocol::{self, ClaimedIdentity, ErrorResponse, Submission, VoiceAction};
use longhaul_shared::store::sessions::Recording;
use serde_json::json;
use uuid::Uuid;

use super::{chat_message, query, sessions};
use crate::message::{ActionError, ActionResult, AppContext, FrameContext};

/// Of the pieces that are missing, so many are listed.
const LISTED: usize = 100;

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    voice: VoiceAction,
) -> ActionResult {
    match voice {
        VoiceAction::Start { session, format } => {
            let named = session.map(sessions::known).transpose()?;
            start(door, call, speaker, named, format).await
        }
        VoiceAction::Data {
            session,
            index,
            audio,
        } => {
            let session = sessions::known(session)?;
            let recording = under_way(door, call, speaker, session).await?;
            door.recordings
                .put_piece(recording.job, index, audio)
                .await?;
            let request_id = call.request_id.as_deref();
            Ok(Some(protocol::voice_ack(
                session, index, request_id, call.now,
            )))
        }
        VoiceAction::End { session } => {
            let session = sessions::known(session)?;
            end(door, call, speaker, session).await
        }
    }
}

async fn start(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    named: Option<SessionId>,
    format: String,
) -> ActionResult {
    let owner = &speaker.owner;
    let session = match named {
        Some(id) => id,
        None => sessions::own(door, call, true).await?,
    };
    let session = match (door.sessions.get(session, owner, call.now).await?, named) {
        (Some(head), _) if head.ended_at.is_none() => session,
        (_, Some(_)) => return Err(sessions::unknown().into()),
        (ended, None) => {
            let id = match ended {
                Some(_) => sessions::begin(door, call).await?,
                None => session,
            };
            let until = call.now + door.retention;
            let head = Session::new(id, owner.clone(), call.connection.clone(), call.now, until);
            door.sessions.start(&head).await?;
            id
        }
    };
    let random = Uuid::new_v4();
    let random = random.as_bytes().first_chunk();
    let recording = Recording {
        job: JobId::new(call.now, random.expect("16 bytes have ten")),
        format,
    };
    let expires_at = call.now + limits::RECORDING_RETENTION;
    door.sessions
        .record(session, owner, &recording, expires_at)
        .await?;
    let request_id = call.request_id.as_deref();
    Ok(Some(protocol::voice_started(session, request_id, call.now)))
}

/// The pieces are all there: the recording takes no more, and its job begins.
async fn end(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    session: SessionId,
) -> ActionResult {
    let recording = under_way(door, call, speaker, session).await?;
    // Its end was taken in before, by somebody who died then.
    if door.jobs.get(recording.job).await?.is_some() {
        door.sessions.close_recording(session, &recording).await?;
        return Ok(None);
    }
    let pieces = door.recordings.pieces(recording.job).await?;
    let there: BTreeSet<u32> = pieces.indices.into_iter().collect();
    let count = there.last().map_or(1, |last| last + 1);
    let missing: Vec<u32> = (0..count).filter(|index| !there.contains(index)).collect();
    if !missing.is_empty() {
        let sentence = format!(
            "The recording is not whole: it lacks {} of its pieces.",
            missing.len()
        );
        let listed: Vec<u32> = missing.into_iter().take(LISTED).collect();
        return Err(ErrorResponse::field("index", sentence)
            .with("missing", listed)
            .into());
    }
    if pieces.bytes > limits::MAX_RESULT_BYTES as u64 {
        let most = limits::MAX_RESULT_BYTES;
        let sentence = format!(
            "The recording is {} bytes long; {most} are allowed.",
            pieces.bytes
        );
        return Err(ErrorResponse::field("audio", sentence).into());
    }
    let submission = Submission {
        kind: "voice".to_owned(),
        query: "A voice message.".to_owned(),
        params: json!({"format": recording.format, "pieces": count}).to_string(),
        idempotency_key: None,
        deadline: limits::DEFAULT_DEADLINE,
        claimed: ClaimedIdentity::default(),
        traceparent: None,
    };
    let mut draft = query::new_job(door, call, speaker, submission)?;
    draft.job.id = recording.job;
    let taken = chat_message::submit_turn(
        door,
        call,
        Some(Dialect::TextMessage),
        Some(session),
        draft,
        false,
    )
    .await;
    if taken.is_ok() {
        door.sessions.close_recording(session, &recording).await?;
    }
    taken.map(|_| None)
}

async fn under_way(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    session: SessionId,
) -> Result<Recording, ActionError> {
    let recording = door
        .sessions
        .recording(session, &speaker.owner, call.now)
        .await?;
    recording.ok_or_else(|| sessions::unknown().into())
}
