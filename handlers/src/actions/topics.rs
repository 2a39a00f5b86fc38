//! `subscribe` with a topic, and `unsubscribe` from one (PROTOCOL 7).
//!
//! A subscription is of its connection and ends with it; any connection of its user may end it before.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::limits;
use longhaul_shared::domain::topics::{SubscriptionId, Topic};
use longhaul_shared::protocol::{
    ErrorCode, ErrorResponse, TopicAction, subscription_confirmed, subscription_ended,
};
use metrics::counter;
use serde_json::Value;
use uuid::Uuid;

use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    asked: TopicAction,
) -> ActionResult {
    match asked {
        TopicAction::Subscribe { topic, filters } => {
            subscribe(door, call, speaker, topic, &filters).await
        }
        TopicAction::Unsubscribe { subscription } => end(door, call, speaker, subscription).await,
    }
}

async fn subscribe(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    topic: Topic,
    filters: &Value,
) -> ActionResult {
    let (most, connection) = (limits::SUBSCRIPTIONS, &call.connection);
    if !door.connections.add_subscription(connection, most).await? {
        counter!("LimitsHit", "Limit" => "subscriptions").increment(1);
        let sentence = format!("A connection may have at most {most} subscriptions.");
        return Err(ErrorResponse::field("topic", sentence).into());
    }
    let id = SubscriptionId {
        topic,
        id: Uuid::new_v4(),
    };
    door.subscriptions
        .record(&id, &speaker.owner, connection, filters, call.now)
        .await?;
    let request_id = call.request_id.as_deref();
    Ok(Some(subscription_confirmed(&id, request_id, call.now)))
}

async fn end(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    subscription: Option<SubscriptionId>,
) -> ActionResult {
    let unknown = || {
        ErrorResponse::new(ErrorCode::NotFound, "You have no such subscription.")
            .with("field", "subscriptionId")
    };
    let id = subscription.ok_or_else(unknown)?;
    let ended = door.subscriptions.end(&id, &speaker.owner).await?;
    let connection = ended.ok_or_else(unknown)?;
    door.connections.remove_subscription(&connection).await?;
    let request_id = call.request_id.as_deref();
    Ok(Some(subscription_ended(&id, request_id, call.now)))
}
