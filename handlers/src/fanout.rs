//! `fanout`: pushes a publication to one page of a topic's subscribers, then sends the next page to the queue.
//!
//! A message of the queue is one page, so that neither memory nor the timeout bounds how many may subscribe.
//! Subscribers that could not be reached go back to the queue alone. A page whose process dies is repeated under
//! the same notification ids.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::clock::Clock;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::domain::token_expiry::has_expired;
use longhaul_shared::domain::topics::FanoutPage;
use longhaul_shared::messaging::fanout_queue::FanoutQueue;
use longhaul_shared::messaging::push::{ConnectionPusher, Posted, PushOutcome, for_each};
use longhaul_shared::settings::{Environment, Settings};
use longhaul_shared::store::connections::Connections;
use longhaul_shared::store::subscriptions::Subscriptions;
use longhaul_shared::{protocol, telemetry};
use metrics::counter;
use tokio::task::JoinSet;

use crate::batch::failed_record;
use crate::settings::FanoutSettings;

/// An invocation stops pushing this long before its timeout: a push may take six seconds.
const MARGIN: Duration = Duration::from_secs(10);
/// How often a subscriber that can't be reached is tried, from a second to a minute apart: for ten minutes.
const MAX_TRIES: u32 = 15;

/// Ids of subscriptions, by their connection.
type RecipientsByConnection = BTreeMap<ConnectionId, Vec<String>>;

#[derive(Clone)]
struct FanoutWorker {
    subscriptions: Subscriptions,
    pusher: ConnectionPusher,
    queue: FanoutQueue,
    /// Subscriptions of one page.
    page_size: u32,
    clock: Clock,
}

pub async fn serve(environment: &Environment) -> Result<(), Error> {
    let settings = FanoutSettings::read(environment)?;
    let clients = AwsClients::open().await;
    let dynamo = aws_sdk_dynamodb::Client::new(&clients);
    let connections = Connections::new(&dynamo, settings.connections_table);
    let worker = &FanoutWorker {
        subscriptions: Subscriptions::new(&dynamo, settings.subscriptions_table),
        pusher: ConnectionPusher::new(&clients, &settings.connections_endpoint, connections),
        queue: FanoutQueue::new(&clients, settings.fanout_queue_url),
        page_size: settings.page_size,
        clock: Clock::system(),
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let timeout = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        let batch = worker.handle(event.payload, timeout - MARGIN);
        Ok::<_, Error>(telemetry::observed(&event.context.request_id, batch).await)
    }))
    .await
}

impl FanoutWorker {
    async fn handle(&self, event: SqsEvent, until: Timestamp) -> SqsBatchResponse {
        let mut records = JoinSet::new();
        for record in event.records {
            let worker = self.clone();
            records.spawn(async move {
                let body = record.body.as_deref().unwrap_or_default();
                let error = worker.push_page(body, until).await.err()?;
                let (message, error) = (&record.message_id, format!("{error:#}"));
                tracing::error!(message, error, "pushing a page failed");
                Some(failed_record(record))
            });
        }
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = records.join_all().await.into_iter().flatten().collect();
        response
    }

    /// Pushes a page, then queues the next page and the subscribers that could not be reached.
    async fn push_page(&self, body: &str, until: Timestamp) -> Result<()> {
        let page = FanoutPage::parse(body).context("it can't be parsed")?;
        let (recipients, last) = self.recipients(&page).await?;
        let unreached = self.push(&page, recipients, until).await;
        if let Some(last) = last {
            self.queue.send(&page.next_after(last), 0).await?;
        }
        if unreached.is_empty() {
            return Ok(());
        }
        let count = unreached.len();
        if page.tries >= MAX_TRIES {
            counter!("NotificationsLost").increment(count as u64);
            tracing::warn!(
                count,
                "notifications were lost: their subscribers could not be reached"
            );
            return Ok(());
        }
        let delay = 1u16 << page.tries.min(6);
        let retry = page.retry_for(unreached);
        self.queue.send(&retry, delay.min(60)).await
    }

    /// The page's subscriptions whose filters match and whose users' tokens have not expired, and the last one if
    /// there are more pages.
    async fn recipients(
        &self,
        page: &FanoutPage,
    ) -> Result<(RecipientsByConnection, Option<String>)> {
        let now = self.clock.now();
        let mut recipients = RecipientsByConnection::new();
        let mut add = |id, connection| recipients.entry(connection).or_default().push(id);
        // Connections whose token may have expired; it may also have been renewed.
        let mut doubtful = BTreeSet::new();
        let mut last = None;
        if page.left.is_empty() {
            let partition = page.partition().context("it has no topic")?;
            let (after, size) = (page.after.as_deref(), self.page_size);
            let read = self.subscriptions.page(&partition, after, size, now);
            let (subscriptions, last_read) = read.await?;
            last = last_read;
            for subscription in subscriptions {
                if subscription.filters.matches(&page.published.data) {
                    if subscription
                        .expires_at
                        .is_none_or(|at| has_expired(at, now))
                    {
                        doubtful.insert(subscription.connection.clone());
                    }
                    add(subscription.id, subscription.connection);
                }
            }
        } else {
            for (id, connection) in &page.left {
                doubtful.insert(connection.clone());
                add(id.clone(), connection.clone());
            }
        }
        let expired = self
            .pusher
            .expired_among(doubtful.into_iter().collect(), now)
            .await?;
        recipients.retain(|connection, _| !expired.contains(connection));
        Ok((recipients, last))
    }

    /// Pushes to the recipients until a time; returns those that could not be reached.
    async fn push(
        &self,
        page: &FanoutPage,
        recipients: RecipientsByConnection,
        until: Timestamp,
    ) -> Vec<(String, ConnectionId)> {
        let (publication, clock) = (Arc::new(page.published.clone()), self.clock.clone());
        let posted = self.pusher.post_each(recipients, move |id: &String| {
            let is_over = clock.now() >= until;
            (!is_over).then(|| Cow::Owned(protocol::notification(&publication, id)))
        });
        let posted = posted.await;
        let (gone, open): (Vec<_>, Vec<_>) = posted
            .into_iter()
            .partition(|posted| posted.outcome == PushOutcome::Gone);
        let remove = |connection| {
            let worker = self.clone();
            async move { worker.remove_subscriptions(&connection).await }
        };
        for_each(gone.into_iter().map(|posted| posted.to), remove).await;
        let unreached = |posted: Posted<String>| {
            let to = posted.to;
            posted.lost.into_iter().map(move |id| (id, to.clone()))
        };
        open.into_iter().flat_map(unreached).collect()
    }

    async fn remove_subscriptions(&self, connection: &ConnectionId) {
        if let Err(error) = self.subscriptions.remove_all(connection).await {
            let error = format!("{error:#}");
            tracing::warn!(%connection, error, "removing a closed connection's subscriptions failed; the next push will repeat it");
        }
    }
}
