//! The frames about topics. `subscribe` and `unsubscribe` are a job's too: which one is meant, the field says.

use serde_json::{Value, json};

use super::{Action, Fields};
use crate::domain::filters::Filters;
use crate::domain::limits;
use crate::domain::topics::{SubscriptionId, Topic};
use crate::protocol::ErrorResponse;

/// What a frame asks of topics.
#[derive(Debug, Clone, PartialEq)]
pub enum TopicAction {
    Subscribe {
        topic: Topic,
        /// As the client spelled them; [`Filters`] has read them.
        filters: Value,
    },
    Unsubscribe {
        /// `None` for what can't be an id: it is not found, like any unknown one.
        subscription: Option<SubscriptionId>,
    },
}

pub(super) const ACTIONS: [&str; 1] = ["subscribeToDeals"];
/// The topic of the clients that know one only.
const DEALS: &str = "new-deals";

impl Fields {
    /// The action of this name, if it is about topics.
    pub(super) fn topics(&self, name: &str) -> Result<Option<Action>, ErrorResponse> {
        Ok(Some(Action::Topic(match name {
            "subscribeToDeals" => self.subscription(self.text("topic")?.unwrap_or(DEALS))?,
            "subscribe" if self.is_topics("topic")? => {
                self.subscription(self.required("topic")?)?
            }
            "unsubscribe" if self.is_topics("subscriptionId")? => TopicAction::Unsubscribe {
                subscription: SubscriptionId::parse(self.required("subscriptionId")?),
            },
            _ => return Ok(None),
        })))
    }

    /// Whether this field stands in place of `jobId`.
    fn is_topics(&self, field: &str) -> Result<bool, ErrorResponse> {
        match (self.get(field)?, self.get("jobId")?) {
            (None, _) => Ok(false),
            (Some(_), None) => Ok(true),
            (Some(_), Some(_)) => Err(ErrorResponse::field(
                field,
                format!("'{field}' and 'jobId' exclude each other."),
            )),
        }
    }

    fn subscription(&self, topic: &str) -> Result<TopicAction, ErrorResponse> {
        let most = limits::TOPIC_CHARS;
        let topic = Topic::parse(topic).ok_or_else(|| {
            let sentence = format!("'topic' must be 1 to {most} letters, digits and '-_.:/@+'.");
            ErrorResponse::field("topic", sentence)
        })?;
        let filters = self.get("filters")?.cloned().unwrap_or_else(|| json!({}));
        Filters::parse(&filters)
            .map_err(|error| ErrorResponse::field(&error.field, &error.message))?;
        Ok(TopicAction::Subscribe { topic, filters })
    }
}
