//! `publish`: what back ends say through SNS or EventBridge, begun to be told to whom it is for.
//!
//! Both leave it on one queue, where it is safe until this has begun the fan-out. Who subscribes is not known
//! here.

use anyhow::{Context, Result};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_dynamodb::Client;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::clock;
use longhaul_shared::domain::ids::Owner;
use longhaul_shared::domain::inbox::{InboxContent, InboxEntry};
use longhaul_shared::domain::topics::{Publication, Recipient};
use longhaul_shared::messaging::fanout_queue::FanoutQueue;
use longhaul_shared::messaging::user_messenger::{MessageStatus, UserMessenger};
use longhaul_shared::settings::Environment;
use longhaul_shared::telemetry;
use metrics::counter;

struct Publisher {
    fanout: FanoutQueue,
    courier: UserMessenger,
}

pub async fn serve(config: &Environment) -> Result<(), Error> {
    let sdk = AwsClients::open().await;
    let desk = &Publisher {
        fanout: FanoutQueue::open(config, &sdk)?,
        courier: UserMessenger::open(config, &sdk, &Client::new(&sdk))?,
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let request = &event.context.request_id;
        let mut response = SqsBatchResponse::default();
        let published = async {
            for record in event.payload.records {
                if let Err(error) = publish(desk, &record).await {
                    // It comes back, and ends on the dead-letter queue where no try helps.
                    let (message, error) = (&record.message_id, format!("{error:#}"));
                    tracing::error!(message, error, "what was published could not be told");
                    let mut failure = BatchItemFailure::default();
                    failure.item_identifier = record.message_id.unwrap_or_default();
                    response.batch_item_failures.push(failure);
                }
            }
        };
        telemetry::observed(request, published).await;
        Ok::<_, Error>(response)
    }))
    .await
}

async fn publish(desk: &Publisher, record: &SqsMessage) -> Result<()> {
    let body = record.body.as_deref().unwrap_or_default();
    let published = Publication::parse(body, clock::now()).context("it can't be read")?;
    match &published.to {
        Recipient::Topic(_) => desk.fanout.begin(&published).await?,
        Recipient::User(user) => notify(&desk.courier, user, &published).await?,
    }
    counter!("Published").increment(1);
    Ok(())
}

/// Keeps it in the user's inbox, and tells all of the user's connections.
async fn notify(courier: &UserMessenger, user: &str, published: &Publication) -> Result<()> {
    let to = Owner {
        user: user.to_owned(),
        tenant: published.tenant_id.clone(),
    };
    let entry = InboxEntry {
        id: published.inbox_id(),
        at: published.at,
        content: InboxContent::Notification {
            kind: published.kind.clone(),
            data: serde_json::to_string(&published.data)?,
            topic: None,
        },
        is_read: false,
    };
    match courier.send(&to, &entry, clock::now()).await {
        MessageStatus::Delivered | MessageStatus::Stored => Ok(()),
        MessageStatus::Lost => anyhow::bail!("it reached nobody, and could not be kept"),
    }
}
