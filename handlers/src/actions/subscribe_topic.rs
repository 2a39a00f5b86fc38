//! `subscribe` with a topic, and `subscribeToDeals`: a subscription of the connection, which ends with it.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::filters::Filters;
use longhaul_shared::domain::limits;
use longhaul_shared::domain::subscription::SubscriptionId;
use longhaul_shared::domain::topics::Topic;
use longhaul_shared::protocol::request::SubscribeTopicRequest;
use longhaul_shared::protocol::response::{ActiveStatus, Response, Subscription};
use longhaul_shared::protocol::{ErrorResponse, Fields};
use longhaul_shared::store::connections::PlaceOutcome;
use metrics::counter;
use serde_json::{Value, json};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionError, ActionResult, FrameContext};

/// The topic of `subscribeToDeals`, if it names none.
const DEALS: &str = "new-deals";
/// Writes of one subscription, including those that meet a place that is taken.
const MAX_TRIES: usize = 4;

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
        let id = SubscriptionId::new(self.topic, app.random.uuid(), &caller.owner);
        let id = take_place(app, frame, id).await?;
        let subscriptions = &app.stores.subscriptions;
        subscriptions
            .record(&id, caller, &frame.connection, &self.filters, frame.now)
            .await?;
        let data = Subscription {
            subscription_id: id.to_string(),
            topic: id.topic.into(),
            status: ActiveStatus::Active,
        };
        frame.respond(Response::SubscriptionConfirmed { data })
    }
}

/// Takes a place among the connection's subscriptions, and returns the subscription's id with that place.
async fn take_place(
    app: &AppContext,
    frame: &FrameContext,
    mut id: SubscriptionId,
) -> Result<SubscriptionId, ActionError> {
    let (connections, connection) = (&app.stores.connections, &frame.connection);
    let max = limits::SUBSCRIPTIONS;
    let mut is_compared = false;
    for _ in 0..MAX_TRIES {
        let taken = match connections.take_place(connection, &id.place(), max).await? {
            PlaceOutcome::Taken => return Ok(id),
            PlaceOutcome::Closed => return Err(limit_reached("A closed connection", 0)),
            PlaceOutcome::Refused(taken) => taken,
        };
        let has_room = taken.len() < max as usize;
        if has_room && let Some(other) = id.clone().with_free_place(&taken) {
            id = other;
            continue;
        }
        // A crash may have left places of no subscription.
        let left = match is_compared {
            false => {
                let live = app.stores.subscriptions.places(connection).await?;
                taken
                    .into_iter()
                    .filter(|place| !live.contains(place))
                    .collect()
            }
            true => vec![],
        };
        if left.is_empty() {
            return Err(match has_room {
                false => limit_reached("A connection", max),
                true => limit_reached(
                    "In one room, a connection",
                    limits::SUBSCRIPTIONS_OF_ROOM.into(),
                ),
            });
        }
        is_compared = true;
        connections.free_places(connection, left).await?;
    }
    Err(limit_reached("A connection", max))
}

fn limit_reached(of: &str, max: u32) -> ActionError {
    counter!("LimitsHit", "Limit" => "subscriptions").increment(1);
    let message = format!("{of} may have at most {max} subscriptions.");
    ErrorResponse::field("topic", message).into()
}
