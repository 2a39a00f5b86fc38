//! The frames of a voice recording: its beginning, its pieces, its end.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::chat::SessionReference;
use super::{Action, Fields};
use crate::domain::limits;
use crate::protocol::ErrorResponse;

/// One frame of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoiceAction {
    Start {
        session: Option<SessionReference>,
        /// As the client names it, such as `wav` or `pcm`.
        format: String,
    },
    Data {
        session: SessionReference,
        index: u32,
        audio: Vec<u8>,
    },
    End {
        session: SessionReference,
    },
}

pub(super) const ACTIONS: [&str; 3] = ["voice_data", "voice_end", "voice_start"];

impl Fields {
    /// The action of this name, if it is one of a recording's.
    pub(super) fn voice(&self, name: &str) -> Result<Option<Action>, ErrorResponse> {
        Ok(Some(Action::Voice(match name {
            "voice_start" => VoiceAction::Start {
                session: self.session()?,
                format: self
                    .short_text("format", limits::FORMAT_CHARS)?
                    .unwrap_or_else(|| "wav".to_owned()),
            },
            "voice_data" => VoiceAction::Data {
                session: self.recorded()?,
                index: self.index()?,
                audio: self.audio()?,
            },
            "voice_end" => VoiceAction::End {
                session: self.recorded()?,
            },
            _ => return Ok(None),
        })))
    }

    fn recorded(&self) -> Result<SessionReference, ErrorResponse> {
        self.required("sessionId")?;
        let session = self.session()?;
        session.ok_or_else(|| ErrorResponse::field("sessionId", "'sessionId' is missing or empty."))
    }

    fn index(&self) -> Result<u32, ErrorResponse> {
        let index = self.number("index")?;
        let index = index.ok_or_else(|| ErrorResponse::field("index", "'index' is missing."))?;
        let most = limits::RECORDING_PIECES;
        match u32::try_from(index) {
            Ok(index) if index < most => Ok(index),
            _ => Err(ErrorResponse::field(
                "index",
                format!("'index' must be below {most}."),
            )),
        }
    }

    fn audio(&self) -> Result<Vec<u8>, ErrorResponse> {
        let audio = self.required("audio")?;
        if audio.len() > limits::QUERY_BYTES {
            let (is, most) = (audio.len(), limits::QUERY_BYTES);
            let sentence = format!("'audio' is {is} bytes long; {most} are allowed.");
            return Err(ErrorResponse::field("audio", sentence));
        }
        STANDARD
            .decode(audio)
            .map_err(|_| ErrorResponse::field("audio", "'audio' is not base64."))
    }
}
