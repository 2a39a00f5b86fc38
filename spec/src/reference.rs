//! The lists of docs/protocol.md: each stands between two comments, `<!-- list: NAME -->` and `<!-- end -->`.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::asyncapi::replies;
use crate::catalog::{self, Catalog, Group, Message};

const BEGIN: &str = "<!-- list: ";
const END: &str = "<!-- end -->";

/// The page with its lists as the types say.
pub fn filled(page: &str) -> Result<String> {
    let (client, server) = (catalog::client(), catalog::server());
    let mut filled = String::new();
    let mut rest = page;
    while let Some((before, list)) = rest.split_once(BEGIN) {
        let (name, list) = list.split_once(" -->").context("a list's name")?;
        let (_, after) = list
            .split_once(END)
            .with_context(|| format!("the end of {name}"))?;
        let table = table(name, &client, &server)?;
        filled += &format!("{before}{BEGIN}{name} -->\n{table}{END}");
        rest = after;
    }
    Ok(filled + rest)
}

fn table(name: &str, client: &Catalog, server: &Catalog) -> Result<String> {
    let all = |catalog: &Catalog, group: Group| -> Vec<Message> {
        let messages = catalog.messages.iter();
        messages
            .filter(|message| message.group == group)
            .cloned()
            .collect()
    };
    Ok(match name {
        "requests" => requests(&all(client, Group::Request), server),
        "admin requests" => requests(&all(client, Group::AdminRequest), server),
        "events" => frames(&all(server, Group::Event), server),
        "responses" => frames(&all(server, Group::Response), server),
        "admin responses" => frames(&all(server, Group::AdminResponse), server),
        "pushes" => frames(&all(server, Group::Push), server),
        "dialects" => frames(&all(server, Group::Dialect), server),
        "types" => types(server),
        "error codes" => error_codes(server)?,
        _ => bail!("docs/protocol.md: there is no list '{name}'"),
    })
}

fn requests(messages: &[Message], server: &Catalog) -> String {
    let mut text = "| `action` | fields | |\n| --- | --- | --- |\n".to_owned();
    for message in messages {
        let keys: Vec<String> = message.keys.iter().map(|key| format!("`{key}`")).collect();
        let fields = fields(&message.schema, &["action", "requestId"]);
        let replies: Vec<String> = replies(&message.name)
            .iter()
            .map(|name| format!("`{}`", key_of(name, server)))
            .collect();
        let reply = match replies.is_empty() {
            true => String::new(),
            false => format!(" Response: {}.", replies.join(", ")),
        };
        let description = cell(message.description());
        text += &format!(
            "| {} | {fields} | {description}{reply} |\n",
            keys.join(", ")
        );
    }
    text
}

fn key_of(name: &str, catalog: &Catalog) -> String {
    let message = catalog.messages.iter().find(|message| message.name == name);
    let key = message.and_then(|message| message.keys.first());
    key.map_or(name, |key| key).to_owned()
}

fn frames(messages: &[Message], _catalog: &Catalog) -> String {
    let mut text = "| `type` | fields | |\n| --- | --- | --- |\n".to_owned();
    for message in messages {
        let key = message
            .keys
            .first()
            .map_or("any other".to_owned(), |key| format!("`{key}`"));
        let hidden = [
            "type",
            "timestamp",
            "at",
            "jobId",
            "seq",
            "requestId",
            "warnings",
        ];
        let hidden: &[&str] = match message.group {
            Group::Event | Group::Dialect => &hidden,
            _ => &["type", "timestamp", "at", "requestId", "warnings"],
        };
        let fields = fields(&message.schema, hidden);
        text += &format!("| {key} | {fields} | {} |\n", cell(message.description()));
    }
    text
}

/// The fields of a schema that are not hidden, those that may be left out with a question mark.
fn fields(schema: &Value, hidden: &[&str]) -> String {
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let shown = properties
        .iter()
        .filter(|(name, _)| !hidden.contains(&name.as_str()));
    let mut rows: Vec<(bool, String)> = shown
        .map(|(name, field)| {
            let is_optional = !required.contains(&name.as_str());
            let mark = if is_optional { "?" } else { "" };
            let description = field["description"].as_str().unwrap_or_default();
            (
                is_optional,
                format!("`{name}`{mark}: {}", lowered(&cell(description))),
            )
        })
        .collect();
    rows.sort();
    let rows: Vec<String> = rows.into_iter().map(|(_, row)| row).collect();
    rows.join("<br>")
}

fn types(server: &Catalog) -> String {
    let mut text = "| type | fields | |\n| --- | --- | --- |\n".to_owned();
    for (name, schema) in &server.definitions {
        if schema["properties"].is_object() {
            let description = schema["description"].as_str().unwrap_or_default();
            text += &format!(
                "| `{name}` | {} | {} |\n",
                fields(schema, &[]),
                cell(description)
            );
        }
    }
    text
}

fn error_codes(server: &Catalog) -> Result<String> {
    let codes = &server.definitions["ErrorCode"];
    let mut text = "| code | when |\n| --- | --- |\n".to_owned();
    for code in codes["oneOf"].as_array().context("the error codes")? {
        let name = code["const"].as_str().context("an error code")?;
        let description = code["description"].as_str().unwrap_or_default();
        text += &format!("| `{name}` | {} |\n", cell(description));
    }
    Ok(text)
}

fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn lowered(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let second_is_lower = text
        .chars()
        .nth(1)
        .is_some_and(|c| c.is_lowercase() || c == ' ');
    match text.chars().next() {
        Some(first) if second_is_lower => {
            format!("{}{}", first.to_lowercase(), &text[first.len_utf8()..])
        }
        _ => text.to_owned(),
    }
}
