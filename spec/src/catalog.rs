//! Every frame of the wire protocol, with its schema: what a client sends, and what it receives.

use longhaul_shared::protocol::dialect::{DialectFrame, JobDialectFrame, TextFrame};
use longhaul_shared::protocol::error_response::ErrorFrame;
use longhaul_shared::protocol::event::JobEventFrame;
use longhaul_shared::protocol::push::{Notification, PushFrame, ServerPush};
use longhaul_shared::protocol::request::*;
use longhaul_shared::protocol::response::{EventsPage, ResponseFrame, Subscribed, VoiceFrame};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::message_names::pascal;

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// A client sends it.
    Request,
    /// A client sends it; only admins may.
    AdminRequest,
    /// An event of a job.
    Event,
    /// The direct response to a request.
    Response,
    /// The direct response to an admin's request.
    AdminResponse,
    /// A frame that answers no request.
    Push,
    /// A job's event in a dialect.
    Dialect,
}

/// One kind of frame.
#[derive(Debug, Clone)]
pub struct Message {
    /// The name of its schema.
    pub name: String,
    pub group: Group,
    /// What its `action` or `type` may be; empty for any.
    pub keys: Vec<String>,
    /// A schema of an object.
    pub schema: Value,
}

impl Message {
    pub fn description(&self) -> &str {
        self.schema["description"].as_str().unwrap_or_default()
    }
}

/// Every frame, and the definitions that their schemas refer to.
pub struct Catalog {
    pub messages: Vec<Message>,
    pub definitions: Map<String, Value>,
}

/// The frames that a client sends.
pub fn client() -> Catalog {
    let mut frames = Frames::of_client();
    let user = Group::Request;
    frames.request::<AuthenticateRequest>("Authenticate", user);
    frames.request::<RefreshTokenRequest>("RefreshToken", user);
    frames.request::<PingRequest>("Ping", user);
    frames.request::<QueryRequest>("Query", user);
    frames.request::<FinopsQueryRequest>("FinopsQuery", user);
    frames.request::<SubscribeJobRequest>("SubscribeJob", user);
    frames.request::<UnsubscribeJobRequest>("UnsubscribeJob", user);
    frames.request::<CancelRequest>("Cancel", user);
    frames.request::<GetEventsRequest>("GetEvents", user);
    frames.request::<GetJobRequest>("GetJob", user);
    frames.request::<ListJobsRequest>("ListJobs", user);
    frames.request::<SendMessageRequest>("SendMessage", user);
    frames.request::<ChatMessageRequest>("ChatMessage", user);
    frames.request::<TextMessageRequest>("TextMessage", user);
    frames.request::<VoiceStartRequest>("VoiceStart", user);
    frames.request::<VoiceDataRequest>("VoiceData", user);
    frames.request::<VoiceEndRequest>("VoiceEnd", user);
    frames.request::<StartSessionRequest>("StartSession", user);
    frames.request::<EndSessionRequest>("EndSession", user);
    frames.request::<GetSessionRequest>("GetSession", user);
    frames.request::<ListSessionsRequest>("ListSessions", user);
    frames.request::<SubscribeTopicRequest>("SubscribeTopic", user);
    frames.request::<SubscribeToDealsRequest>("SubscribeToDeals", user);
    frames.request::<UnsubscribeTopicRequest>("UnsubscribeTopic", user);
    frames.request::<DirectMessageRequest>("DirectMessage", user);
    frames.request::<TypingIndicatorRequest>("TypingIndicator", user);
    frames.request::<NotificationAckRequest>("NotificationAck", user);
    frames.request::<ListNotificationsRequest>("ListNotifications", user);
    let admin = Group::AdminRequest;
    frames.request::<ListConnectionsRequest>("ListConnections", admin);
    frames.request::<SetStatusRequest>("SetStatus", admin);
    frames.request::<CloseConnectionRequest>("CloseConnection", admin);
    frames.request::<CleanupConnectionsRequest>("CleanupConnections", admin);
    frames.request::<BroadcastRequest>("Broadcast", admin);
    frames.request::<ListOpenJobsRequest>("ListOpenJobs", admin);
    frames.request::<ListDeadLettersRequest>("ListDeadLetters", admin);
    frames.request::<ReplayJobRequest>("ReplayJob", admin);
    frames.finish()
}

/// The frames that a client receives. The events come first, since `Subscribed` refers to them.
pub fn server() -> Catalog {
    let mut frames = Frames::of_server();
    frames.variants::<JobEventFrame<'static>>(|_| Group::Event);
    frames.one::<Subscribed<'static>>("Subscribed", Group::Response);
    frames.one::<EventsPage<'static>>("EventsPage", Group::Response);
    frames.one::<ErrorFrame<'static>>("ErrorFrame", Group::Response);
    let of_admins = [
        "connections",
        "statusSet",
        "connectionClosed",
        "connectionsCleaned",
        "broadcastSent",
        "openJobs",
        "deadLetters",
        "jobReplayed",
    ];
    frames.variants::<ResponseFrame<'static>>(|key| match of_admins.contains(&key) {
        true => Group::AdminResponse,
        false => Group::Response,
    });
    frames.variants::<PushFrame<ServerPush>>(|_| Group::Push);
    frames.one::<PushFrame<Notification>>("Notification", Group::Push);
    let described = schemars::schema_for!(Notification);
    if let (Some(last), Some(description)) =
        (frames.messages.last_mut(), described.get("description"))
    {
        last.schema["description"] = description.clone();
    }
    frames.variants::<JobDialectFrame<DialectFrame<'static>, i64>>(|_| Group::Dialect);
    frames.variants::<JobDialectFrame<TextFrame<'static>, String>>(|_| Group::Dialect);
    frames.variants::<VoiceFrame<'static>>(|_| Group::Dialect);
    let mut catalog = frames.finish();
    // A job's events have no schema of their own but those of each kind.
    let events = catalog.messages.iter();
    let events = events.filter(|message| message.group == Group::Event);
    let one_of: Vec<Value> = events
        .map(|event| json!({"$ref": format!("#/$defs/{}", event.name)}))
        .collect();
    let description = "An event of a job.";
    let event = json!({"description": description, "oneOf": one_of});
    catalog.definitions.insert("JobEvent".to_owned(), event);
    catalog.definitions.remove("JobEventFrame");
    rename_references(&mut catalog, "JobEventFrame", "JobEvent");
    let schemas = catalog.messages.iter_mut();
    let schemas = schemas.map(|message| &mut message.schema);
    for schema in schemas.chain(catalog.definitions.values_mut()) {
        visit(schema, &mut without_null);
    }
    catalog
}

fn rename_references(catalog: &mut Catalog, from: &str, to: &str) {
    let (from, to) = (format!("#/$defs/{from}"), format!("#/$defs/{to}"));
    let schemas = catalog
        .messages
        .iter_mut()
        .map(|message| &mut message.schema);
    for schema in schemas.chain(catalog.definitions.values_mut()) {
        visit(schema, &mut |fields| {
            if fields.get("$ref").is_some_and(|target| *target == from) {
                fields.insert("$ref".to_owned(), to.clone().into());
            }
        });
    }
}

/// Optional fields of what we write are left out, and never `null`.
fn without_null(fields: &mut Map<String, Value>) {
    let required = fields.get("required").cloned().unwrap_or_default();
    let properties = fields.get_mut("properties").and_then(Value::as_object_mut);
    for (name, field) in properties.into_iter().flatten() {
        let is_required = required
            .as_array()
            .is_some_and(|required| required.iter().any(|one| one == name));
        // `params` are `null` where a large result leaves no space for them.
        if is_required || name == "params" {
            continue;
        }
        if let Some(Value::Array(types)) = field.get_mut("type") {
            types.retain(|kind| kind != "null");
            if let [one] = &types[..] {
                field["type"] = one.clone();
            }
        }
        if let Some(Value::Array(alternatives)) = field.get_mut("anyOf") {
            alternatives.retain(|one| one["type"] != "null");
            if let [one] = &alternatives[..]
                && let Some(target) = one.get("$ref").cloned()
                && let Some(field) = field.as_object_mut()
            {
                field.remove("anyOf");
                field.insert("$ref".to_owned(), target);
            }
        }
    }
}

/// Calls `change` with each object in a JSON value.
pub fn visit(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            change(fields);
            fields.values_mut().for_each(|value| visit(value, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, change)),
        _ => {}
    }
}

struct Frames {
    generator: SchemaGenerator,
    messages: Vec<Message>,
}

impl Frames {
    /// What we write.
    fn of_server() -> Self {
        Self::new(SchemaSettings::draft2020_12().for_serialize())
    }
}

impl Frames {
    /// What we read.
    fn of_client() -> Self {
        Self::new(SchemaSettings::draft2020_12())
    }

    fn new(settings: SchemaSettings) -> Self {
        Self {
            generator: settings.into_generator(),
            messages: vec![],
        }
    }

    fn schema<T: JsonSchema>(&mut self) -> Value {
        T::json_schema(&mut self.generator).to_value()
    }

    /// A request: the fields of its type, and those that every request has.
    fn request<T: Request + JsonSchema>(&mut self, name: &str, group: Group) {
        let mut schema = self.schema::<T>();
        let keys: Vec<String> = T::ACTIONS.iter().map(|key| (*key).to_owned()).collect();
        let envelope = [
            (
                "action",
                json!({"description": "The action.", "enum": keys}),
            ),
            (
                "requestId",
                json!({"description": "Repeated in the response, and in every event of the job that this starts.", "type": ["string", "null"], "maxLength": 128}),
            ),
        ];
        let properties = object(&mut schema, "properties");
        for (field, of_all) in envelope {
            properties.insert(field.to_owned(), of_all);
        }
        let mut required = schema["required"].as_array().cloned().unwrap_or_default();
        required.insert(0, "action".into());
        schema["required"] = required.into();
        schema["type"] = "object".into();
        if let Some(title) = schema.as_object_mut() {
            title.remove("title");
        }
        self.messages.push(Message {
            name: format!("{name}Request"),
            group,
            keys,
            schema,
        });
    }

    /// A frame that is a type of its own.
    fn one<T: JsonSchema>(&mut self, name: &str, group: Group) {
        let schema = self.schema::<T>();
        self.push(name, group, schema);
    }

    /// The frames of a type whose variants are flattened into an envelope.
    fn variants<T: JsonSchema>(&mut self, group: impl Fn(&str) -> Group) {
        let mut envelope = self.schema::<T>();
        let variants = envelope["oneOf"].take();
        for mut schema in variants.as_array().cloned().unwrap_or_default() {
            let key = schema["properties"]["type"]["const"].as_str();
            let key = key.unwrap_or_default().to_owned();
            let name = match schema["title"].as_str() {
                Some(title) => title.to_owned(),
                None => pascal(&key),
            };
            let common = envelope["properties"].as_object().cloned();
            object(&mut schema, "properties").extend(common.unwrap_or_default());
            let mut required = schema["required"].as_array().cloned().unwrap_or_default();
            let common = envelope["required"].as_array().cloned();
            required.extend(common.unwrap_or_default());
            schema["required"] = required.into();
            self.push(&name, group(&key), schema);
        }
    }

    fn push(&mut self, name: &str, group: Group, mut schema: Value) {
        if let Some(fields) = schema.as_object_mut() {
            fields.remove("title");
        }
        let key = schema["properties"]["type"]["const"].as_str();
        self.messages.push(Message {
            name: name.to_owned(),
            group,
            keys: key.map(str::to_owned).into_iter().collect(),
            schema,
        });
    }

    fn finish(mut self) -> Catalog {
        let definitions = self.generator.take_definitions(true);
        Catalog {
            messages: self.messages,
            definitions,
        }
    }
}

fn object<'a>(schema: &'a mut Value, name: &str) -> &'a mut Map<String, Value> {
    if !schema[name].is_object() {
        schema[name] = json!({});
    }
    schema[name].as_object_mut().expect("it is an object")
}
