//! Handles one text frame: throttle, route selection, invocation, and the response if the route declares one.

use serde_json::Value;

use super::connection::{Connection, MAX_PAYLOAD_BYTES};
use super::ids::new_id;
use super::state::GatewayState;
use super::{event, integration};
use crate::stack_spec::Route;

/// Handles the frame. A response or error is queued on the connection.
pub(super) async fn handle(gateway: &GatewayState, connection: &Connection, body: &str) {
    let delays = &gateway.options.overrides.frame_delays;
    if let Some(delayed) = delays.iter().find(|delay| body.contains(&delay.text)) {
        tokio::time::sleep(delayed.delay).await;
    }
    let request_id = new_id();
    let response = match invoke_route(gateway, connection, &request_id, body).await {
        Ok(response) => response,
        Err(message) => {
            let connection_id = &connection.peer().connection_id;
            Some(event::error(message, connection_id, &request_id))
        }
    };
    if let Some(response) = response {
        connection.send_response(response).await;
    }
}

/// Selects and invokes a route; returns its response if it declares one.
///
/// # Errors
/// API Gateway's error message for the client.
async fn invoke_route(
    gateway: &GatewayState,
    connection: &Connection,
    request_id: &str,
    body: &str,
) -> Result<Option<String>, &'static str> {
    if !gateway.try_pass_throttle() {
        return Err("Too Many Requests");
    }
    let (key, route) = select_route(gateway, body).ok_or("Forbidden")?;
    let event = event::message(gateway, connection.peer(), key, request_id, body);
    let response = integration::invoke_proxy(gateway, &route.function, event)
        .await
        .map_err(|_| "Internal server error")?;
    // API Gateway forwards the body regardless of the status, but only if the route has a route response.
    match response.body {
        Some(body) if route.has_route_response && !body.is_empty() => match body.len() {
            0..=MAX_PAYLOAD_BYTES => Ok(Some(body)),
            _ => Err("Internal server error"),
        },
        _ => Ok(None),
    }
}

/// The route that the body selects: the route with exactly this key, else `$default`.
fn select_route<'a>(gateway: &'a GatewayState, body: &str) -> Option<(&'a str, &'a Route)> {
    let routes = &gateway.spec.routes;
    let selected = route_key(&gateway.spec.route_selection, body)
        // Clients cannot select `$connect` and `$disconnect`.
        .filter(|key| !key.starts_with('$'))
        .and_then(|key| routes.get_key_value(&key));
    selected
        .or_else(|| routes.get_key_value("$default"))
        .map(|(key, route)| (key.as_str(), route))
}

/// The value of `$request.body.<path>`; `None` if the body is not JSON or has no such field, and for every other
/// expression.
fn route_key(expression: &str, body: &str) -> Option<String> {
    let path = expression
        .trim_start_matches("${")
        .trim_end_matches('}')
        .trim_start_matches('$')
        .strip_prefix("request.body.")?;
    let body: Value = serde_json::from_str(body).ok()?;
    let value = path
        .split('.')
        .try_fold(&body, |value, key| value.get(key))?;
    match value {
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
    fn a_route_key_is_a_field_of_a_json_body() {
        let find = |body| route_key("$request.body.action", body);
        assert_eq!(find(r#"{"action":"query"}"#).as_deref(), Some("query"));
        assert_eq!(find(r#"{"action":7}"#).as_deref(), Some("7"));
        assert_eq!(find(r#"{"action":{}}"#), None);
        assert_eq!(find(r#"{"type":"query"}"#), None);
        assert_eq!(find("[1]"), None);
        assert_eq!(find("action"), None);
        let nested = route_key("${request.body.a.b}", r#"{"a":{"b":"c"}}"#);
        assert_eq!(nested.as_deref(), Some("c"));
    }
}
