//! The headers and query of a handshake, in the format that API Gateway passes to functions.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Query};
use http::request::Parts;
use serde_json::{Map, Value, json};

/// One client's handshake.
pub(super) struct HandshakeRequest {
    /// Names in API Gateway's case (`Sec-WebSocket-Protocol`), with their values in order.
    headers: Vec<(String, Vec<String>)>,
    query: Vec<(String, Vec<String>)>,
    pub(super) source_ip: IpAddr,
    pub(super) user_agent: Option<String>,
}

impl HandshakeRequest {
    /// The source IP is the peer's if the server provides it (`ConnectInfo`), else the loopback address.
    pub(super) fn new(parts: &Parts) -> HandshakeRequest {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let source_ip = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip());
        let mut headers = Vec::new();
        for (name, value) in &parts.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            add_value(&mut headers, api_gateway_case(name.as_str()), value);
        }
        add_value(
            &mut headers,
            "X-Forwarded-For".into(),
            source_ip.to_string(),
        );
        let mut query = Vec::new();
        if let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri) {
            for (name, value) in pairs {
                add_value(&mut query, name, value);
            }
        }
        let user_agent = parts.headers.get("user-agent");
        HandshakeRequest {
            headers,
            query,
            source_ip,
            user_agent: user_agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into()),
        }
    }

    /// Adds the header and query fields of a CONNECT or REQUEST event.
    pub(super) fn add_to_event(&self, event: &mut Map<String, Value>) {
        event.insert("headers".into(), last_values(&self.headers));
        event.insert("multiValueHeaders".into(), all_values(&self.headers));
        if !self.query.is_empty() {
            event.insert("queryStringParameters".into(), last_values(&self.query));
            event.insert(
                "multiValueQueryStringParameters".into(),
                all_values(&self.query),
            );
        }
    }

    /// Whether the request has this identity source with a value. Other expressions (`context.`,
    /// `stageVariables.`) count as present, because they do not depend on the client.
    pub(super) fn has_identity_source(&self, source: &str) -> bool {
        let has = |pairs: &[(String, Vec<String>)], name: &str, same: fn(&str, &str) -> bool| {
            pairs
                .iter()
                .any(|(key, values)| same(key, name) && values.iter().any(|v| !v.is_empty()))
        };
        if let Some(name) = source.strip_prefix("route.request.header.") {
            has(&self.headers, name, |a, b| a.eq_ignore_ascii_case(b))
        } else if let Some(name) = source.strip_prefix("route.request.querystring.") {
            has(&self.query, name, |a, b| a == b)
        } else {
            true
        }
    }
}

fn add_value(pairs: &mut Vec<(String, Vec<String>)>, name: String, value: String) {
    match pairs.iter_mut().find(|(known, _)| *known == name) {
        Some((_, values)) => values.push(value),
        None => pairs.push((name, vec![value])),
    }
}

fn last_values(pairs: &[(String, Vec<String>)]) -> Value {
    let one = |(name, values): &(String, Vec<String>)| (name.clone(), json!(values.last()));
    Value::Object(pairs.iter().map(one).collect())
}

fn all_values(pairs: &[(String, Vec<String>)]) -> Value {
    let one = |(name, values): &(String, Vec<String>)| (name.clone(), json!(values));
    Value::Object(pairs.iter().map(one).collect())
}

/// Converts `sec-websocket-key` to `Sec-WebSocket-Key`, as browsers and API Gateway's events write it. Hyper
/// lower-cases header names.
fn api_gateway_case(name: &str) -> String {
    let part = |part: &str| match part {
        "websocket" => "WebSocket".to_owned(),
        _ => {
            let mut letters = part.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        }
    };
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(uri: &str, headers: &[(&str, &str)]) -> HandshakeRequest {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        HandshakeRequest::new(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn an_event_has_the_last_and_all_values() {
        let request = handshake(
            "/prod?a=1&a=2&t=x%2By",
            &[("sec-websocket-protocol", "longhaul.v1, token")],
        );
        let mut event = Map::new();
        request.add_to_event(&mut event);
        assert_eq!(
            event["queryStringParameters"],
            json!({ "a": "2", "t": "x+y" })
        );
        assert_eq!(
            event["multiValueQueryStringParameters"]["a"],
            json!(["1", "2"])
        );
        assert_eq!(
            event["headers"]["Sec-WebSocket-Protocol"],
            "longhaul.v1, token"
        );
    }

    #[test]
    fn an_identity_source_must_be_present_and_not_empty() {
        let request = handshake("/?token=&other=1", &[("Authorization", "x")]);
        assert!(request.has_identity_source("route.request.header.authorization"));
        assert!(request.has_identity_source("route.request.querystring.other"));
        assert!(!request.has_identity_source("route.request.querystring.token"));
        assert!(!request.has_identity_source("route.request.header.Cookie"));
    }
}
