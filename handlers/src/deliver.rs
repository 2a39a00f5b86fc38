//! `deliver`: pushes a user's unread inbox to a new connection, oldest entry first. A message of the queue is one
//! page; the next page is a message of its own.
//!
//! Entries stay until the user acknowledges them. A page whose process dies is delivered again from its beginning,
//! so each entry arrives at least once, under the same id.

use anyhow::Result;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::clock::Clock;
use longhaul_shared::messaging::delivery_queue::{DeliveryQueue, InboxDelivery, parse_message};
use longhaul_shared::messaging::push::{ConnectionPusher, PushOutcome};
use longhaul_shared::settings::{Environment, Settings};
use longhaul_shared::store::connections::Connections;
use longhaul_shared::store::inbox::Inbox;
use longhaul_shared::{protocol, telemetry};

use crate::batch::failed_record;
use crate::settings::DeliverSettings;

/// Entries of one page, which are pushed one after the other within the function's timeout.
const PAGE: u32 = 50;

struct InboxDeliverer {
    inbox: Inbox,
    pusher: ConnectionPusher,
    deliveries: DeliveryQueue,
    clock: Clock,
}

pub async fn serve(environment: &Environment) -> Result<(), Error> {
    let settings = DeliverSettings::read(environment)?;
    let clients = AwsClients::open().await;
    let dynamo = aws_sdk_dynamodb::Client::new(&clients);
    let messenger = settings.messenger;
    let connections = Connections::new(&dynamo, messenger.connections_table);
    let inbox = Inbox::new(&dynamo, messenger.inbox_table);
    let deliverer = &InboxDeliverer {
        pusher: ConnectionPusher::new(&clients, &messenger.connections_endpoint, connections),
        deliveries: DeliveryQueue::new(&clients, settings.deliveries_queue_url, inbox.clone()),
        inbox,
        clock: Clock::system(),
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let batch = deliverer.handle(event.payload);
        Ok::<_, Error>(telemetry::observed(&event.context.request_id, batch).await)
    }))
    .await
}

impl InboxDeliverer {
    async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for record in event.records {
            let Some(delivery) = record.body.as_deref().and_then(parse_message) else {
                tracing::error!(message = record.message_id, "a delivery can't be parsed");
                continue;
            };
            if let Err(error) = self.deliver_page(&delivery).await {
                let (connection, error) = (&delivery.connection, format!("{error:#}"));
                tracing::warn!(%connection, error, "a delivery failed and will be repeated");
                response.batch_item_failures.push(failed_record(record));
            }
        }
        response
    }

    async fn deliver_page(&self, delivery: &InboxDelivery) -> Result<()> {
        let InboxDelivery {
            connection,
            owner,
            after,
        } = delivery;
        let now = self.clock.now();
        // A newer token requests the delivery again, and so does the user's next connection.
        if self.pusher.has_expired(connection, now).await? {
            return Ok(());
        }
        let page = self.inbox.page(owner, false, *after, PAGE, false, now);
        let (entries, more) = page.await?;
        for entry in &entries {
            let frame = protocol::inbox_entry(entry, now);
            match self.pusher.post(connection, &frame).await {
                PushOutcome::Sent => {}
                // The user's next connection gets it.
                PushOutcome::Gone => return Ok(()),
                PushOutcome::Lost => anyhow::bail!("a push was lost"),
            }
        }
        match more {
            after @ Some(_) => {
                let next = InboxDelivery {
                    after,
                    ..delivery.clone()
                };
                self.deliveries.send_next_page(&next).await
            }
            None => Ok(()),
        }
    }
}
