//! The AsyncAPI 3.0 document: one channel, an operation for each request with its replies, and what the server sends by
//! itself. It is the server's view: `receive` is what a client sends.

use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::catalog::{self, Catalog, Group, Message, visit};
use crate::transcripts::{self, Recorded};

/// The responses to a request besides `ErrorFrame`, by the names of their schemas.
const REPLIES: [(&str, &[&str]); 34] = [
    ("Authenticate", &["Authenticated"]),
    ("RefreshToken", &["TokenRefreshed"]),
    ("Ping", &["Pong"]),
    ("Query", &["JobQueued", "Subscribed"]),
    ("FinopsQuery", &["JobQueued", "Subscribed"]),
    ("SubscribeJob", &["Subscribed"]),
    ("GetEvents", &["EventsPage"]),
    ("UnsubscribeJob", &["JobUnsubscribed"]),
    ("Cancel", &["Cancelling", "Job"]),
    ("GetJob", &["Job"]),
    ("ListJobs", &["Jobs"]),
    (
        "SendMessage",
        &["SendMessageChunk", "SendMessageComplete", "DialectError"],
    ),
    (
        "ChatMessage",
        &["ChatTyping", "ChatResponse", "ChatNotice", "DialectError"],
    ),
    ("TextMessage", &["TextResponse", "TextError"]),
    ("VoiceStart", &["VoiceStarted"]),
    ("VoiceData", &["VoiceAck"]),
    ("VoiceEnd", &["TextResponse", "TextError"]),
    ("StartSession", &["SessionStarted"]),
    ("EndSession", &["SessionEnded"]),
    ("GetSession", &["SessionPage"]),
    ("ListSessions", &["Sessions"]),
    ("SubscribeTopic", &["SubscriptionConfirmed"]),
    ("SubscribeToDeals", &["SubscriptionConfirmed"]),
    ("UnsubscribeTopic", &["TopicUnsubscribed"]),
    ("DirectMessage", &["MessageSent"]),
    ("NotificationAck", &["AckConfirmed"]),
    ("ListNotifications", &["Notifications"]),
    ("ListConnections", &["Connections"]),
    ("SetStatus", &["StatusSet"]),
    ("CloseConnection", &["ConnectionClosed"]),
    ("CleanupConnections", &["ConnectionsCleaned"]),
    ("Broadcast", &["BroadcastSent"]),
    ("ListOpenJobs", &["OpenJobs"]),
    ("ListDeadLetters", &["DeadLetters"]),
];

/// The responses to a request, by the names of their schemas.
pub fn replies(request: &str) -> Vec<&'static str> {
    let name = request.strip_suffix("Request").unwrap_or(request);
    if name == "ReplayJob" {
        return vec!["JobReplayed"];
    }
    let found = REPLIES.iter().find(|(request, _)| *request == name);
    found.map_or(vec![], |(_, replies)| replies.to_vec())
}

/// The document. Its examples are frames of the transcripts in this folder.
pub fn document(folder: &Path) -> Result<Value> {
    let recorded = transcripts::read(folder)?;
    let (client, server) = (catalog::client(), catalog::server());
    let mut messages = Map::new();
    for message in client.messages.iter().chain(&server.messages) {
        messages.insert(message.name.clone(), described(message, &recorded));
    }
    let in_channel: Map<String, Value> = messages
        .keys()
        .map(|name| (name.clone(), reference("components/messages", name)))
        .collect();
    let operations = operations(&client, &server);
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Longhaul",
            "version": "1.0.0",
            "description": "Long-running jobs over a WebSocket, without lost events. The subprotocol is longhaul.v1. docs/protocol.md explains what the schemas can't say.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "localhost:3001",
                "protocol": "ws",
                "description": "The embedded cloud, by `longhaul up`.",
                "security": security(),
            },
            "aws": {
                "host": "{api}.execute-api.{region}.amazonaws.com",
                "pathname": "/{stage}",
                "protocol": "wss",
                "description": "An Amazon API Gateway WebSocket API.",
                "variables": {"api": {"description": "The API's id."}, "region": {"description": "The AWS region."}, "stage": {"default": "prod", "description": "The API's stage."}},
                "security": security(),
            },
        },
        "channels": {"socket": {
            "address": "/",
            "description": "The one WebSocket. Frames are JSON text.",
            "messages": in_channel,
            "bindings": {"ws": {
                "method": "GET",
                "query": {"type": "object", "properties": {"token": {"type": "string", "description": "A JWT, if it is not in the subprotocol and not sent by authenticate."}}},
                "headers": {"type": "object", "properties": {"Sec-WebSocket-Protocol": {"type": "string", "description": "longhaul.v1, <jwt>; the server selects longhaul.v1."}}},
                "bindingVersion": "0.1.0",
            }},
        }},
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": schemas(&client, &server),
            "securitySchemes": {
                "subprotocol": {"type": "httpApiKey", "in": "header", "name": "Sec-WebSocket-Protocol", "description": "`longhaul.v1, <jwt>`. The best way: no token in a URL."},
                "query": {"type": "httpApiKey", "in": "query", "name": "token", "description": "A JWT on the URL."},
                "frame": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The frame `authenticate` once connected."},
            },
        },
    }))
}

fn security() -> Value {
    ["subprotocol", "query", "frame"]
        .map(|name| reference("components/securitySchemes", name))
        .to_vec()
        .into()
}

fn reference(section: &str, name: &str) -> Value {
    json!({"$ref": format!("#/{section}/{name}")})
}

fn described(message: &Message, recorded: &[Recorded]) -> Value {
    let mut described = json!({
        "name": message.keys.first().unwrap_or(&message.name),
        "title": message.name,
        "summary": message.description(),
        "payload": reference("components/schemas", &message.name),
    });
    let example = recorded
        .iter()
        .find_map(|recorded| example(message, recorded));
    if let Some(example) = example {
        described["examples"] = vec![example].into();
    }
    described
}

/// The frame of a transcript in the plain form, if it is one of these messages.
fn example(message: &Message, recorded: &Recorded) -> Option<Value> {
    let is_request = matches!(message.group, Group::Request | Group::AdminRequest);
    if is_request != recorded.is_from_client {
        return None;
    }
    let frame = match is_request {
        true => plain(&recorded.frame),
        false => recorded.frame.clone(),
    };
    let key = frame[if is_request { "action" } else { "type" }].as_str()?;
    let has_key = message.keys.iter().any(|own| own == key);
    let schema = &message.schema;
    let required = schema["required"].as_array();
    let has_required = required
        .into_iter()
        .flatten()
        .all(|name| frame.get(name.as_str().unwrap_or_default()).is_some());
    let is_known = |name: &String| schema["properties"].get(name).is_some();
    let fits = has_key && has_required && frame.as_object()?.keys().all(is_known);
    fits.then(|| json!({"name": recorded.transcript, "payload": frame}))
}

/// A request with its fields beside `action`, where they may stand in `data`, and `type` for `action`.
pub fn plain(frame: &Value) -> Value {
    let mut plain = frame.clone();
    let Some(fields) = plain.as_object_mut() else {
        return plain;
    };
    if !fields.contains_key("action")
        && let Some(name) = fields.remove("type")
    {
        fields.insert("action".to_owned(), name);
    }
    if let Some(Value::Object(data)) = fields.remove("data") {
        fields.extend(data);
    }
    fields.retain(|_, value| !value.is_null());
    plain
}

fn operations(client: &Catalog, server: &Catalog) -> Map<String, Value> {
    let channel = reference("channels", "socket");
    let mut operations = Map::new();
    for message in &client.messages {
        let mut operation = json!({
            "action": "receive",
            "channel": channel,
            "summary": message.description(),
            "messages": [reference("channels/socket/messages", &message.name)],
        });
        let mut replies = replies(&message.name);
        if !replies.is_empty() {
            replies.push("ErrorFrame");
            let replies: Vec<Value> = replies
                .iter()
                .map(|name| reference("channels/socket/messages", name))
                .collect();
            operation["reply"] = json!({"channel": channel, "messages": replies});
        }
        operations.insert(message.name.clone(), operation);
    }
    for (name, group, summary) in [
        (
            "SendJobEvents",
            Group::Event,
            "The events of the jobs that the connection follows.",
        ),
        (
            "SendPushes",
            Group::Push,
            "Notifications, messages of other users, and notices.",
        ),
        (
            "SendDialects",
            Group::Dialect,
            "The events of a job for the connection that started it from a chat.",
        ),
    ] {
        let messages = server.messages.iter();
        let messages = messages.filter(|message| message.group == group);
        let messages: Vec<Value> = messages
            .map(|message| reference("channels/socket/messages", &message.name))
            .collect();
        let operation =
            json!({"action": "send", "channel": channel, "summary": summary, "messages": messages});
        operations.insert(name.to_owned(), operation);
    }
    operations
}

/// The schemas of both directions. Those that share a name are the same type.
fn schemas(client: &Catalog, server: &Catalog) -> Map<String, Value> {
    let mut schemas = client.definitions.clone();
    schemas.extend(server.definitions.clone());
    for message in client.messages.iter().chain(&server.messages) {
        schemas.insert(message.name.clone(), message.schema.clone());
    }
    for schema in schemas.values_mut() {
        visit(schema, &mut |fields| {
            if let Some(Value::String(target)) = fields.get_mut("$ref") {
                *target = target.replace("#/$defs/", "#/components/schemas/");
            }
        });
    }
    schemas
}
