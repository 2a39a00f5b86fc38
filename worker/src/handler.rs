//! An SQS batch: each record has its own fate, reported in the partial batch response.
//!
//! A body that can't be read or a job that fails to be run fails its own record and never the batch.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::aws::dynamo::Dynamo;
use longhaul_shared::domain::ids::{JobId, Traceparent};
use longhaul_shared::domain::job_message;
use longhaul_shared::messaging::dead_letter_queue::DeadLetterQueue;
use longhaul_shared::messaging::job_queue::{self, JobQueue};
use longhaul_shared::orchestration::job_backend::{JobBackend, JobBackendSettings};
use longhaul_shared::settings::{Environment, Settings};
use longhaul_shared::telemetry;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::analysis::Analysis;
use crate::attempt::AttemptRunner;

/// How long a record hides that could not be worked on for a reason of ours.
const RETRY: Duration = Duration::from_secs(30);

/// What becomes of a record.
#[derive(Debug, PartialEq, Eq)]
pub enum RecordOutcome {
    /// There is nothing more to do for it: the queue deletes it.
    Done,
    /// It shall come back after this long.
    Later(Duration),
    /// It comes back when its visibility timeout is over.
    Left,
}

pub async fn serve(config: &Environment, analyses: Vec<Arc<dyn Analysis>>) -> Result<(), Error> {
    let worker = &Worker::open(config, analyses).await?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        let request = &event.context.request_id;
        let batch = worker.batch(event.payload, request, deadline);
        Ok::<_, Error>(telemetry::observed(request, batch).await)
    }))
    .await
}

struct Worker {
    attempts: AttemptRunner,
    jobs: JobQueue,
    continuations: JobQueue,
}

impl Worker {
    async fn open(config: &Environment, analyses: Vec<Arc<dyn Analysis>>) -> Result<Self> {
        let sdk = AwsClients::open().await;
        let dynamo = Dynamo::open(&sdk).await?;
        let dead_letters = config.required("JOBS_DEAD_LETTER_QUEUE_URL")?.to_owned();
        let dead_letters = DeadLetterQueue::new(&sdk, dead_letters);
        let backend = JobBackend::new(JobBackendSettings::read(config)?, &sdk, &dynamo);
        let announcer = backend.job_ends(Some(dead_letters));
        // Analyses get threads of their own, so that one that blocks can't starve heartbeats.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("analysis")
            .enable_all()
            .build()
            .context("starting the analyses' runtime")?;
        let by_kind = analyses
            .into_iter()
            .map(|analysis| (analysis.kind().to_owned(), analysis));
        let continuations = config.required("CONTINUATIONS_QUEUE_URL")?.to_owned();
        let continuations = JobQueue::new(&sdk, continuations);
        let attempts = AttemptRunner {
            jobs: backend.jobs,
            events: backend.event_log,
            push: backend.pusher,
            announcer,
            continuations: continuations.clone(),
            analyses: by_kind.collect(),
            // The process ends with its last invocation; until then the runtime is needed.
            runtime: Box::leak(Box::new(runtime)).handle().clone(),
            lease: config.seconds("LEASE_SECONDS")?,
            most_attempts: config.number("MAX_ATTEMPTS")?,
            retention: config.days("JOB_RETENTION_DAYS")?,
        };
        Ok(Self {
            attempts,
            jobs: backend.job_queue,
            continuations,
        })
    }

    async fn batch(
        &self,
        event: SqsEvent,
        invocation: &str,
        deadline: Timestamp,
    ) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for record in event.records {
            let fate = self.record(&record, invocation, deadline).await;
            if let RecordOutcome::Later(wait) = fate {
                self.hide(&record, wait).await;
            }
            if fate != RecordOutcome::Done {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = record.message_id.unwrap_or_default();
                response.batch_item_failures.push(failure);
            }
        }
        response
    }

    async fn record(
        &self,
        record: &SqsMessage,
        invocation: &str,
        deadline: Timestamp,
    ) -> RecordOutcome {
        let Some(id) = record.body.as_deref().and_then(job_message::parse) else {
            // After as many receives as the queue allows, redrive takes it to the dead-letter queue,
            // where someone can read it.
            tracing::error!(message = record.message_id, "a message could not be read");
            return RecordOutcome::Later(RETRY);
        };
        let hide = |wait| self.hide(record, wait);
        let attempt = self.attempts.run(id, invocation, deadline, hide);
        let attempt = async {
            attempt.await.unwrap_or_else(|error| {
                tracing::error!(job = %id, error = format!("{error:#}"), "an attempt broke off");
                RecordOutcome::Later(RETRY)
            })
        };
        // On the heap: an attempt is a deep future, and the batch holds one at a time.
        Box::pin(attempt.instrument(span_of(record, id, invocation))).await
    }

    /// Sets the record's visibility timeout. Best effort: a message that comes back early finds the
    /// lease, one that comes back late is overtaken by the sweep's.
    async fn hide(&self, record: &SqsMessage, wait: Duration) {
        let source = record.event_source_arn.as_deref().unwrap_or_default();
        let queue = match self.continuations.has_arn(source) {
            true => &self.continuations,
            false => &self.jobs,
        };
        let receipt = record.receipt_handle.as_deref().unwrap_or_default();
        if let Err(error) = queue.change_visibility(receipt, wait).await {
            tracing::warn!(
                message = record.message_id,
                error = format!("{error:#}"),
                "a message's visibility stays as it is"
            );
        }
    }
}

/// What an attempt logs carries this; as a span of the job's trace it follows the submit.
fn span_of(record: &SqsMessage, job: JobId, request: &str) -> Span {
    let carried = record.message_attributes.get(job_queue::TRACEPARENT);
    let parent = carried.and_then(|carried| Traceparent::parse(carried.string_value.as_deref()?));
    let trace = parent.as_ref().map(Traceparent::trace);
    let span = tracing::info_span!("attempt", %job, request, trace, attempt = Empty, fence = Empty);
    if let Some(parent) = parent {
        telemetry::parent(&span, &parent);
    }
    span
}
