//! One text frame: throttle, route, function, and the answer where the route declares one. It
//! knows nothing of sockets.

use serde_json::Value;

use super::connection::Connection;
use super::request::new_id;
use super::{Inner, event, integration};
use crate::plan::Route;

/// The most that one frame to a client may hold (API Gateway's message quota).
pub(super) const PAYLOAD_LIMIT: usize = 128 * 1024;

/// Has the frame handled; what is to be said goes into the connection's queue.
pub(super) async fn handle(gateway: &Inner, connection: &Connection, body: &str) {
    let delays = &gateway.options.pace.delays;
    if let Some(delay) = delays.iter().find(|delay| body.contains(&delay.text)) {
        tokio::time::sleep(delay.by).await;
    }
    let request = new_id();
    let complaint = |message| event::error(message, &connection.peer().id, &request);
    let frame = if !gateway.admits() {
        Some(complaint("Too Many Requests"))
    } else {
        match route(gateway, body) {
            None => Some(complaint("Forbidden")),
            Some((key, route)) => {
                let event = event::message(gateway, connection.peer(), key, &request, body);
                match integration::ask(gateway, &route.function, event).await {
                    Err(_) => Some(complaint("Internal server error")),
                    // API Gateway passes the body on whatever the status says, but only where a
                    // route response is declared.
                    Ok(answer) => answer
                        .body
                        .filter(|body| route.responds && !body.is_empty())
                        .map(|body| match body.len() {
                            0..=PAYLOAD_LIMIT => body,
                            _ => complaint("Internal server error"),
                        }),
                }
            }
        }
    };
    if let Some(frame) = frame {
        connection.answer(frame).await;
    }
}

/// The route that the body selects: the exact key, else `$default`.
fn route<'a>(gateway: &'a Inner, body: &str) -> Option<(&'a str, &'a Route)> {
    let routes = &gateway.spec.routes;
    let named = selected(&gateway.spec.route_selection, body)
        // The lifecycle's own routes are not for clients to call.
        .filter(|key| !key.starts_with('$'))
        .and_then(|key| routes.get_key_value(&key));
    named
        .or_else(|| routes.get_key_value("$default"))
        .map(|(key, route)| (key.as_str(), route))
}

/// What `$request.body.<path>` finds in the body; `None` for a body without it, for one that is
/// no JSON, and for every other expression.
fn selected(expression: &str, body: &str) -> Option<String> {
    let path = expression
        .trim_start_matches("${")
        .trim_end_matches('}')
        .trim_start_matches('$')
        .strip_prefix("request.body.")?;
    let body: Value = serde_json::from_str(body).ok()?;
    let found = path
        .split('.')
        .try_fold(&body, |value, key| value.get(key))?;
    match found {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_key_is_found_in_a_json_body_only() {
        let find = |body| selected("$request.body.action", body);
        assert_eq!(find(r#"{"action":"query"}"#).as_deref(), Some("query"));
        assert_eq!(find(r#"{"action":7}"#).as_deref(), Some("7"));
        assert_eq!(find(r#"{"action":{}}"#), None);
        assert_eq!(find(r#"{"type":"query"}"#), None);
        assert_eq!(find("[1]"), None);
        assert_eq!(find("action"), None);
        let nested = selected("${request.body.a.b}", r#"{"a":{"b":"c"}}"#);
        assert_eq!(nested.as_deref(), Some("c"));
    }
}
