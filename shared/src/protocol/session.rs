//! A session as clients receive it.

use serde_json::{Value, json};

use super::responses::rfc3339;
use crate::domain::session::Session;

pub fn session_view(session: &Session) -> Value {
    let mut view = json!({
        "sessionId": session.id.to_string(),
        "keep": session.keep,
        "turns": session.turns,
        "startedAt": rfc3339(session.started_at),
        "updatedAt": rfc3339(session.updated_at),
    });
    if let Some(at) = session.ended_at {
        view["endedAt"] = rfc3339(at).into();
    }
    view
}
