//! The desk between an analysis, on its own threads, and the attempt that writes and tells for it.
//!
//! Passes on; what is kept and who holds the lease is the attempt's business.

use std::sync::Arc;

use longhaul_shared::store::event_log::StepResult;
use tokio::sync::{mpsc, oneshot};

use crate::reports::Reports;
use crate::stream::Stream;

/// What an analysis says, for the attempt to take up.
pub struct AnalysisChannel {
    pub reports: Reports,
    pub stream: Stream,
    requests: mpsc::Sender<Request>,
    /// Whether earlier attempts may have kept steps.
    has_checkpoints: bool,
}

/// What an analysis waits for.
pub enum Request {
    /// What a step left, if it was kept.
    LoadStep {
        step: String,
        answer: oneshot::Sender<Option<StepResult>>,
    },
    /// To have a step kept; answered once it is.
    SaveStep {
        step: String,
        kept: StepResult,
        answer: oneshot::Sender<()>,
    },
}

impl AnalysisChannel {
    /// With the text that the log holds, for an attempt that goes on from the percentage `reached`.
    /// `recalls` says whether there may be kept steps to ask for.
    pub fn new(stream: Stream, recalls: bool, reached: u8) -> (Arc<Self>, mpsc::Receiver<Request>) {
        let (requests, taken) = mpsc::channel(1);
        let desk = Self {
            reports: Reports::from(reached),
            stream,
            requests,
            has_checkpoints: recalls,
        };
        (Arc::new(desk), taken)
    }

    /// What the step left in an earlier attempt.
    pub async fn load_step(&self, step: &str) -> Option<StepResult> {
        if !self.has_checkpoints {
            return None;
        }
        let (answer, answered) = oneshot::channel();
        let step = step.to_owned();
        self.ask(Request::LoadStep { step, answer }, answered).await
    }

    /// Has a step kept.
    pub async fn save_step(&self, step: String, kept: StepResult) {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::SaveStep { step, kept, answer }, answered)
            .await;
    }

    /// An attempt that is over answers nothing more; its analysis then waits to be aborted.
    async fn ask<T>(&self, request: Request, answered: oneshot::Receiver<T>) -> T {
        if self.requests.send(request).await.is_ok()
            && let Ok(answer) = answered.await
        {
            return answer;
        }
        std::future::pending().await
    }
}
