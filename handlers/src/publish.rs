//! `publish`: what back ends say through SNS or EventBridge, begun to be told to whom it is for.
//!
//! Both leave it on one queue, where it is safe until this has begun the fan-out. Who subscribes is not known
//! here.

use anyhow::{Context, Result};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_dynamodb::Client;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::config::Config;
use longhaul_shared::messaging::courier::{Courier, Sent};
use longhaul_shared::messaging::fanout::Fanout;
use longhaul_shared::domain::ids::Owner;
use longhaul_shared::store::inbox::{Content, Entry};
use longhaul_shared::aws::sdk::Sdk;
use longhaul_shared::domain::topics::{Published, To};
use longhaul_shared::telemetry;
use longhaul_shared::time;
use metrics::counter;

struct Desk {
    fanout: Fanout,
    courier: Courier,
}

pub async fn serve(config: &Config) -> Result<(), Error> {
    let sdk = Sdk::open().await;
    let desk = &Desk {
        fanout: Fanout::open(config, &sdk)?,
        courier: Courier::open(config, &sdk, &Client::new(&sdk))?,
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

async fn publish(desk: &Desk, record: &SqsMessage) -> Result<()> {
    let body = record.body.as_deref().unwrap_or_default();
    let published = Published::read(body, time::now()).context("it can't be read")?;
    match &published.to {
        To::Topic(_) => desk.fanout.begin(&published).await?,
        To::User(user) => notify(&desk.courier, user, &published).await?,
    }
    counter!("Published").increment(1);
    Ok(())
}

/// Keeps it in the user's inbox, and tells all of the user's connections.
async fn notify(courier: &Courier, user: &str, published: &Published) -> Result<()> {
    let to = Owner {
        user: user.to_owned(),
        tenant: published.tenant_id.clone(),
    };
    let entry = Entry {
        id: published.kept(),
        at: published.at,
        content: Content::Notification {
            kind: published.kind.clone(),
            data: serde_json::to_string(&published.data)?,
            topic: None,
        },
        is_read: false,
    };
    match courier.send(&to, &entry, time::now()).await {
        Sent::Delivered | Sent::Stored => Ok(()),
        Sent::Lost => anyhow::bail!("it reached nobody, and could not be kept"),
    }
}
