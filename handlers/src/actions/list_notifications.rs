//! `listNotifications`: the speaker's messages and notifications, unread ones first, each newest first, a
//! page at a time.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::{self, InboxCursor, PageRequest};

use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    unread_only: bool,
    pages: PageRequest<InboxCursor>,
) -> ActionResult {
    let (owner, limit) = (&speaker.owner, pages.limit);
    let (mut entries, mut next) = (vec![], None);
    let begin = pages.cursor.unwrap_or(InboxCursor {
        is_read: false,
        after: None,
    });
    let shelves: &[bool] = match (begin.is_read, unread_only) {
        (false, false) => &[false, true],
        (false, true) => &[false],
        (true, false) => &[true],
        (true, true) => &[],
    };
    for &is_read in shelves {
        let after = begin.after.filter(|_| is_read == begin.is_read);
        let left = limit - entries.len() as u32;
        if left == 0 {
            next = Some(InboxCursor { is_read, after });
            break;
        }
        let inbox = &door.courier.inbox;
        let (page, more) = inbox
            .page(owner, is_read, after, left, true, call.now)
            .await?;
        entries.extend(page);
        if let after @ Some(_) = more {
            next = Some(InboxCursor { is_read, after });
            break;
        }
    }
    let request_id = call.request_id.as_deref();
    Ok(Some(protocol::notifications(
        &entries, next, request_id, call.now,
    )))
}
