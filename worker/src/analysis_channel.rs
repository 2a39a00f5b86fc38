//! The channel from an analysis, on threads of its own, to the attempt that writes and pushes for it.

use std::sync::Arc;
use std::time::Duration;

use longhaul_shared::store::event_log::StepResult;
use tokio::sync::{mpsc, oneshot};

use crate::progress_buffer::ProgressBuffer;
use crate::stream_buffer::StreamBuffer;

/// What an analysis reports, streams and asks for, until the attempt takes it up.
pub struct AnalysisChannel {
    pub progress: ProgressBuffer,
    pub stream: StreamBuffer,
    requests: mpsc::Sender<Request>,
    /// Whether earlier attempts may have saved steps.
    has_checkpoints: bool,
}

/// What an analysis waits for.
pub enum Request {
    /// To have a step's saved result, if there is one.
    LoadStep {
        key: String,
        response: oneshot::Sender<Option<StepResult>>,
    },
    /// To have a step's result saved; answered once it is.
    SaveStep {
        step: SavedStep,
        response: oneshot::Sender<()>,
    },
}

/// A step that is to be saved.
pub struct SavedStep {
    pub key: String,
    pub name: String,
    /// How long it took.
    pub took: Duration,
    pub result: StepResult,
}

impl AnalysisChannel {
    /// For an attempt that continues from `progress` percent and from the text that `stream` holds.
    /// `has_checkpoints` says whether there may be saved steps; without them none is looked up.
    pub fn new(
        stream: StreamBuffer,
        has_checkpoints: bool,
        progress: u8,
    ) -> (Arc<Self>, mpsc::Receiver<Request>) {
        let (requests, received) = mpsc::channel(1);
        let channel = Self {
            progress: ProgressBuffer::starting_at(progress),
            stream,
            requests,
            has_checkpoints,
        };
        (Arc::new(channel), received)
    }

    /// The result that an earlier attempt saved for the step.
    pub async fn load_step(&self, key: &str) -> Option<StepResult> {
        if !self.has_checkpoints {
            return None;
        }
        let (response, responded) = oneshot::channel();
        let key = key.to_owned();
        self.request(Request::LoadStep { key, response }, responded)
            .await
    }

    /// Saves a step's result; returns once it is durable.
    pub async fn save_step(&self, step: SavedStep) {
        let (response, responded) = oneshot::channel();
        let save = Request::SaveStep { step, response };
        self.request(save, responded).await;
    }

    /// An attempt that is over responds no more; its analysis then waits until it is aborted.
    async fn request<T>(&self, request: Request, responded: oneshot::Receiver<T>) -> T {
        if self.requests.send(request).await.is_ok()
            && let Ok(response) = responded.await
        {
            return response;
        }
        std::future::pending().await
    }
}
