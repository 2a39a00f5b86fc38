//! `listNotifications`: the caller's messages and notifications by page: unread ones, then read ones, each newest
//! first.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::NotificationId;
use longhaul_shared::domain::inbox::InboxEntry;
use longhaul_shared::protocol::request::ListNotificationsRequest;
use longhaul_shared::protocol::response::{NotificationView, Response};
use longhaul_shared::protocol::{ErrorResponse, Fields, PageRequest, entries_that_fit};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};

pub struct ListNotifications {
    unread_only: bool,
    page: PageRequest<InboxCursor>,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxCursor {
    /// Whether it begins among the read entries, which come after the unread ones.
    is_read: bool,
    /// The entry before the page; `None` to begin with the first.
    after: Option<NotificationId>,
}

impl Action for ListNotifications {
    type Caller = Identity;
    type Request = ListNotificationsRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            unread_only: fields.flag("unread")?,
            page: fields.page(InboxCursor::parse)?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let (mut entries, mut next) = (vec![], None);
        let begin = self.page.cursor.unwrap_or(InboxCursor {
            is_read: false,
            after: None,
        });
        let partitions: &[bool] = match (begin.is_read, self.unread_only) {
            (false, false) => &[false, true],
            (false, true) => &[false],
            (true, false) => &[true],
            (true, true) => &[],
        };
        for &is_read in partitions {
            let after = begin.after.filter(|_| is_read == begin.is_read);
            let missing = self.page.limit - entries.len() as u32;
            if missing == 0 {
                next = Some(InboxCursor { is_read, after });
                break;
            }
            let inbox = &app.stores.inbox;
            let page = inbox.page(&caller.owner, is_read, after, missing, true, frame.now);
            let (page, more) = page.await?;
            entries.extend(page);
            if let after @ Some(_) = more {
                next = Some(InboxCursor { is_read, after });
                break;
            }
        }
        frame.respond(response(&entries, next))
    }
}

/// As many of the entries as fit one frame. The next page begins after the last of them, or at `next` if all
/// fit.
fn response(entries: &[InboxEntry], next: Option<InboxCursor>) -> Response {
    let mut notifications: Vec<_> = entries.iter().map(NotificationView::new).collect();
    notifications.truncate(entries_that_fit(&notifications));
    let cut = (notifications.len() < entries.len()).then(|| &entries[notifications.len() - 1]);
    let next = cut.map_or(next, |last| {
        Some(InboxCursor {
            is_read: last.is_read,
            after: Some(last.id),
        })
    });
    Response::Notifications {
        notifications,
        cursor: next.map(|next| next.to_string()),
    }
}

impl InboxCursor {
    /// `None` for a text that is no cursor.
    fn parse(text: &str) -> Option<Self> {
        let (partition, after) = text.split_once('~').unwrap_or((text, ""));
        let is_read = match partition {
            "unread" => false,
            "read" => true,
            _ => return None,
        };
        let after = match after {
            "" => None,
            id => Some(NotificationId::parse(id)?),
        };
        Some(Self { is_read, after })
    }
}

impl std::fmt::Display for InboxCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_read { "read" } else { "unread" })?;
        self.after.map_or(Ok(()), |id| write!(f, "~{id}"))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use longhaul_shared::domain::inbox::InboxContent;
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_page_holds_what_fits_and_names_where_the_next_begins() {
        let now = Timestamp::from_second(100).unwrap();
        let entry = |n: u8| InboxEntry {
            id: NotificationId::new(now, &[n; 10]),
            at: now,
            content: InboxContent::Message {
                from: "bob".into(),
                text: "m".repeat(24 * 1024),
                kind: "text".into(),
            },
            is_read: n > 6,
        };
        let all: Vec<InboxEntry> = (0..10).map(entry).collect();
        let page = |entries: &[InboxEntry]| -> (usize, Option<InboxCursor>) {
            let frame = response(entries, None).frame(None, &[], now);
            assert!(frame.len() <= 128 * 1024);
            let fields: Value = serde_json::from_str(&frame).unwrap();
            let count = fields["notifications"].as_array().unwrap().len();
            let cursor = fields["cursor"].as_str();
            (
                count,
                cursor.map(|cursor| InboxCursor::parse(cursor).unwrap()),
            )
        };
        let (count, cursor) = page(&all);
        let last = &all[count - 1];
        let (is_read, after) = (last.is_read, Some(last.id));
        assert_eq!((count, cursor), (4, Some(InboxCursor { is_read, after })));
        assert_eq!(page(&all[..4]), (4, None));
    }

    #[test]
    fn only_text_in_the_form_of_a_cursor_is_one() {
        for text in [
            "unread",
            "read",
            "read~0190c6f3-0000-7000-8000-000000000001",
        ] {
            assert_eq!(InboxCursor::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "~", "seen~", "read~x", "unread~0190"] {
            assert_eq!(InboxCursor::parse(text), None, "{text}");
        }
    }
}
