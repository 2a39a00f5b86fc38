//! Clients' frames, parsed and checked, and the errors for invalid ones.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

const KINDS: [&str; 1] = ["noop"];
const MAX_QUERY_BYTES: usize = 24 * 1024;

/// A client's request.
pub enum Request {
    Query(Job),
    GetJob(String),
    Ping,
}

pub struct Job {
    pub kind: String,
    pub query: String,
    pub steps: u64,
    pub bytes: u64,
}

pub struct Refused {
    code: &'static str,
    sentence: String,
    details: Value,
}

impl Refused {
    pub fn new(code: &'static str, sentence: &str, details: Value) -> Self {
        Self {
            code,
            sentence: sentence.to_owned(),
            details,
        }
    }

    fn invalid(sentence: &str, details: Value) -> Self {
        Self::new("VALIDATION_ERROR", sentence, details)
    }

    pub fn frame(&self) -> Value {
        let Self {
            code,
            sentence,
            details,
        } = self;
        let data = json!({"code": code, "message": sentence, "details": details});
        json!({"type": "error", "content": sentence, "data": data})
    }
}

/// The frame's `requestId`, and its request.
pub fn read(text: &str) -> (Value, Result<Request, Refused>) {
    let Ok(Value::Object(mut frame)) = serde_json::from_str(text) else {
        let refused = Refused::invalid("This is not a JSON object.", json!({}));
        return (Value::Null, Err(refused));
    };
    let request_id = frame.remove("requestId").unwrap_or_default();
    (request_id, parse_request(&frame))
}

fn parse_request(frame: &Map<String, Value>) -> Result<Request, Refused> {
    match frame.get("action").and_then(Value::as_str) {
        Some("query") => Ok(Request::Query(checked(frame)?)),
        Some("getJob") => {
            let id = frame.get("jobId").and_then(Value::as_str);
            Ok(Request::GetJob(id.unwrap_or_default().to_owned()))
        }
        Some("ping") => Ok(Request::Ping),
        _ => {
            let details = json!({"field": "action"});
            Err(Refused::invalid("Unknown action.", details))
        }
    }
}

fn checked(frame: &Map<String, Value>) -> Result<Job, Refused> {
    let given = |name: &str| frame.get(name).and_then(Value::as_str);
    let kind = given("kind").filter(|kind| KINDS.contains(kind));
    let kind = kind.ok_or_else(|| {
        let details = json!({"field": "kind", "kinds": KINDS});
        Refused::invalid("Unknown kind.", details)
    })?;
    let query =
        given("query").filter(|query| !query.trim().is_empty() && query.len() <= MAX_QUERY_BYTES);
    let query = query.ok_or_else(|| {
        let details = json!({"field": "query"});
        Refused::invalid("query must be text of at most 24 KiB.", details)
    })?;
    let none = json!({});
    let params = frame.get("params").unwrap_or(&none);
    if !params.is_object() {
        let details = json!({"field": "params"});
        return Err(Refused::invalid("params must be an object.", details));
    }
    let number = |field: &str, default: u64, max: u64| {
        let Some(value) = params.get(field) else {
            return Ok(default);
        };
        value.as_u64().filter(|value| *value <= max).ok_or_else(|| {
            let sentence = format!("{field} must be a whole number of at most {max}.");
            Refused::invalid(&sentence, json!({"field": field}))
        })
    };
    Ok(Job {
        kind: kind.to_owned(),
        query: query.to_owned(),
        steps: number("steps", 4, 100)?,
        bytes: number("bytes", 2048, 100 * 1024)?,
    })
}

/// A stored job as a frame.
pub fn job_frame(id: &str, job: &HashMap<String, String>) -> Result<Value> {
    let text = |field: &str| job.get(field).with_context(|| format!("no {field}"));
    let mut stored = json!({
        "jobId": id,
        "kind": text("kind")?,
        "query": text("query")?,
        "status": text("status")?,
        "progress": text("progress")?.parse::<u64>()?,
        "head": text("seq")?.parse::<u64>()?,
    });
    if let Some(result) = job.get("result") {
        stored["result"] = serde_json::from_str(result)?;
    }
    Ok(json!({"type": "job", "job": stored}))
}
