//! Checks frames against their schemas.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::asyncapi::plain;
use crate::catalog::{self, Catalog, visit};

/// A kind of frame, compiled.
struct Kind {
    name: String,
    /// What its `action` or `type` may be; empty for any.
    keys: Vec<String>,
    validator: Validator,
}

static SENT: LazyLock<Vec<Kind>> = LazyLock::new(|| compiled(catalog::client()));
static RECEIVED: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let mut catalog = catalog::server();
    let schemas = catalog
        .messages
        .iter_mut()
        .map(|message| &mut message.schema);
    // A field that no type has is a mistake here; clients ignore it.
    for schema in schemas.chain(catalog.definitions.values_mut()) {
        visit(schema, &mut |fields| {
            if fields.get("properties").is_some_and(Value::is_object) {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
        });
    }
    compiled(catalog)
});

fn compiled(catalog: Catalog) -> Vec<Kind> {
    let mut definitions = catalog.definitions;
    for message in &catalog.messages {
        definitions.insert(message.name.clone(), message.schema.clone());
    }
    let compile = |message: catalog::Message| {
        let target = format!("#/$defs/{}", message.name);
        let schema = json!({"$ref": target, "$defs": definitions});
        let validator = jsonschema::validator_for(&schema);
        Kind {
            validator: validator.unwrap_or_else(|error| panic!("{}: {error}", message.name)),
            name: message.name,
            keys: message.keys,
        }
    };
    catalog.messages.into_iter().map(compile).collect()
}

/// The kind of a frame that a client received.
///
/// # Errors
/// It fits no schema, or has a field that its schema does not have; the text says why.
pub fn check_received(frame: &Value) -> Result<&'static str, String> {
    // API Gateway's own errors.
    if frame.get("type").is_none() && frame["message"].is_string() {
        return Ok("API Gateway's");
    }
    let key = frame["type"].as_str().unwrap_or_default();
    let is_published = frame.get("notificationId").is_some();
    fits(frame, &RECEIVED, |kind| match kind.keys.is_empty() {
        true => is_published,
        false => !is_published && kind.keys.iter().any(|own| own == key),
    })
}

/// The kind of a frame that a client sends and that is meant to be accepted.
///
/// # Errors
/// It fits no schema; the text says why.
pub fn check_sent(frame: &Value) -> Result<&'static str, String> {
    let frame = plain(frame);
    let key = frame["action"].as_str().unwrap_or_default();
    let has_key = |kind: &Kind| kind.keys.iter().any(|own| own == key);
    fits(&frame, &SENT, has_key)
}

fn fits(
    frame: &Value,
    kinds: &'static [Kind],
    is_candidate: impl Fn(&Kind) -> bool,
) -> Result<&'static str, String> {
    let mut errors = vec![];
    for kind in kinds.iter().filter(|kind| is_candidate(kind)) {
        let Some(error) = kind.validator.iter_errors(frame).next() else {
            return Ok(&kind.name);
        };
        errors.push(format!(
            "{}: {error} at {}",
            kind.name,
            error.instance_path()
        ));
    }
    Err(format!("{frame} fits no schema: {}", errors.join("; ")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::transcripts;

    #[test]
    fn every_frame_of_every_transcript_fits_its_schema() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts");
        let recorded = transcripts::read(&folder).unwrap();
        for (at, one) in recorded.iter().enumerate() {
            let transcript = &one.transcript;
            if !one.is_from_client {
                check_received(&one.frame).unwrap_or_else(|error| panic!("{transcript}: {error}"));
                continue;
            }
            let next = recorded.get(at + 1);
            let is_refused =
                next.is_some_and(|next| next.frame["data"]["code"] == "VALIDATION_ERROR");
            // What is refused may fit: a schema does not say all that the server checks.
            if let Err(error) = check_sent(&one.frame) {
                assert!(is_refused, "{transcript}: {error}");
            }
        }
        assert!(recorded.len() > 250, "only {} frames", recorded.len());
        println!("{} frames fit their schemas", recorded.len());
    }

    #[test]
    fn what_no_type_has_fits_no_schema() {
        let pong = json!({"type": "pong", "timestamp": 5});
        assert_eq!(check_received(&pong), Ok("Pong"));
        for wrong in [
            json!({"type": "pong"}),
            json!({"type": "pong", "timestamp": 5, "more": 1}),
            json!({"type": "pong", "timestamp": "5"}),
            json!({"type": "nope", "timestamp": 5}),
        ] {
            assert!(check_received(&wrong).is_err(), "{wrong}");
        }
        assert!(check_sent(&json!({"action": "query", "query": "q"})).is_err());
        assert!(
            check_sent(&json!({"type": "query", "data": {"query": "q", "kind": "noop"}})).is_ok()
        );
    }
}
