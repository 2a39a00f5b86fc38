//! A new connection hears what waits in its user's inbox: one page for each message of the queue, oldest
//! first; the next page is a message of its own.
//!
//! Entries stay until their user acknowledges them: a process that dies half-way leaves its message, and
//! whoever gets that begins the page again. So each entry comes at least once, under the same id.

use anyhow::Result;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::clock;
use longhaul_shared::messaging::delivery_queue::{self, DeliveryQueue, InboxDelivery};
use longhaul_shared::messaging::push::PushOutcome;
use longhaul_shared::messaging::user_messenger::UserMessenger;
use longhaul_shared::protocol;
use longhaul_shared::settings::Environment;
use longhaul_shared::telemetry;

/// Entries of one page: pushed one after the other within the function's timeout.
const PAGE: u32 = 50;

struct Deliverer {
    courier: UserMessenger,
    deliveries: DeliveryQueue,
}

pub async fn serve(config: &Environment) -> Result<(), Error> {
    let sdk = AwsClients::open().await;
    let dynamo = aws_sdk_dynamodb::Client::new(&sdk);
    let deliverer = &Deliverer {
        courier: UserMessenger::open(config, &sdk, &dynamo)?,
        deliveries: DeliveryQueue::open(config, &sdk, &dynamo)?,
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let request = &event.context.request_id;
        let batch = deliverer.batch(event.payload);
        Ok::<_, Error>(telemetry::observed(request, batch).await)
    }))
    .await
}

impl Deliverer {
    async fn batch(&self, event: SqsEvent) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for record in event.records {
            let Some(delivery) = record
                .body
                .as_deref()
                .and_then(delivery_queue::parse_message)
            else {
                tracing::error!(message = record.message_id, "a delivery can't be read");
                continue;
            };
            if let Err(error) = self.page(&delivery).await {
                let (connection, error) = (&delivery.connection, format!("{error:#}"));
                tracing::warn!(%connection, error, "a delivery begins again later");
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = record.message_id.unwrap_or_default();
                response.batch_item_failures.push(failure);
            }
        }
        response
    }

    async fn page(&self, delivery: &InboxDelivery) -> Result<()> {
        let UserMessenger {
            inbox,
            pusher: push,
            ..
        } = &self.courier;
        let InboxDelivery {
            connection,
            owner,
            after,
        } = delivery;
        let now = clock::now();
        let (entries, more) = inbox.page(owner, false, *after, PAGE, false, now).await?;
        for entry in &entries {
            match push
                .post(connection, &protocol::inbox_entry(entry, now))
                .await
            {
                PushOutcome::Sent => {}
                // The next connection hears it.
                PushOutcome::Gone => return Ok(()),
                PushOutcome::Lost => anyhow::bail!("a push was lost"),
            }
        }
        match more {
            after @ Some(_) => {
                let rest = InboxDelivery {
                    after,
                    ..delivery.clone()
                };
                self.deliveries.send_next_page(&rest).await
            }
            None => Ok(()),
        }
    }
}
