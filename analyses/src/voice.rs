//! `voice`: seals a recording into one object, says how long it is, for WAV and raw PCM, and hands it to the
//! function that is configured to hear it. What that wrote down is answered by [`Chat`], as if it was typed.
//!
//! It transcribes nothing by itself. Whose the recording is was checked when its job was made, whose id is all
//! that it is found by.

use std::sync::Arc;

use async_trait::async_trait;
use longhaul_shared::aws::clients;
use longhaul_shared::store::recordings::Recordings;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::chat::Chat;
use crate::lambda_agent::{AgentOutput, Function};
use longhaul_worker::analysis::{Analysis, Context, Failure};

pub struct Voice {
    bucket: String,
    transcriber: Option<Function>,
    chat: Option<Arc<Chat>>,
    recordings: OnceCell<Recordings>,
}

#[derive(Deserialize)]
struct Params {
    format: String,
    pieces: u32,
}

/// A function's answer: what to say, or what was said, and whatever else it tells.
#[derive(Deserialize)]
struct Transcription {
    /// The answer to the recording.
    response: Option<String>,
    /// What is spoken there, for [`Chat`] to answer where there is no `response`.
    transcript: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// What is known of sound that is not compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sound {
    rate: u32,
    channels: u16,
    bits: u16,
    /// Of the samples alone.
    bytes: u64,
}

impl Voice {
    /// Of recordings in this bucket, heard by the function of this ARN, if there is one; what that writes down
    /// is `chat`'s to answer.
    pub fn new(bucket: String, transcriber: Option<String>, chat: Option<Arc<Chat>>) -> Self {
        Self {
            bucket,
            transcriber: transcriber.map(Function::new),
            chat,
            recordings: OnceCell::new(),
        }
    }
}

#[async_trait]
impl Analysis for Voice {
    fn kind(&self) -> &'static str {
        "voice"
    }

    async fn run(&self, context: &Context) -> Result<Value, Failure> {
        let params = Params::deserialize(context.params()).map_err(|error| {
            Failure::reject(
                "BAD_PARAMS",
                format!("'params' are no recording's: {error}."),
            )
        })?;
        let open = async || Recordings::new(&clients::config().await, self.bucket.clone());
        let recordings = self.recordings.get_or_init(open).await;
        let sealed = recordings.seal(context.job(), params.pieces).await;
        let sealed = sealed.map_err(|error| {
            tracing::warn!(job = %context.job(), error = format!("{error:#}"), "a recording was not sealed");
            Failure::Retry {
                code: "UNSEALED",
                message: "The recording could not be sealed.".to_owned(),
            }
        })?;
        let Some(audio) = sealed.filter(|audio| !audio.is_empty()) else {
            return Err(Failure::reject(
                "NO_RECORDING",
                "There is no such recording.".to_owned(),
            ));
        };
        let sound = sound(&params.format, &audio);
        let mut recording = json!({"format": params.format, "bytes": audio.len()});
        let mut response = format!("I have kept your recording of {} bytes", audio.len());
        if let Some(sound) = sound {
            recording["durationMs"] = sound.milliseconds().into();
            recording["sampleRate"] = sound.rate.into();
            recording["channels"] = sound.channels.into();
            let seconds = sound.milliseconds() as f64 / 1000.0;
            response += &format!(": {seconds:.1} seconds");
        }
        response.push('.');
        let mut result = json!({"agent": "voice", "recording": recording});
        if let Some(transcriber) = &self.transcriber {
            let heard = self.handed_over(context, transcriber, &recording).await?;
            result["transcription"] = Value::Object(heard.more);
            if let Some(transcript) = &heard.transcript {
                result["transcript"] = transcript.as_str().into();
            }
            match (heard.response, heard.transcript, &self.chat) {
                (Some(answer), _, _) => response = answer,
                (None, Some(said), Some(chat)) => {
                    let asked = context.with_question(&said, context.history().to_vec());
                    let mut answer = Box::pin(chat.run(&asked)).await?;
                    for (name, value) in result.as_object_mut().into_iter().flatten() {
                        answer[name.as_str()] = value.take();
                    }
                    return Ok(answer);
                }
                _ => {
                    let message = "The transcriber's answer has no 'response'.";
                    return Err(Failure::reject("BAD_TRANSCRIPTION", message));
                }
            }
        }
        context.stream(&response).await;
        result["response"] = response.into();
        Ok(result)
    }
}

impl Voice {
    /// What the function says of the recording: asked once, whatever dies afterwards.
    async fn handed_over(
        &self,
        context: &Context,
        transcriber: &Function,
        recording: &Value,
    ) -> Result<Transcription, Failure> {
        let mut asked = context.to_json();
        asked["recording"] = recording.clone();
        asked["bucket"] = self.bucket.as_str().into();
        asked["key"] = Recordings::object_key(context.job()).into();
        context.progress(50, "Listening");
        let hears = |heard| {
            if let AgentOutput::Progress { percent, message } = heard {
                context.progress(percent, message);
            }
            // Its answer is told in the end.
            None
        };
        let work = Box::pin(transcriber.ask(context, &asked, hears));
        let answer: Value = context.step("transcribe", recording, work).await?;
        Transcription::deserialize(answer).map_err(|error| {
            let message = format!("The transcriber's answer can't be read: {error}.");
            Failure::reject("BAD_TRANSCRIPTION", message)
        })
    }
}

impl Sound {
    fn milliseconds(&self) -> u64 {
        let frame = u64::from(self.channels) * u64::from(self.bits) / 8;
        let second = (frame * u64::from(self.rate)).max(1);
        self.bytes * 1000 / second
    }
}

/// What the recording says of itself, or for raw PCM its format's name: `pcm`, or such as `pcm_24000`.
fn sound(format: &str, audio: &[u8]) -> Option<Sound> {
    if audio.starts_with(b"RIFF") {
        return wav(audio);
    }
    let rate = match format.to_ascii_lowercase().strip_prefix("pcm")? {
        "" => 16_000,
        rate => rate.trim_start_matches('_').parse().ok()?,
    };
    Some(Sound {
        rate,
        channels: 1,
        bits: 16,
        bytes: audio.len() as u64,
    })
}

/// A WAV file is a list of chunks: `fmt ` says how the samples in `data` are to be read.
fn wav(audio: &[u8]) -> Option<Sound> {
    let mut rest = audio
        .get(12..)
        .filter(|_| audio.get(8..12) == Some(b"WAVE"))?;
    let mut sound = None;
    while let Some((name, after)) = rest.split_at_checked(4) {
        let (length, body) = after.split_at_checked(4)?;
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        match name {
            b"fmt " => {
                let two =
                    |at: usize| Some(u16::from_le_bytes(body.get(at..at + 2)?.try_into().ok()?));
                sound = Some(Sound {
                    rate: u32::from_le_bytes(body.get(4..8)?.try_into().ok()?),
                    channels: two(2)?,
                    bits: two(14)?,
                    bytes: 0,
                });
            }
            // A recorder that streams does not know the length, and writes the largest number there is.
            b"data" => {
                let bytes = length.min(body.len()) as u64;
                return sound.map(|sound| Sound { bytes, ..sound });
            }
            _ => {}
        }
        // Chunks begin at even places.
        rest = body.get(length.checked_add(length % 2)?..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Half a second of stereo in 16 bits at 8,000 Hz.
    fn file(length: u32) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0\x02\0".to_vec();
        file.extend(8_000u32.to_le_bytes());
        file.extend(32_000u32.to_le_bytes());
        file.extend([4, 0, 16, 0]);
        file.extend(b"data");
        file.extend(length.to_le_bytes());
        file.extend([0; 16_000]);
        file
    }

    #[test]
    fn a_recording_says_how_long_it_is() {
        for length in [16_000, u32::MAX] {
            let sound = sound("wav", &file(length)).unwrap();
            assert_eq!(
                (sound.milliseconds(), sound.rate, sound.channels),
                (500, 8_000, 2)
            );
        }
        for (format, milliseconds) in [("pcm", 500), ("PCM_8000", 1_000)] {
            let sound = sound(format, &[0; 16_000]).unwrap();
            assert_eq!(sound.milliseconds(), milliseconds, "{format}");
        }
        for format in ["webm", "pcm_high"] {
            assert_eq!(sound(format, &[0; 16_000]), None);
        }
    }

    proptest! {
        #[test]
        fn no_file_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..80), cut in 0..60usize) {
            let mut named = b"RIFF\0\0\0\0WAVE".to_vec();
            named.append(&mut bytes);
            let _ = sound("wav", &named).map(|sound| sound.milliseconds());
            let _ = sound("wav", &file(16_000)[..cut]).map(|sound| sound.milliseconds());
        }
    }
}
