//! `voice_data`: stores one piece of a recording.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::SessionId;
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::request::VoiceDataRequest;
use longhaul_shared::protocol::response::{RecordedPiece, VoiceResponse};
use longhaul_shared::protocol::{ErrorResponse, Fields, SessionReference};
use longhaul_shared::store::sessions::{PieceOutcome, Recording};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionError, ActionResult, FrameContext};
use crate::session_lookup::{named_session, unknown_session};

pub struct VoiceData {
    session: SessionReference,
    /// The piece's position in the recording, from 0.
    index: u32,
    audio: Vec<u8>,
}

impl Action for VoiceData {
    type Caller = Identity;
    type Request = VoiceDataRequest;

    const IS_OF_DIALECT: bool = true;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            session: fields.required_session()?,
            index: index(fields)?,
            audio: fields.base64("audio")?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let session = named_session(self.session)?;
        let sessions = &app.stores.sessions;
        let piece = sessions.count_piece(session, &caller.owner, self.audio.len(), frame.now);
        let recording = match piece.await? {
            PieceOutcome::Counted(recording) => recording,
            PieceOutcome::NoRecording => return Err(unknown_session().into()),
            PieceOutcome::Full => {
                let message = "The recording has been sent more than it may have.";
                return Err(ErrorResponse::field("audio", message).into());
            }
        };
        let recordings = &app.stores.recordings;
        recordings
            .put_piece(recording.job, self.index, self.audio)
            .await?;
        let data = RecordedPiece {
            session_id: session.to_string(),
            index: self.index,
        };
        let response = VoiceResponse::VoiceAck { data };
        let request_id = frame.request_id.as_deref();
        Ok(Some(response.frame(request_id, frame.now)))
    }
}

fn index(fields: &Fields) -> Result<u32, ErrorResponse> {
    let missing = || ErrorResponse::field("index", "'index' is missing.");
    let index = fields.number("index")?.ok_or_else(missing)?;
    let max = limits::RECORDING_PIECES;
    match u32::try_from(index) {
        Ok(index) if index < max => Ok(index),
        _ => Err(ErrorResponse::field(
            "index",
            format!("'index' must be below {max}."),
        )),
    }
}

/// The recording that the session has begun and not ended.
pub async fn open_recording(
    app: &AppContext,
    frame: &FrameContext,
    caller: &Identity,
    session: SessionId,
) -> Result<Recording, ActionError> {
    let sessions = &app.stores.sessions;
    let recording = sessions
        .recording(session, &caller.owner, frame.now)
        .await?;
    recording.ok_or_else(|| unknown_session().into())
}
