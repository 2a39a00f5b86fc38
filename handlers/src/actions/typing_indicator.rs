//! `typing_indicator`: pushes to a user of the caller's tenant that the caller is typing, or has stopped. It is
//! not stored and has no response.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::request::TypingIndicatorRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, typing_indicator};

use super::direct_message::recipient_owner;
use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};

pub struct TypingIndicator {
    recipient: String,
    is_typing: bool,
}

impl Action for TypingIndicator {
    type Caller = Identity;
    type Request = TypingIndicatorRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            recipient: fields.user("recipientId")?,
            is_typing: fields.flag("isTyping")?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let to = recipient_owner(caller, self.recipient)?;
        let pushed = typing_indicator(&caller.owner.user, self.is_typing, frame.now);
        app.messenger.push_to_user(&to, &pushed, frame.now).await?;
        Ok(None)
    }
}
