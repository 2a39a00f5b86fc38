//! `voice_start`, `voice_data`, `voice_end`: a recording in pieces, and once it is whole a job that hears it,
//! as the next turn of its session.

use std::collections::BTreeSet;

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::dialect::Dialect;
use longhaul_shared::domain::ids::{JobId, SessionId};
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::{self, Claimed, Refusal, Submission, Voice};
use longhaul_shared::store::sessions::{Head, Recording};
use serde_json::json;
use uuid::Uuid;

use super::{query, say, sessions};
use crate::message::{Answer, Call, Door, No};

/// Of the pieces that are missing, so many are listed.
const LISTED: usize = 100;

pub async fn run(door: &Door, call: &Call, speaker: &Identity, voice: Voice) -> Answer {
    match voice {
        Voice::Start { session, format } => {
            let named = session.map(sessions::known).transpose()?;
            start(door, call, speaker, named, format).await
        }
        Voice::Data {
            session,
            index,
            audio,
        } => {
            let session = sessions::known(session)?;
            let recording = under_way(door, call, speaker, session).await?;
            door.recordings.keep(recording.job, index, audio).await?;
            let request_id = call.request_id.as_deref();
            Ok(Some(protocol::voice_ack(
                session, index, request_id, call.now,
            )))
        }
        Voice::End { session } => {
            let session = sessions::known(session)?;
            end(door, call, speaker, session).await
        }
    }
}

async fn start(
    door: &Door,
    call: &Call,
    speaker: &Identity,
    named: Option<SessionId>,
    format: String,
) -> Answer {
    let owner = &speaker.owner;
    let session = match named {
        Some(id) => id,
        None => sessions::own(door, call, true).await?,
    };
    let session = match (door.sessions.head(session, owner, call.now).await?, named) {
        (Some(head), _) if head.ended_at.is_none() => session,
        (_, Some(_)) => return Err(sessions::unknown().into()),
        (ended, None) => {
            let id = match ended {
                Some(_) => sessions::begin(door, call).await?,
                None => session,
            };
            let until = call.now + door.retention;
            let head = Head::new(id, owner.clone(), call.connection.clone(), call.now, until);
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
    let expires_at = call.now + limits::RECORDING;
    door.sessions
        .record(session, owner, &recording, expires_at)
        .await?;
    let request_id = call.request_id.as_deref();
    Ok(Some(protocol::voice_started(session, request_id, call.now)))
}

/// The pieces are all there: the recording takes no more, and its job begins.
async fn end(door: &Door, call: &Call, speaker: &Identity, session: SessionId) -> Answer {
    let recording = under_way(door, call, speaker, session).await?;
    // Its end was taken in before, by somebody who died then.
    if door.jobs.get(recording.job).await?.is_some() {
        door.sessions.sealed(session, &recording).await?;
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
        return Err(Refusal::field("index", sentence)
            .with("missing", listed)
            .into());
    }
    if pieces.bytes > limits::LARGEST_RESULT_BYTES as u64 {
        let most = limits::LARGEST_RESULT_BYTES;
        let sentence = format!(
            "The recording is {} bytes long; {most} are allowed.",
            pieces.bytes
        );
        return Err(Refusal::field("audio", sentence).into());
    }
    let submission = Submission {
        kind: "voice".to_owned(),
        query: "A voice message.".to_owned(),
        params: json!({"format": recording.format, "pieces": count}).to_string(),
        idempotency_key: None,
        deadline: limits::DEADLINE,
        claimed: Claimed::default(),
        traceparent: None,
    };
    let mut draft = query::draft(door, call, speaker, submission)?;
    draft.job.id = recording.job;
    let taken = say::take(
        door,
        call,
        Some(Dialect::TextMessage),
        Some(session),
        draft,
        false,
    )
    .await;
    if taken.is_ok() {
        door.sessions.sealed(session, &recording).await?;
    }
    taken.map(|_| None)
}

async fn under_way(
    door: &Door,
    call: &Call,
    speaker: &Identity,
    session: SessionId,
) -> Result<Recording, No> {
    let recording = door
        .sessions
        .recording(session, &speaker.owner, call.now)
        .await?;
    recording.ok_or_else(|| sessions::unknown().into())
}
