//! What a request to the gateway's port is for.
//!
//! The gateway routes by this, the guard of its port admits by it, and faults, permissions and the wire log see calls by
//! it: all decode the path in the same way.

/// What a request to the gateway's port is for, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayRequest {
    /// `@connections`, decoded.
    Management {
        stage: String,
        connection_id: String,
    },
    /// The embedded cloud's own API, which AWS does not have.
    LocalApi,
    /// A WebSocket or a file of the console.
    Public,
}

impl GatewayRequest {
    pub fn classify(path: &str) -> Self {
        let mut segments = path.trim_start_matches('/').split('/').map(percent_decoded);
        let (first, second, third) = (segments.next(), segments.next(), segments.next());
        if first.as_deref() == Some("_local") {
            return Self::LocalApi;
        }
        match (first, second, third) {
            (Some(stage), Some(api), Some(connection_id))
                if api == "@connections" && segments.next().is_none() =>
            {
                Self::Management {
                    stage,
                    connection_id,
                }
            }
            _ => Self::Public,
        }
    }
}

/// Decodes percent-encoding. Invalid escapes stay as they are; invalid UTF-8 is replaced.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut remaining = text.as_bytes();
    while let Some((first, tail)) = remaining.split_first() {
        let escaped = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        remaining = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::ids::new_id;
    use super::*;

    #[test]
    fn an_encoded_path_is_what_it_decodes_to() {
        let management = GatewayRequest::Management {
            stage: "prod".to_owned(),
            connection_id: "abc=".to_owned(),
        };
        for path in [
            "/prod/@connections/abc=",
            "/prod/%40connections/abc%3D",
            "/prod/%40%63onnections/abc%3d",
            "//prod/@connections/abc=",
        ] {
            assert_eq!(GatewayRequest::classify(path), management, "{path}");
        }
        for path in ["/_local/token", "/%5flocal/token", "//_local/x"] {
            assert_eq!(GatewayRequest::classify(path), GatewayRequest::LocalApi);
        }
        for path in [
            "/",
            "/prod",
            "/prod/@connections",
            "/prod/@connections/a/b",
            "/jobs/1",
        ] {
            assert_eq!(GatewayRequest::classify(path), GatewayRequest::Public);
        }
    }

    #[test]
    fn a_connection_id_survives_percent_encoding() {
        let id = new_id();
        assert_eq!(percent_decoded(&id.replace('=', "%3D")), id);
        assert_eq!(percent_decoded("100%"), "100%");
    }
}
