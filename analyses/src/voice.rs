//! `voice`: joins a recording's pieces into one object, measures its length (WAV and raw PCM), and passes it to the
//! configured transcriber, a Lambda function. [`Chat`] answers the transcript as if it had been typed.
//!
//! The recording is found by its job's id; whose it is was checked when the job was submitted.

use std::sync::Arc;

use async_trait::async_trait;
use longhaul_shared::aws::clients;
use longhaul_shared::store::recordings::Recordings;
use longhaul_worker::analysis::{Analysis, Context, Failure, JobErrorCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use crate::audio::Audio;
use crate::chat::Chat;
use crate::lambda_agent::{AgentOutput, LambdaAgent};

/// The analysis of the kind `voice`.
pub struct Voice {
    bucket: String,
    transcriber: Option<LambdaAgent>,
    chat: Option<Arc<Chat>>,
    recordings: OnceCell<Recordings>,
}

#[derive(Deserialize)]
struct Params {
    format: String,
    pieces: u32,
}

/// A transcriber's answer.
#[derive(Deserialize)]
struct Transcription {
    /// The answer to the recording.
    response: Option<String>,
    /// The spoken text, which [`Chat`] answers where there is no `response`.
    transcript: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Voice {
    /// With the bucket of the recordings, the transcriber's ARN, and the chat that answers transcripts.
    pub fn new(bucket: String, transcriber: Option<String>, chat: Option<Arc<Chat>>) -> Self {
        Self {
            bucket,
            transcriber: transcriber.map(LambdaAgent::new),
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
            let message = format!("'params' do not describe a recording: {error}.");
            Failure::reject(JobErrorCode::BadParams, message)
        })?;
        let open = async || Recordings::new(&clients::config().await, self.bucket.clone());
        let recordings = self.recordings.get_or_init(open).await;
        let sealed = recordings.seal(context.job(), params.pieces).await;
        let sealed = sealed.map_err(|error| {
            tracing::warn!(job = %context.job(), error = format!("{error:#}"), "a recording's pieces could not be joined");
            Failure::retry(JobErrorCode::Unsealed, "The recording could not be sealed.")
        })?;
        let Some(bytes) = sealed.filter(|bytes| !bytes.is_empty()) else {
            let message = "There is no such recording.";
            return Err(Failure::reject(JobErrorCode::NoRecording, message));
        };
        let mut recording = json!({"format": params.format, "bytes": bytes.len()});
        let mut response = format!("I have kept your recording of {} bytes", bytes.len());
        if let Some(audio) = Audio::parse(&params.format, &bytes) {
            recording["durationMs"] = audio.milliseconds().into();
            recording["sampleRate"] = audio.sample_rate.into();
            recording["channels"] = audio.channels.into();
            let seconds = audio.milliseconds() as f64 / 1000.0;
            response += &format!(": {seconds:.1} seconds");
        }
        response.push('.');
        let mut result = json!({"agent": "voice", "recording": recording});
        if let Some(transcriber) = &self.transcriber {
            let transcription = self.transcribe(context, transcriber, &recording).await?;
            result["transcription"] = Value::Object(transcription.more);
            if let Some(transcript) = &transcription.transcript {
                result["transcript"] = transcript.as_str().into();
            }
            match (transcription.response, transcription.transcript, &self.chat) {
                (Some(answer), _, _) => response = answer,
                (None, Some(transcript), Some(chat)) => {
                    let history = context.history().to_vec();
                    let chat_context = context.with_question(&transcript, history);
                    let mut answer = Box::pin(chat.run(&chat_context)).await?;
                    for (name, value) in result.as_object_mut().into_iter().flatten() {
                        answer[name.as_str()] = value.take();
                    }
                    return Ok(answer);
                }
                _ => {
                    let message = "The transcriber's answer has no 'response'.";
                    return Err(Failure::reject(JobErrorCode::BadTranscription, message));
                }
            }
        }
        context.stream(&response).await;
        result["response"] = response.into();
        Ok(result)
    }
}

impl Voice {
    /// The transcriber's answer, as a step: it is invoked once.
    async fn transcribe(
        &self,
        context: &Context,
        transcriber: &LambdaAgent,
        recording: &Value,
    ) -> Result<Transcription, Failure> {
        let mut input = context.to_json();
        input["recording"] = recording.clone();
        input["bucket"] = self.bucket.as_str().into();
        input["key"] = Recordings::object_key(context.job()).into();
        context.progress(50, "Listening");
        let on_output = |output| {
            if let AgentOutput::Progress(progress) = output {
                context.progress(progress.percent, progress.message);
            }
            // Its chunks are dropped: the answer is streamed at the end.
            None
        };
        let work = Box::pin(transcriber.invoke(context, &input, on_output));
        let answer: Value = context.step("transcribe", recording, work).await?;
        Transcription::deserialize(answer).map_err(|error| {
            let message = format!("The transcriber's answer can't be read: {error}.");
            Failure::reject(JobErrorCode::BadTranscription, message)
        })
    }
}
