//! `notificationAck`: marks a message or notification of the caller's as read, so that it is not delivered again.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::NotificationId;
use longhaul_shared::domain::subscriber_hash::is_notified;
use longhaul_shared::protocol::request::NotificationAckRequest;
use longhaul_shared::protocol::response::{Acknowledged, ReadStatus, Response};
use longhaul_shared::protocol::{ErrorCode, ErrorResponse, Fields};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};

pub struct AcknowledgeNotification {
    /// `None` for a text that is no id. It is answered like the id of an unknown one.
    id: Option<NotificationId>,
}

impl Action for AcknowledgeNotification {
    type Caller = Identity;
    type Request = NotificationAckRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            id: NotificationId::parse(fields.required("notificationId")?),
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        // One error for what does not exist, has expired or belongs to another user.
        let unknown = || {
            let message = "You have no such message or notification.";
            ErrorResponse::new(ErrorCode::NotFound, message).with("field", "notificationId")
        };
        let id = self.id.ok_or_else(unknown)?;
        // A topic's notification is stored for nobody: there is nothing to write.
        let is_read = is_notified(&caller.owner, &id) || {
            let inbox = &app.stores.inbox;
            inbox.acknowledge(&caller.owner, id, frame.now).await?
        };
        if !is_read {
            return Err(unknown().into());
        }
        let data = Acknowledged {
            notification_id: id.to_string(),
            status: ReadStatus::Read,
        };
        frame.respond(Response::AckConfirmed { data })
    }
}
