//! `subscribe` with a topic, and `subscribeToDeals`: a subscription of the connection, which ends with it.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::filters::Filters;
use longhaul_shared::domain::limits;
use longhaul_shared::domain::topics::{SubscriptionId, Topic};
use longhaul_shared::protocol::request::SubscribeTopicRequest;
use longhaul_shared::protocol::response::{ActiveStatus, Response, Subscription};
use longhaul_shared::protocol::{ErrorResponse, Fields};
use metrics::counter;
use serde_json::{Value, json};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};

/// The topic of `subscribeToDeals`, if it names none.
const DEALS: &str = "new-deals";

pub struct SubscribeTopic {
    topic: Topic,
    /// As the client wrote them; [`Filters::parse`] accepts them.
    filters: Value,
}

impl Action for SubscribeTopic {
    type Caller = Identity;
    type Request = SubscribeTopicRequest;

    const NAMES: &'static [&'static str] = &["subscribe", "subscribeToDeals"];

    /// A `subscribe` without a topic names a job.
    fn matches(fields: &Fields) -> bool {
        fields.action() != Some("subscribe") || fields.contains("topic")
    }

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        let topic = match fields.action() {
            Some("subscribe") => {
                fields.check_exclusive("topic", "jobId")?;
                fields.required("topic")?
            }
            _ => fields.text("topic")?.unwrap_or(DEALS),
        };
        let topic = Topic::parse(topic).ok_or_else(|| {
            let max = limits::TOPIC_CHARS;
            let message = format!("'topic' must be 1 to {max} letters, digits and '-_.:/@+'.");
            ErrorResponse::field("topic", message)
        })?;
        let filters = fields.get("filters")?.cloned();
        let filters = filters.unwrap_or_else(|| json!({}));
        Filters::parse(&filters)
            .map_err(|error| ErrorResponse::field(&error.field, &error.message))?;
        Ok(Self { topic, filters })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let (connection, max) = (&frame.connection, limits::SUBSCRIPTIONS);
        let connections = &app.stores.connections;
        if !connections.add_subscription(connection, max).await? {
            counter!("LimitsHit", "Limit" => "subscriptions").increment(1);
            let message = format!("A connection may have at most {max} subscriptions.");
            return Err(ErrorResponse::field("topic", message).into());
        }
        let id = SubscriptionId::new(self.topic, app.random.uuid(), &caller.owner);
        let subscriptions = &app.stores.subscriptions;
        subscriptions
            .record(&id, caller, connection, &self.filters, frame.now)
            .await?;
        let data = Subscription {
            subscription_id: id.to_string(),
            topic: id.topic.into(),
            status: ActiveStatus::Active,
        };
        frame.respond(Response::SubscriptionConfirmed { data })
    }
}
