//! How answers about sessions are spelled (PROTOCOL 6).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::responses::{answer, rfc3339};
use crate::domain::ids::SessionId;
use crate::store::sessions::{Session, TurnRow};

pub fn session_started(
    id: SessionId,
    keep: bool,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let fields = json!({"sessionId": id.to_string(), "keep": keep});
    answer("sessionStarted", fields, request_id, now)
}

pub fn session_ended(id: SessionId, request_id: Option<&str>, now: Timestamp) -> String {
    let fields = json!({"sessionId": id.to_string()});
    answer("sessionEnded", fields, request_id, now)
}

pub fn voice_started(id: SessionId, request_id: Option<&str>, now: Timestamp) -> String {
    let fields = json!({"data": {"sessionId": id.to_string()}});
    answer("voice_started", fields, request_id, now)
}

pub fn voice_ack(id: SessionId, index: u32, request_id: Option<&str>, now: Timestamp) -> String {
    let fields = json!({"data": {"sessionId": id.to_string(), "index": index}});
    answer("voice_ack", fields, request_id, now)
}

/// The answer to `listSessions`.
pub fn sessions(
    heads: &[Session],
    cursor: Option<SessionId>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let mut fields = json!({"sessions": heads.iter().map(shown).collect::<Vec<_>>()});
    if let Some(cursor) = cursor {
        fields["cursor"] = cursor.to_string().into();
    }
    answer("sessions", fields, request_id, now)
}

/// The answer to `getSession`: some of its turns, oldest first, and the next one's number if there are more.
pub fn session(
    head: &Session,
    turns: &[TurnRow],
    next: Option<u32>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let turns: Vec<Value> = turns.iter().map(turn).collect();
    let mut fields = json!({"session": shown(head), "turns": turns});
    if let Some(next) = next {
        fields["cursor"] = next.to_string().into();
    }
    answer("session", fields, request_id, now)
}

fn shown(head: &Session) -> Value {
    let mut shown = json!({
        "sessionId": head.id.to_string(),
        "keep": head.keep,
        "turns": head.turns,
        "startedAt": rfc3339(head.started_at),
        "updatedAt": rfc3339(head.updated_at),
    });
    if let Some(at) = head.ended_at {
        shown["endedAt"] = rfc3339(at).into();
    }
    shown
}

fn turn(entry: &TurnRow) -> Value {
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
