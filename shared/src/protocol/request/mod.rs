//! A client's frame as fields that are read one by one; every error names the field at fault.

mod admin_requests;
mod chat_requests;
mod job_requests;
mod topic_requests;
mod unparsed_frame;
mod values;
mod warnings;

pub use admin_requests::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
pub use chat_requests::*;
pub use job_requests::*;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
pub use topic_requests::*;
pub use unparsed_frame::matchable;
pub use values::{ClaimedIdentity, JobReference, PageRequest, SessionReference};
pub use warnings::{Warning, are_none, field_names};

use super::ErrorResponse;
use crate::domain::limits;

/// A frame of a client, as a type: the source of its schema and of the names of its fields. [`Fields`] reads it, so that
/// an error names the field at fault.
pub trait Request: DeserializeOwned {
    /// The names of its action.
    const ACTIONS: &'static [&'static str];
}

/// A frame's fields. Each may stand in the frame itself or inside its `data`; different values in both are an
/// error, and `null` counts as left out.
pub struct Fields {
    frame: Map<String, Value>,
    data: Map<String, Value>,
}

impl Fields {
    /// Parses a frame: a JSON object within the limits of size and depth.
    pub fn parse(text: &str) -> Result<Self, ErrorResponse> {
        if text.len() > limits::FRAME_BYTES {
            let (bytes, max) = (text.len(), limits::FRAME_BYTES);
            let message = format!("The frame is {bytes} bytes long; at most {max} are allowed.");
            return Err(ErrorResponse::field("frame", message));
        }
        if limits::is_nested_too_deep(text) {
            let max = limits::JSON_DEPTH;
            let message = format!("The JSON is nested deeper than {max} levels.");
            return Err(ErrorResponse::field("frame", message));
        }
        let Ok(Value::Object(mut frame)) = serde_json::from_str(text) else {
            return Err(ErrorResponse::field(
                "frame",
                "The frame is not a JSON object.",
            ));
        };
        let data = match frame.remove("data") {
            Some(Value::Object(data)) => data,
            _ => Map::new(),
        };
        Ok(Self { frame, data })
    }

    /// The `requestId` that every response to this frame repeats.
    pub fn request_id(&self) -> Result<Option<String>, ErrorResponse> {
        self.short_text("requestId", limits::REQUEST_ID_CHARS)
    }

    /// The action's name: `action`, or `type` where there is no `action`.
    pub fn action(&self) -> Option<&str> {
        let name = self.frame.get("action").or_else(|| self.frame.get("type"));
        name?.as_str()
    }

    /// The field's value in `data` alone, for a field such as `type` that means something else in the frame.
    pub fn in_data(&self, name: &str) -> Option<&Value> {
        self.data.get(name)
    }

    /// Whether the field is given, with whatever value.
    pub fn contains(&self, name: &str) -> bool {
        !matches!(self.get(name), Ok(None))
    }

    /// Rejects a frame that has both fields; the error names the first.
    pub fn check_exclusive(&self, name: &str, other: &str) -> Result<(), ErrorResponse> {
        match (self.get(name)?, self.get(other)?) {
            (Some(_), Some(_)) => {
                let message = format!("'{name}' and '{other}' exclude each other.");
                Err(ErrorResponse::field(name, message))
            }
            _ => Ok(()),
        }
    }

    pub fn get(&self, name: &str) -> Result<Option<&Value>, ErrorResponse> {
        match (self.frame.get(name), self.data.get(name)) {
            (Some(outer), Some(inner)) if outer != inner => Err(ErrorResponse::field(
                name,
                format!("'{name}' has different values in the frame and in its 'data'."),
            )),
            (outer, inner) => Ok(outer.or(inner).filter(|value| !value.is_null())),
        }
    }

    /// A text, not trimmed.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ErrorResponse> {
        match self.get(name)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ErrorResponse::field(
                name,
                format!("'{name}' must be a string."),
            )),
        }
    }

    /// A text of at most this many characters.
    pub fn short_text(&self, name: &str, max: usize) -> Result<Option<String>, ErrorResponse> {
        match self.text(name)? {
            Some(text) if text.chars().nth(max).is_some() => Err(ErrorResponse::field(
                name,
                format!("'{name}' may be at most {max} characters long."),
            )),
            text => Ok(text.map(Into::into)),
        }
    }

    /// A text that is more than white space.
    pub fn required(&self, name: &str) -> Result<&str, ErrorResponse> {
        let missing = || ErrorResponse::field(name, format!("'{name}' is missing or empty."));
        self.text(name)?
            .filter(|text| !text.trim().is_empty())
            .ok_or_else(missing)
    }

    /// A required text of at most [`limits::QUERY_BYTES`].
    pub fn long_text(&self, name: &str) -> Result<&str, ErrorResponse> {
        let (text, max) = (self.required(name)?, limits::QUERY_BYTES);
        if text.len() > max {
            let bytes = text.len();
            let message = format!("'{name}' is {bytes} bytes long; at most {max} are allowed.");
            return Err(ErrorResponse::field(name, message));
        }
        Ok(text)
    }

    /// Bytes in base64; the text is at most [`limits::QUERY_BYTES`] long.
    pub fn base64(&self, name: &str) -> Result<Vec<u8>, ErrorResponse> {
        STANDARD
            .decode(self.long_text(name)?)
            .map_err(|_| ErrorResponse::field(name, format!("'{name}' is not base64.")))
    }

    /// A whole number, 0 or more.
    pub fn number(&self, name: &str) -> Result<Option<u64>, ErrorResponse> {
        let whole = |value: &Value| {
            value.as_u64().ok_or_else(|| {
                let message = format!("'{name}' must be a whole number, 0 or more.");
                ErrorResponse::field(name, message)
            })
        };
        self.get(name)?.map(whole).transpose()
    }

    /// A boolean; false where it is left out.
    pub fn flag(&self, name: &str) -> Result<bool, ErrorResponse> {
        let boolean = |value: &Value| {
            value.as_bool().ok_or_else(|| {
                ErrorResponse::field(name, format!("'{name}' must be true or false."))
            })
        };
        Ok(self.get(name)?.map(boolean).transpose()?.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests;
