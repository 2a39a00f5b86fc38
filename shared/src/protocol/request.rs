//! A client's frame, parsed once: from here on an action is a value with checked fields.

mod admin;
mod chat;
mod inbox;
mod topic;
mod voice;

use std::time::Duration;

pub use admin::AdminAction;
pub use chat::{ChatMessage, PageRequest, SessionReference, SessionStart};
pub use inbox::{InboxAction, InboxCursor};
use serde_json::{Map, Value};
pub use topic::TopicAction;
pub use voice::VoiceAction;

use super::ErrorResponse;
use crate::domain::ids::{Cursor, JobId, SessionId, Traceparent};
use crate::domain::job::Status;
use crate::domain::limits;

/// What a frame asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub request_id: Option<String>,
    pub action: Action,
}

/// A frame that asks for nothing we do; the answer still echoes its `requestId` where it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct InvalidFrame {
    pub request_id: Option<String>,
    /// Whether it names an action that is answered before anyone has authenticated.
    pub before_authentication: bool,
    pub error: ErrorResponse,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Ping,
    Authenticate {
        token: Option<String>,
        claimed: ClaimedIdentity,
    },
    RefreshToken {
        token: String,
    },
    Submit(Submission),
    Cancel {
        job: JobReference,
    },
    Subscribe {
        job: JobReference,
        after: u64,
    },
    Unsubscribe {
        job: JobReference,
    },
    GetJob {
        job: JobReference,
    },
    ListJobs(JobListRequest),
    ChatMessage(ChatMessage),
    Voice(VoiceAction),
    Topic(TopicAction),
    StartSession(SessionStart),
    EndSession {
        session: Option<SessionReference>,
    },
    ListSessions(PageRequest<SessionId>),
    GetSession {
        session: Option<SessionReference>,
        /// The cursor is a turn's number.
        pages: PageRequest<u32>,
    },
    Inbox(InboxAction),
    Admin(AdminAction),
}

/// A job id as the client gave it: one that can't be an id is `gone` like any unknown one.
pub type JobReference = Result<JobId, String>;

/// Who the client says it is. Never believed, only compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimedIdentity {
    pub user_id: Option<String>,
    pub username: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    pub kind: String,
    pub query: String,
    /// A JSON object's text.
    pub params: String,
    pub idempotency_key: Option<String>,
    /// How long the job may take from now on.
    pub deadline: Duration,
    /// The client's own span, where it traces (W3C Trace Context).
    pub traceparent: Option<Traceparent>,
    pub claimed: ClaimedIdentity,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobListRequest {
    /// Whose, if that is said.
    pub user: Option<String>,
    pub status: Option<Status>,
    pub limit: u32,
    pub cursor: Option<Cursor>,
}

/// The actions by name, for the answer to an unknown one.
fn actions() -> Vec<&'static str> {
    let mut actions = [
        &ACTIONS[..],
        &admin::ACTIONS,
        &chat::ACTIONS,
        &inbox::ACTIONS,
        &topic::ACTIONS,
        &voice::ACTIONS,
    ]
    .concat();
    actions.sort_unstable();
    actions
}

/// Those that are read in this file.
const ACTIONS: [&str; 11] = [
    "authenticate",
    "cancel",
    "finops_query",
    "getJob",
    "listJobs",
    "ping",
    "query",
    "refreshToken",
    "resume",
    "subscribe",
    "unsubscribe",
];

impl Request {
    /// Reads a frame.
    pub fn parse(text: &str) -> Result<Self, InvalidFrame> {
        let nameless = |refusal| InvalidFrame {
            request_id: None,
            before_authentication: false,
            error: refusal,
        };
        let fields = Fields::read(text).map_err(nameless)?;
        let request_id = fields.request_id().map_err(nameless)?;
        match fields.action() {
            Ok(action) => Ok(Self { request_id, action }),
            Err(refusal) => Err(InvalidFrame {
                request_id,
                before_authentication: matches!(fields.name(), Ok("ping" | "authenticate")),
                error: refusal,
            }),
        }
    }
}

/// A frame's fields. Each may stand at the top or inside `data`; both with different values is an error.
struct Fields {
    top: Map<String, Value>,
    data: Map<String, Value>,
}

impl Fields {
    fn read(text: &str) -> Result<Self, ErrorResponse> {
        if text.len() > limits::FRAME_BYTES {
            let sentence = format!(
                "The frame is {} bytes long; {} are allowed.",
                text.len(),
                limits::FRAME_BYTES
            );
            return Err(ErrorResponse::field("frame", sentence));
        }
        if limits::is_nested_too_deep(text) {
            return Err(ErrorResponse::field(
                "frame",
                format!(
                    "The JSON is nested deeper than {} levels.",
                    limits::JSON_DEPTH
                ),
            ));
        }
        let Ok(Value::Object(mut top)) = serde_json::from_str(text) else {
            return Err(ErrorResponse::field(
                "frame",
                "The frame is not a JSON object.",
            ));
        };
        let data = match top.remove("data") {
            Some(Value::Object(data)) => data,
            _ => Map::new(),
        };
        Ok(Self { top, data })
    }

    fn get(&self, name: &str) -> Result<Option<&Value>, ErrorResponse> {
        match (self.top.get(name), self.data.get(name)) {
            (Some(top), Some(data)) if top != data => Err(ErrorResponse::field(
                name,
                format!("'{name}' stands in the frame and in its 'data' with different values."),
            )),
            (top, data) => Ok(top.or(data).filter(|value| !value.is_null())),
        }
    }

    /// A text, trimmed of nothing.
    fn text(&self, name: &str) -> Result<Option<&str>, ErrorResponse> {
        match self.get(name)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ErrorResponse::field(
                name,
                format!("'{name}' must be a string."),
            )),
        }
    }

    fn short_text(&self, name: &str, chars: usize) -> Result<Option<String>, ErrorResponse> {
        match self.text(name)? {
            Some(text) if text.chars().nth(chars).is_some() => Err(ErrorResponse::field(
                name,
                format!("'{name}' may be at most {chars} characters long."),
            )),
            text => Ok(text.map(Into::into)),
        }
    }

    fn required(&self, name: &str) -> Result<&str, ErrorResponse> {
        let missing = || ErrorResponse::field(name, format!("'{name}' is missing or empty."));
        self.text(name)?
            .filter(|text| !text.trim().is_empty())
            .ok_or_else(missing)
    }

    fn number(&self, name: &str) -> Result<Option<u64>, ErrorResponse> {
        let whole = |value: &Value| {
            value.as_u64().ok_or_else(|| {
                ErrorResponse::field(name, format!("'{name}' must be a whole number, 0 or more."))
            })
        };
        self.get(name)?.map(whole).transpose()
    }

    fn request_id(&self) -> Result<Option<String>, ErrorResponse> {
        self.short_text("requestId", limits::REQUEST_ID_CHARS)
    }

    /// The action's name: `action`, or `type` for the clients that speak that way.
    fn name(&self) -> Result<&str, ErrorResponse> {
        let name = match (self.top.get("action"), self.top.get("type")) {
            (Some(action), _) => action.as_str(),
            (None, Some(kind)) => kind.as_str(),
            (None, None) => None,
        };
        name.ok_or_else(|| {
            ErrorResponse::field("action", "The frame has no 'action'.").with("actions", actions())
        })
    }

    fn action(&self) -> Result<Action, ErrorResponse> {
        let name = self.name()?;
        if let Some(action) = self.topics(name)? {
            return Ok(action);
        }
        Ok(match name {
            "ping" => Action::Ping,
            "authenticate" => Action::Authenticate {
                token: self.text("token")?.map(Into::into),
                claimed: self.claimed()?,
            },
            "refreshToken" => Action::RefreshToken {
                token: self.required("token")?.to_owned(),
            },
            "query" => self.query()?,
            "finops_query" => Action::Submit(self.submission("finops", "query")?),
            "cancel" => Action::Cancel { job: self.job()? },
            "subscribe" | "resume" => Action::Subscribe {
                job: self.job()?,
                after: self.number("after")?.unwrap_or(0),
            },
            "unsubscribe" => Action::Unsubscribe { job: self.job()? },
            "getJob" => Action::GetJob { job: self.job()? },
            "listJobs" => Action::ListJobs(self.listing()?),
            other => match self.others(other)? {
                Some(action) => action,
                None => {
                    let other = limits::prefix(other, 64);
                    let sentence = format!("There is no action '{other}'.");
                    return Err(ErrorResponse::field("action", sentence).with("actions", actions()));
                }
            },
        })
    }

    /// The action of this name, if one of the files beside this reads it.
    fn others(&self, name: &str) -> Result<Option<Action>, ErrorResponse> {
        // First, as a message to a user shares its name with one of a conversation.
        if let Some(mail) = self.inbox_action(name)? {
            return Ok(Some(mail));
        }
        let read = self.conversation(name)?.or(self.voice(name)?);
        Ok(read.or(self.admin(name)?))
    }

    fn claimed(&self) -> Result<ClaimedIdentity, ErrorResponse> {
        Ok(ClaimedIdentity {
            user_id: self.text("userId")?.map(Into::into),
            username: self.text("username")?.map(Into::into),
        })
    }

    /// What is asked of this kind of analysis, in this field.
    fn submission(&self, kind: &str, field: &str) -> Result<Submission, ErrorResponse> {
        let query = self.required(field)?;
        if query.len() > limits::QUERY_BYTES {
            let sentence = format!(
                "'{field}' is {} bytes long; {} are allowed.",
                query.len(),
                limits::QUERY_BYTES
            );
            return Err(ErrorResponse::field(field, sentence));
        }
        let params = match self.get("params")? {
            None => "{}".to_owned(),
            Some(Value::Object(params)) => Value::Object(params.clone()).to_string(),
            Some(_) => {
                return Err(ErrorResponse::field(
                    "params",
                    "'params' must be an object.",
                ));
            }
        };
        let idempotency_key = self.short_text("idempotencyKey", limits::IDEMPOTENCY_KEY_CHARS)?;
        Ok(Submission {
            kind: kind.to_owned(),
            query: query.to_owned(),
            params,
            idempotency_key,
            deadline: self.deadline()?,
            // As W3C asks for: one that can't be read counts as none.
            traceparent: self.text("traceparent")?.and_then(Traceparent::parse),
            claimed: self.claimed()?,
        })
    }

    fn deadline(&self) -> Result<Duration, ErrorResponse> {
        let longest = limits::MAX_DEADLINE.as_secs();
        match self.number("deadlineSeconds")? {
            None => Ok(limits::DEFAULT_DEADLINE),
            Some(seconds) if (1..=longest).contains(&seconds) => Ok(Duration::from_secs(seconds)),
            Some(_) => Err(ErrorResponse::field(
                "deadlineSeconds",
                format!("'deadlineSeconds' must be between 1 and {longest}."),
            )),
        }
    }

    fn job(&self) -> Result<JobReference, ErrorResponse> {
        let id = self.required("jobId")?;
        Ok(JobId::parse(id).ok_or_else(|| limits::prefix(id, 64).to_owned()))
    }

    fn listing(&self) -> Result<JobListRequest, ErrorResponse> {
        let cursor = |text| {
            Cursor::parse(text)
                .ok_or_else(|| ErrorResponse::field("cursor", "'cursor' is not one of ours."))
        };
        Ok(JobListRequest {
            user: self.of_user()?,
            status: self.job_status()?,
            limit: self.limit()?,
            cursor: self.text("cursor")?.map(cursor).transpose()?,
        })
    }

    fn job_status(&self) -> Result<Option<Status>, ErrorResponse> {
        let unknown = |text: &str| {
            let known = Status::ALL.map(Status::as_str).to_vec();
            let sentence = format!("There is no status '{}'.", limits::prefix(text, 64));
            ErrorResponse::field("status", sentence).with("statuses", known)
        };
        self.text("status")?
            .map(|text| Status::parse(text).ok_or_else(|| unknown(text)))
            .transpose()
    }

    fn limit(&self) -> Result<u32, ErrorResponse> {
        let limit = self.number("limit")?.unwrap_or(limits::PAGE.into());
        if limit == 0 || limit > limits::PAGE.into() {
            return Err(ErrorResponse::field(
                "limit",
                format!("'limit' must be between 1 and {}.", limits::PAGE),
            ));
        }
        Ok(limit as u32)
    }
}

#[cfg(test)]
mod tests;
