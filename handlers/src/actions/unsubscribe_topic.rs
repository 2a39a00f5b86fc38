//! `unsubscribe` with a subscription: ends it. Any connection of the subscription's user may.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::subscription::SubscriptionId;
use longhaul_shared::protocol::request::UnsubscribeTopicRequest;
use longhaul_shared::protocol::response::{EndedStatus, Response, Subscription};
use longhaul_shared::protocol::{ErrorCode, ErrorResponse, Fields};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};

pub struct UnsubscribeTopic {
    /// `None` for a text that is no subscription's id. It is answered like the id of an unknown one.
    subscription: Option<SubscriptionId>,
}

impl Action for UnsubscribeTopic {
    type Caller = Identity;
    type Request = UnsubscribeTopicRequest;

    /// An `unsubscribe` without a subscription names a job.
    fn matches(fields: &Fields) -> bool {
        fields.contains("subscriptionId")
    }

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        fields.check_exclusive("subscriptionId", "jobId")?;
        Ok(Self {
            subscription: SubscriptionId::parse(fields.required("subscriptionId")?),
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let unknown = || {
            let message = "You have no such subscription.";
            ErrorResponse::new(ErrorCode::NotFound, message).with("field", "subscriptionId")
        };
        let id = self.subscription.ok_or_else(unknown)?;
        let ended = app.stores.subscriptions.end(&id, &caller.owner).await?;
        let connection = ended.ok_or_else(unknown)?;
        let connections = &app.stores.connections;
        connections
            .free_places(&connection, vec![id.place()])
            .await?;
        let data = Subscription {
            subscription_id: id.to_string(),
            topic: id.topic.into(),
            status: EndedStatus::Ended,
        };
        frame.respond(Response::TopicUnsubscribed { data })
    }
}
