//! An SQS batch: each record has its own fate, reported in the partial batch response.
//!
//! A body that can't be read or a job that fails to be run fails its own record and never the batch.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::config::Config;
use longhaul_shared::connections::Connections;
use longhaul_shared::events::Events;
use longhaul_shared::jobs::Jobs;
use longhaul_shared::push::Push;
use longhaul_shared::{dispatch, sdk};

use crate::analysis::Analysis;
use crate::attempt::Attempts;

/// What becomes of a record.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// There is nothing more to do for it: the queue deletes it.
    Done,
    /// It shall come back after this long.
    Later(Duration),
    /// It comes back when its visibility timeout is over.
    Left,
}

pub async fn serve(config: &Config, analyses: Vec<Arc<dyn Analysis>>) -> Result<(), Error> {
    let worker = &Worker::open(config, analyses).await?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        Ok::<_, Error>(worker.batch(event.payload, deadline).await)
    }))
    .await
}

struct Worker {
    attempts: Attempts,
    sqs: aws_sdk_sqs::Client,
    queue_url: String,
}

impl Worker {
    async fn open(config: &Config, analyses: Vec<Arc<dyn Analysis>>) -> Result<Self> {
        let sdk = sdk::config().await;
        let dynamo = aws_sdk_dynamodb::Client::new(&sdk);
        let connections = Connections::new(
            dynamo.clone(),
            config.required("CONNECTIONS_TABLE")?.to_owned(),
        );
        // Analyses get threads of their own, so that one that blocks can't starve heartbeats.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("analysis")
            .enable_all()
            .build();
        let attempts = Attempts {
            jobs: Jobs::new(dynamo.clone(), config.required("JOBS_TABLE")?.to_owned()),
            events: Events::new(dynamo, config.required("JOB_EVENTS_TABLE")?.to_owned()),
            push: Push::new(&sdk, config.required("CONNECTIONS_ENDPOINT")?, connections),
            analyses: analyses
                .into_iter()
                .map(|analysis| (analysis.kind(), analysis))
                .collect::<HashMap<_, _>>(),
            // The process ends with its last invocation; until then the runtime is needed.
            runtime: Box::leak(Box::new(runtime.context("starting the analyses' runtime")?))
                .handle()
                .clone(),
            lease: config.seconds("LEASE_SECONDS")?,
            most_attempts: config.number("MAX_ATTEMPTS")?,
            retention: config.days("JOB_RETENTION_DAYS")?,
        };
        Ok(Self {
            attempts,
            sqs: aws_sdk_sqs::Client::new(&sdk),
            queue_url: config.required("JOBS_QUEUE_URL")?.to_owned(),
        })
    }

    async fn batch(&self, event: SqsEvent, deadline: Timestamp) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for record in event.records {
            let fate = self.record(&record, deadline).await;
            if let Fate::Later(wait) = fate {
                self.hide(&record, wait).await;
            }
            if fate != Fate::Done {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = record.message_id.unwrap_or_default();
                response.batch_item_failures.push(failure);
            }
        }
        response
    }

    async fn record(&self, record: &SqsMessage, deadline: Timestamp) -> Fate {
        let Some(id) = record.body.as_deref().and_then(dispatch::read) else {
            // Redrive takes it to the dead-letter queue, where someone can read it.
            tracing::error!(message = record.message_id, "a message could not be read");
            return Fate::Left;
        };
        let hide = |wait| self.hide(record, wait);
        // On the heap: an attempt is a deep future, and the batch holds one at a time.
        match Box::pin(self.attempts.run(id, deadline, hide)).await {
            Ok(fate) => fate,
            Err(error) => {
                tracing::error!(job = %id, error = format!("{error:#}"), "an attempt broke off");
                Fate::Left
            }
        }
    }

    /// Sets the record's visibility timeout. Best effort: a message that comes back early finds the
    /// lease, one that comes back late is overtaken by the sweep's.
    async fn hide(&self, record: &SqsMessage, wait: Duration) {
        let change = self
            .sqs
            .change_message_visibility()
            .queue_url(&self.queue_url)
            .set_receipt_handle(record.receipt_handle.clone())
            .visibility_timeout(i32::try_from(wait.as_secs()).unwrap_or(i32::MAX));
        if let Err(error) = change.send().await {
            tracing::warn!(message = record.message_id, error = %error.into_service_error(), "a message's visibility stays as it is");
        }
    }
}
