//! `publish`: begins the fan-out of what back ends publish on topics through SNS or EventBridge, and sends what
//! they publish to a user.
//!
//! A publication stays on the queue until its fan-out has begun.

use anyhow::{Context, Result};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::clock::Clock;
use longhaul_shared::domain::ids::Owner;
use longhaul_shared::domain::inbox::{InboxContent, InboxEntry};
use longhaul_shared::domain::topics::{Publication, Recipient};
use longhaul_shared::messaging::fanout_queue::FanoutQueue;
use longhaul_shared::messaging::push::ConnectionPusher;
use longhaul_shared::messaging::user_messenger::{MessageStatus, UserMessenger};
use longhaul_shared::settings::{Environment, Settings};
use longhaul_shared::store::connections::Connections;
use longhaul_shared::store::inbox::Inbox;
use longhaul_shared::telemetry;
use metrics::counter;

use crate::batch::failed_record;
use crate::settings::PublishSettings;

struct Publisher {
    fanout: FanoutQueue,
    messenger: UserMessenger,
    clock: Clock,
}

pub async fn serve(environment: &Environment) -> Result<(), Error> {
    let settings = PublishSettings::read(environment)?;
    let clients = AwsClients::open().await;
    let dynamo = aws_sdk_dynamodb::Client::new(&clients);
    let messenger = settings.messenger;
    let connections = Connections::new(&dynamo, messenger.connections_table);
    let endpoint = &messenger.connections_endpoint;
    let publisher = &Publisher {
        fanout: FanoutQueue::new(&clients, settings.fanout_queue_url),
        messenger: UserMessenger {
            inbox: Inbox::new(&dynamo, messenger.inbox_table),
            pusher: ConnectionPusher::new(&clients, endpoint, connections.clone()),
            connections,
        },
        clock: Clock::system(),
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let batch = publisher.handle(event.payload);
        Ok::<_, Error>(telemetry::observed(&event.context.request_id, batch).await)
    }))
    .await
}

impl Publisher {
    async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for record in event.records {
            let body = record.body.as_deref().unwrap_or_default();
            if let Err(error) = self.publish(body).await {
                // It is delivered again, and goes to the dead-letter queue if no delivery succeeds.
                let (message, error) = (&record.message_id, format!("{error:#}"));
                tracing::error!(message, error, "publishing failed");
                response.batch_item_failures.push(failed_record(record));
            }
        }
        response
    }

    async fn publish(&self, body: &str) -> Result<()> {
        let publication =
            Publication::parse(body, self.clock.now()).context("it can't be parsed")?;
        match &publication.to {
            Recipient::Topic(_) => self.fanout.begin(&publication).await?,
            Recipient::User(user) => self.notify_user(user, &publication).await?,
        }
        counter!("Published").increment(1);
        Ok(())
    }

    /// Stores it in the user's inbox and pushes it to all of the user's connections.
    async fn notify_user(&self, user: &str, publication: &Publication) -> Result<()> {
        let to = Owner {
            user: user.to_owned(),
            tenant: publication.tenant_id.clone(),
        };
        let entry = InboxEntry {
            id: publication.inbox_id(),
            at: publication.at,
            content: InboxContent::Notification {
                kind: publication.kind.clone(),
                data: serde_json::to_string(&publication.data)?,
                topic: None,
            },
            is_read: false,
        };
        match self.messenger.send(&to, &entry, self.clock.now()).await {
            MessageStatus::Delivered | MessageStatus::Stored => Ok(()),
            MessageStatus::Lost => anyhow::bail!("it could be neither delivered nor stored"),
        }
    }
}
