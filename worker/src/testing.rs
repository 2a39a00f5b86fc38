//! Runs an analysis without a stack, for its tests.
//!
//! ```
//! # use longhaul_worker::analysis::{Analysis, Context, Failure};
//! # use serde_json::{Value, json};
//! # struct Length;
//! # #[async_trait::async_trait]
//! # impl Analysis for Length {
//! #     fn kind(&self) -> &str { "length" }
//! #     async fn run(&self, context: &Context) -> Result<Value, Failure> {
//! #         context.progress(50, "Counting");
//! #         Ok(json!({"bytes": context.query().len()}))
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use longhaul_worker::testing;
//!
//! let run = testing::run(&Length, testing::question("How long is this?")).await;
//! assert_eq!(run.result.unwrap()["bytes"], 17);
//! assert_eq!(run.reports[0].percent, 50);
//! # }
//! ```

use std::pin::pin;

use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::Report;
use longhaul_shared::domain::log::EntryContent;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::analysis::{Analysis, AnalysisInput, Context};
use crate::analysis_channel::{AnalysisChannel, Request};
use crate::failure::Failure;
use crate::stream_buffer::StreamBuffer;

/// What an analysis did.
#[derive(Debug)]
pub struct Run {
    /// What it returned.
    pub result: Result<Value, Failure>,
    /// The whole text that it streamed.
    pub streamed: String,
    /// What it reported, in order; of reports less than 5 % apart the latest.
    pub reports: Vec<Report>,
}

/// The input of a first attempt with this query, without params and without earlier turns.
pub fn question(query: &str) -> AnalysisInput {
    let id = Uuid::nil().as_hyphenated().to_string();
    let job = JobId::parse(&id).expect("a UUID in its hyphenated form is a job id");
    AnalysisInput::new(job, query.to_owned(), json!({}))
}

/// Runs the analysis to its end. No step is saved by an earlier attempt or for a later one.
pub async fn run(analysis: &dyn Analysis, input: AnalysisInput) -> Run {
    let stream = StreamBuffer::new(input.attempt, []);
    let (channel, mut requests) = AnalysisChannel::new(stream, false, 0);
    let context = Context::new(input, channel.clone());
    let (mut streamed, mut reports) = (String::new(), vec![]);
    let mut write = |write: EntryContent| {
        if let EntryContent::Chunk(content) = &write {
            streamed.push_str(content);
        }
        channel.stream.written(&write);
    };
    let mut work = pin!(analysis.run(&context));
    let result = loop {
        tokio::select! {
            biased;
            result = &mut work => break result,
            Some(request) = requests.recv() => match request {
                Request::LoadStep { response, .. } => drop(response.send(None)),
                Request::SaveStep { response, .. } => drop(response.send(())),
            },
            content = channel.stream.due() => write(content),
            () = channel.progress.due() => reports.extend(channel.progress.drain()),
        }
    };
    while let Some(content) = channel.stream.next_write() {
        write(content);
    }
    reports.extend(channel.progress.drain());
    Run {
        result,
        streamed,
        reports,
    }
}
