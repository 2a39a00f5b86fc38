//! `fanout`: one page of a topic's subscribers, told what was published, and then the next page.
//!
//! A record is one page, so that neither memory nor a timeout bounds how many subscribe. What can't be heard
//! yet goes back to the queue by itself; a record that dies in the middle is told again, under the same ids.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::clock;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::domain::topics::FanoutPage;
use longhaul_shared::messaging::push::{ConnectionPusher, PushOutcome};
use longhaul_shared::protocol;
use longhaul_shared::settings::Environment;
use longhaul_shared::store::connections::Connections;
use longhaul_shared::store::subscriptions::Subscriptions;
use longhaul_shared::telemetry;
use metrics::counter;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Connections that are told at once.
const PARALLEL_PUSHES: usize = 32;
/// What is left of an invocation when it ends what it does: a push may take six seconds.
const MARGIN: Duration = Duration::from_secs(10);
/// How often those are tried who can't be told yet, from a second apart to a minute: for ten minutes.
const TRIES: u32 = 15;

/// Who are to be told, by the connection that each is on.
type RecipientsByConnection = BTreeMap<ConnectionId, Vec<String>>;

#[derive(Clone)]
struct FanoutWorker {
    subscriptions: Subscriptions,
    push: ConnectionPusher,
    fanout: longhaul_shared::messaging::fanout_queue::FanoutQueue,
    /// Subscriptions of one page: 500 are a second's work, and a megabyte with the largest filters.
    page: u32,
}

pub async fn serve(config: &Environment) -> Result<(), Error> {
    let sdk = AwsClients::open().await;
    let dynamo = aws_sdk_dynamodb::Client::new(&sdk);
    let connections = Connections::open(config, &dynamo)?;
    let teller = &FanoutWorker {
        subscriptions: Subscriptions::open(config, &dynamo)?,
        push: ConnectionPusher::open(config, &sdk, connections)?,
        fanout: longhaul_shared::messaging::fanout_queue::FanoutQueue::open(config, &sdk)?,
        page: config.number("FANOUT_PAGE")?,
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        let batch = teller.batch(event.payload, deadline - MARGIN);
        Ok::<_, Error>(telemetry::observed(&event.context.request_id, batch).await)
    }))
    .await
}

impl FanoutWorker {
    async fn batch(&self, event: SqsEvent, until: Timestamp) -> SqsBatchResponse {
        let mut records = JoinSet::new();
        for record in event.records {
            let teller = self.clone();
            records.spawn(async move {
                let body = record.body.unwrap_or_default();
                let told = teller.page(&body, until).await;
                let error = told.err().map(|error| format!("{error:#}"))?;
                let message = record.message_id.unwrap_or_default();
                tracing::error!(message, error, "a page was not told");
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = message;
                Some(failure)
            });
        }
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = records.join_all().await.into_iter().flatten().collect();
        response
    }

    /// Tells a page, then sends on what is behind it, and those who could not be told yet.
    async fn page(&self, body: &str, until: Timestamp) -> Result<()> {
        let page = FanoutPage::parse(body).context("it can't be read")?;
        let (lanes, last) = self.lanes(&page).await?;
        let left = self.tell(&page, lanes, until).await;
        if let Some(last) = last {
            self.fanout.send(&page.next_after(last), 0).await?;
        }
        if left.is_empty() {
            return Ok(());
        }
        if page.tries >= TRIES {
            counter!("NotificationsLost").increment(left.len() as u64);
            tracing::warn!(left = left.len(), "these could not be told");
            return Ok(());
        }
        let delay = 1u16 << page.tries.min(6);
        self.fanout.send(&page.retry_for(left), delay.min(60)).await
    }

    /// Those of a page whose filters hold, and where the next page begins.
    async fn lanes(&self, page: &FanoutPage) -> Result<(RecipientsByConnection, Option<String>)> {
        let mut lanes = RecipientsByConnection::new();
        let mut add = |id, connection| lanes.entry(connection).or_default().push(id);
        if !page.left.is_empty() {
            for (id, connection) in &page.left {
                add(id.clone(), connection.clone());
            }
            return Ok((lanes, None));
        }
        let partition = page.partition().context("it is for no topic")?;
        let read =
            self.subscriptions
                .page(&partition, page.after.as_deref(), self.page, clock::now());
        let (subscriptions, last) = read.await?;
        for one in subscriptions {
            if one.filters.matches(&page.published.data) {
                add(one.id, one.connection);
            }
        }
        Ok((lanes, last))
    }

    /// Tells them, some connections at once; those who could not be told.
    async fn tell(
        &self,
        page: &FanoutPage,
        lanes: RecipientsByConnection,
        until: Timestamp,
    ) -> Vec<(String, ConnectionId)> {
        let places = Arc::new(Semaphore::new(PARALLEL_PUSHES));
        let published = Arc::new(page.published.clone());
        let mut tasks = JoinSet::new();
        for (connection, ids) in lanes {
            let (teller, published, places) = (self.clone(), published.clone(), places.clone());
            tasks.spawn(async move {
                let _place = places.acquire().await.expect("it is never closed");
                let mut left = vec![];
                for id in ids {
                    let frame = protocol::notification(&published, &id);
                    if clock::now() >= until {
                        left.push((id, connection.clone()));
                        continue;
                    }
                    match teller.push.post(&connection, &frame).await {
                        PushOutcome::Sent => {}
                        PushOutcome::Lost => left.push((id, connection.clone())),
                        PushOutcome::Gone => {
                            teller.forget(&connection).await;
                            left.clear();
                            break;
                        }
                    }
                }
                left
            });
        }
        tasks.join_all().await.into_iter().flatten().collect()
    }

    async fn forget(&self, connection: &ConnectionId) {
        if let Err(error) = self.subscriptions.remove_all(connection).await {
            let error = format!("{error:#}");
            tracing::warn!(%connection, error, "a closed connection's subscriptions stay until the next push");
        }
    }
}
