//! Responses about sessions.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::responses::{response, rfc3339};
use crate::domain::ids::SessionId;
use crate::domain::session::{Session, TurnRow};

pub fn session_started(
    id: SessionId,
    keep: bool,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let fields = json!({"sessionId": id.to_string(), "keep": keep});
    response("sessionStarted", fields, request_id, now)
}

pub fn session_ended(id: SessionId, request_id: Option<&str>, now: Timestamp) -> String {
    let fields = json!({"sessionId": id.to_string()});
    response("sessionEnded", fields, request_id, now)
}

pub fn voice_started(id: SessionId, request_id: Option<&str>, now: Timestamp) -> String {
    let fields = json!({"data": {"sessionId": id.to_string()}});
    response("voice_started", fields, request_id, now)
}

pub fn voice_ack(id: SessionId, index: u32, request_id: Option<&str>, now: Timestamp) -> String {
    let fields = json!({"data": {"sessionId": id.to_string(), "index": index}});
    response("voice_ack", fields, request_id, now)
}

/// The response to `listSessions`.
pub fn sessions(
    sessions: &[Session],
    cursor: Option<SessionId>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let mut fields = json!({"sessions": sessions.iter().map(session_json).collect::<Vec<_>>()});
    if let Some(cursor) = cursor {
        fields["cursor"] = cursor.to_string().into();
    }
    response("sessions", fields, request_id, now)
}

/// The response to `getSession`: a page of its turns, oldest first, and the next turn's number if there are more.
pub fn session(
    session: &Session,
    turns: &[TurnRow],
    next: Option<u32>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let turns: Vec<Value> = turns.iter().map(turn_json).collect();
    let mut fields = json!({"session": session_json(session), "turns": turns});
    if let Some(next) = next {
        fields["cursor"] = next.to_string().into();
    }
    response("session", fields, request_id, now)
}

fn session_json(session: &Session) -> Value {
    let mut value = json!({
        "sessionId": session.id.to_string(),
        "keep": session.keep,
        "turns": session.turns,
        "startedAt": rfc3339(session.started_at),
        "updatedAt": rfc3339(session.updated_at),
    });
    if let Some(at) = session.ended_at {
        value["endedAt"] = rfc3339(at).into();
    }
    value
}

fn turn_json(entry: &TurnRow) -> Value {
    let mut turn = json!({
        "turn": entry.number,
        "jobId": entry.job.to_string(),
        "message": entry.message,
        "status": entry.status.map_or("open", |status| status.as_str()),
        "at": rfc3339(entry.at),
    });
    if let Some(answer) = &entry.answer {
        turn["answer"] = answer.as_str().into();
    }
    turn
}
