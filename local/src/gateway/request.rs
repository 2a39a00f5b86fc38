//! What a handshake said, in the shapes that API Gateway hands to functions. It sends nothing and
//! decides nothing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Query};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use http::request::Parts;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// One client's handshake.
pub(super) struct Handshake {
    /// Names as API Gateway spells them (`Sec-WebSocket-Protocol`), values in order.
    headers: Vec<(String, Vec<String>)>,
    query: Vec<(String, Vec<String>)>,
    pub(super) source_ip: IpAddr,
    pub(super) user_agent: Option<String>,
}

impl Handshake {
    /// The address is the peer's where the server tells it (`ConnectInfo`), else the loopback.
    pub(super) fn read(parts: &Parts) -> Handshake {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let source_ip = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip());
        let mut headers = Vec::new();
        for (name, value) in &parts.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            gather(&mut headers, spelled(name.as_str()), value);
        }
        gather(
            &mut headers,
            "X-Forwarded-For".into(),
            source_ip.to_string(),
        );
        let mut query = Vec::new();
        if let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri) {
            for (name, value) in pairs {
                gather(&mut query, name, value);
            }
        }
        let user_agent = parts.headers.get("user-agent");
        Handshake {
            headers,
            query,
            source_ip,
            user_agent: user_agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into()),
        }
    }

    /// Adds the header and query fields of a CONNECT or REQUEST event.
    pub(super) fn describe(&self, event: &mut Map<String, Value>) {
        event.insert("headers".into(), last(&self.headers));
        event.insert("multiValueHeaders".into(), all(&self.headers));
        if !self.query.is_empty() {
            event.insert("queryStringParameters".into(), last(&self.query));
            event.insert("multiValueQueryStringParameters".into(), all(&self.query));
        }
    }

    /// Whether the request carries this identity source, not empty. An expression of another
    /// family (`context.`, `stageVariables.`) counts as there: it does not depend on the client.
    pub(super) fn carries(&self, source: &str) -> bool {
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

fn gather(pairs: &mut Vec<(String, Vec<String>)>, name: String, value: String) {
    match pairs.iter_mut().find(|(known, _)| *known == name) {
        Some((_, values)) => values.push(value),
        None => pairs.push((name, vec![value])),
    }
}

fn last(pairs: &[(String, Vec<String>)]) -> Value {
    let one = |(name, values): &(String, Vec<String>)| (name.clone(), json!(values.last()));
    Value::Object(pairs.iter().map(one).collect())
}

fn all(pairs: &[(String, Vec<String>)]) -> Value {
    let one = |(name, values): &(String, Vec<String>)| (name.clone(), json!(values));
    Value::Object(pairs.iter().map(one).collect())
}

/// `sec-websocket-key` as browsers, and so API Gateway's events, write it. Hyper keeps no case.
fn spelled(name: &str) -> String {
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

/// An id as API Gateway makes them for connections and requests: 16 characters ending in `=`.
pub(super) fn new_id() -> String {
    URL_SAFE.encode(&Uuid::new_v4().as_bytes()[..11])
}

/// Undoes percent-encoding; what is no escape stays as it is, what is no UTF-8 is replaced.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(uri: &str, headers: &[(&str, &str)]) -> Handshake {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Handshake::read(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn an_event_has_last_and_all_values() {
        let read = handshake(
            "/prod?a=1&a=2&t=x%2By",
            &[("sec-websocket-protocol", "longhaul.v1, token")],
        );
        let mut event = Map::new();
        read.describe(&mut event);
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
    fn an_identity_source_must_be_there_and_not_empty() {
        let read = handshake("/?token=&other=1", &[("Authorization", "x")]);
        assert!(read.carries("route.request.header.authorization"));
        assert!(read.carries("route.request.querystring.other"));
        assert!(!read.carries("route.request.querystring.token"));
        assert!(!read.carries("route.request.header.Cookie"));
    }

    #[test]
    fn ids_look_like_api_gateways_and_survive_a_url() {
        let id = new_id();
        assert_eq!(id.len(), 16);
        assert!(id.ends_with('='));
        assert_eq!(percent_decoded(&id.replace('=', "%3D")), id);
        assert_eq!(percent_decoded("100%"), "100%");
    }
}
