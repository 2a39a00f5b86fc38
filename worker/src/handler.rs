//! The worker's function: receives a batch of the queue, attempts the job of each record, and reports each record's
//! outcome on its own. A record that can't be read, or whose attempt fails, never fails its batch.

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
use longhaul_shared::orchestration::job_backend::JobBackend;
use longhaul_shared::settings::{Environment, Settings};
use longhaul_shared::telemetry;
use tokio::runtime::{Builder, Handle, Runtime};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::analysis::Analysis;
use crate::attempt::{Invocation, attempt};
use crate::engine::{AttemptLimits, Engine, Sources};
use crate::outcome::RecordOutcome;
use crate::received_message::ReceivedMessage;
use crate::settings::WorkerSettings;

/// Visibility timeout of a record that can't be read, or whose attempt failed because a service did.
const RETRY_AFTER_ERROR: Duration = Duration::from_secs(30);

/// Serves invocations with these analyses until the process ends.
pub async fn serve(
    environment: &Environment,
    analyses: Vec<Arc<dyn Analysis>>,
) -> Result<(), Error> {
    let worker = &Worker::open(WorkerSettings::read(environment)?, analyses).await?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let invocation = Invocation {
            request_id: &event.context.request_id,
            deadline: Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?,
        };
        let batch = worker.batch(event.payload, invocation);
        Ok::<_, Error>(telemetry::observed(invocation.request_id, batch).await)
    }))
    .await
}

struct Worker {
    engine: Engine,
    jobs: JobQueue,
    /// Ends with the worker.
    _analysis_threads: AnalysisThreads,
}

/// The runtime of the analyses.
struct AnalysisThreads(Option<Runtime>);

impl AnalysisThreads {
    /// Also returns the handle by which analyses are spawned.
    fn start() -> Result<(Self, Handle)> {
        let runtime = Builder::new_multi_thread()
            .thread_name("analysis")
            .enable_all()
            .build()
            .context("starting the analyses' runtime")?;
        let handle = runtime.handle().clone();
        Ok((Self(Some(runtime)), handle))
    }
}

impl Drop for AnalysisThreads {
    /// Without waiting: an analysis that blocks its thread must not keep the process.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Worker {
    async fn open(settings: WorkerSettings, analyses: Vec<Arc<dyn Analysis>>) -> Result<Self> {
        let clients = AwsClients::open().await;
        let dynamo = Dynamo::open(&clients).await?;
        let dead_letters = DeadLetterQueue::new(&clients, settings.dead_letter_queue_url);
        let backend = JobBackend::new(settings.backend, &clients, &dynamo);
        let (threads, analysis_tasks) = AnalysisThreads::start()?;
        let by_kind = analyses
            .into_iter()
            .map(|analysis| (analysis.kind().to_owned(), analysis));
        let engine = Engine {
            job_end_notifier: backend.job_end_notifier(Some(dead_letters)),
            jobs: backend.jobs,
            event_log: backend.event_log,
            pusher: backend.pusher,
            continuations: JobQueue::new(&clients, settings.continuations_queue_url),
            analyses: by_kind.collect(),
            limits: AttemptLimits {
                lease: settings.lease,
                max_attempts: settings.max_attempts,
                retention: settings.retention,
            },
            sources: Sources::of_system(analysis_tasks),
        };
        Ok(Self {
            engine,
            jobs: backend.job_queue,
            _analysis_threads: threads,
        })
    }

    async fn batch(&self, event: SqsEvent, invocation: Invocation<'_>) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for record in event.records {
            let message = self.message(&record);
            let outcome = self.record(&record, &message, invocation).await;
            if let RecordOutcome::RetryAfter(wait) = outcome {
                message.set_visibility_timeout(wait).await;
            }
            if outcome != RecordOutcome::Delete {
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
        message: &ReceivedMessage<'_>,
        invocation: Invocation<'_>,
    ) -> RecordOutcome {
        let Some(id) = record.body.as_deref().and_then(job_message::parse) else {
            // After its maximum number of receives, redrive moves it to the dead-letter queue for a person to read.
            tracing::error!(message = record.message_id, "a message could not be read");
            return RecordOutcome::RetryAfter(RETRY_AFTER_ERROR);
        };
        let attempt = async {
            let outcome = attempt(&self.engine, id, message, invocation).await;
            outcome.unwrap_or_else(|error| {
                tracing::error!(job = %id, error = format!("{error:#}"), "an attempt broke off");
                RecordOutcome::RetryAfter(RETRY_AFTER_ERROR)
            })
        };
        let span = attempt_span(record, id, invocation.request_id);
        // On the heap: an attempt is a deep future, and the batch runs one at a time.
        Box::pin(attempt.instrument(span)).await
    }

    fn message<'a>(&'a self, record: &'a SqsMessage) -> ReceivedMessage<'a> {
        let source = record.event_source_arn.as_deref().unwrap_or_default();
        let queue = match self.engine.continuations.has_arn(source) {
            true => &self.engine.continuations,
            false => &self.jobs,
        };
        ReceivedMessage {
            queue,
            receipt_handle: record.receipt_handle.as_deref().unwrap_or_default(),
            id: record.message_id.as_deref().unwrap_or_default(),
        }
    }
}

/// The span of an attempt: its fields are in each of the attempt's log lines, and in the job's trace it follows the
/// submit.
fn attempt_span(record: &SqsMessage, job: JobId, request: &str) -> Span {
    let attribute = record.message_attributes.get(job_queue::TRACEPARENT);
    let parent =
        attribute.and_then(|attribute| Traceparent::parse(attribute.string_value.as_deref()?));
    let trace = parent.as_ref().map(Traceparent::trace);
    let span = tracing::info_span!("attempt", %job, request, trace, attempt = Empty, fence = Empty);
    if let Some(parent) = parent {
        telemetry::parent(&span, &parent);
    }
    span
}
