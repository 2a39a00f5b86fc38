//! Runs an analysis without a stack, for the tests of whoever writes one.

use std::pin::pin;

use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::Report;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::analysis::{Analysis, AnalysisInput, Context, Failure};
use crate::analysis_channel::{AnalysisChannel, Request};
use crate::stream::{Stream, StreamWrite};

/// What an analysis did.
#[derive(Debug)]
pub struct Run {
    pub result: Result<Value, Failure>,
    /// The text that it streamed, whole.
    pub streamed: String,
    /// What it reported, in order; of reports less than 5 % apart the latest.
    pub reports: Vec<Report>,
}

/// The first attempt at a job that asks this, without params and without earlier turns.
pub fn question(query: &str) -> AnalysisInput {
    let id = Uuid::nil().as_hyphenated().to_string();
    let job = JobId::parse(&id).expect("a UUID in its hyphenated form is a job id");
    AnalysisInput::new(job, query.to_owned(), json!({}))
}

/// Runs the analysis to its end. No earlier attempt has kept a step, and none is kept for another.
pub async fn run(analysis: &dyn Analysis, about: AnalysisInput) -> Run {
    let (desk, mut requests) = AnalysisChannel::new(Stream::new([]), false, 0);
    let context = Context::new(about, desk.clone());
    let (mut streamed, mut reports) = (String::new(), vec![]);
    let mut write = |flush: StreamWrite| {
        if let StreamWrite::Chunk(content) = &flush {
            streamed.push_str(content);
        }
        desk.stream.written(&flush);
    };
    let mut work = pin!(analysis.run(&context));
    let result = loop {
        tokio::select! {
            biased;
            result = &mut work => break result,
            Some(request) = requests.recv() => match request {
                Request::LoadStep { answer, .. } => drop(answer.send(None)),
                Request::SaveStep { answer, .. } => drop(answer.send(())),
            },
            flush = desk.stream.due() => write(flush),
            () = desk.reports.due() => reports.extend(desk.reports.drain()),
        }
    };
    while let Some(flush) = desk.stream.next_write() {
        write(flush);
    }
    reports.extend(desk.reports.drain());
    Run {
        result,
        streamed,
        reports,
    }
}
