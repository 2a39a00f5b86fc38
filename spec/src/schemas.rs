//! The JSON Schemas of all frames, a document for each direction.

use serde_json::{Map, Value, json};

use crate::catalog::{self, Catalog};

/// Who sends a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    ToServer,
    ToClient,
}

/// One file of schemas.
pub struct Document {
    /// From the root of the repository.
    pub path: &'static str,
    pub direction: Direction,
    pub schema: Value,
}

/// The files of schemas.
pub fn documents() -> Vec<Document> {
    vec![
        Document {
            path: "spec/schemas/client-frames.json",
            direction: Direction::ToServer,
            schema: document(
                catalog::client(),
                "A frame that a client sends. Each field but `action` and `requestId` may instead stand in `data`, and \
                 `type` may stand for `action`; the schema has the plain form.",
            ),
        },
        Document {
            path: "spec/schemas/server-frames.json",
            direction: Direction::ToClient,
            schema: document(
                catalog::server(),
                "A frame that a client receives. Clients ignore fields and types that they do not know.",
            ),
        },
    ]
}

fn document(catalog: Catalog, description: &str) -> Value {
    let mut definitions: Map<String, Value> = catalog.definitions;
    let mut any_of = vec![];
    for message in catalog.messages {
        any_of.push(json!({"$ref": format!("#/$defs/{}", message.name)}));
        let earlier = definitions.insert(message.name.clone(), message.schema);
        assert!(earlier.is_none(), "two schemas are named {}", message.name);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": description,
        "anyOf": any_of,
        "$defs": definitions,
    })
}
