//! An issuer's discovery document (OpenID Connect Discovery 1.0, section 4), which names the URL of its keys.
//!
//! Pure: the document's bytes are an argument.

use serde_json::Value;

use super::fetch::HttpsUrl;

/// What an issuer answered when it was asked for its discovery document.
#[derive(Debug, PartialEq, Eq)]
pub enum Discovered {
    /// The URL of the issuer's keys.
    Keys(HttpsUrl),
    /// It is no discovery document, but for example a web page.
    NoDocument,
}

/// Why a discovery document can't be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// Section 4.3: the issuer must be exactly the one that was asked, or another one could pose as it.
    #[error("it is the document of another issuer, {0:?}, and not of TokenIssuer")]
    OtherIssuer(String),
    #[error("it names no issuer")]
    NoIssuer,
    #[error("it has no jwks_uri")]
    NoKeys,
    #[error("its jwks_uri is not an https URL")]
    UnsafeKeys,
}

/// Parses the document at `url`, which is one of this issuer.
pub fn parse(bytes: &[u8], issuer: &str, url: &HttpsUrl) -> Result<Discovered, DiscoveryError> {
    let Ok(Value::Object(document)) = serde_json::from_slice(bytes) else {
        return Ok(Discovered::NoDocument);
    };
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let keys = match (text("issuer"), text("jwks_uri")) {
        (None, None) => return Ok(Discovered::NoDocument),
        (None, Some(_)) => return Err(DiscoveryError::NoIssuer),
        (Some(stated), _) if stated != issuer => {
            let stated = crate::domain::limits::prefix(stated, 256);
            return Err(DiscoveryError::OtherIssuer(stated.to_owned()));
        }
        (Some(_), None) => return Err(DiscoveryError::NoKeys),
        (Some(_), Some(keys)) => keys,
    };
    // Only an issuer of this machine may send us to a port of this machine.
    let is_safe = |keys: &HttpsUrl| url.is_loopback() || !keys.is_loopback();
    let keys = HttpsUrl::parse(keys).filter(is_safe);
    keys.map(Discovered::Keys).ok_or(DiscoveryError::UnsafeKeys)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://id.example/realms/r";

    fn parse_at(url: &str, document: Value) -> Result<Discovered, DiscoveryError> {
        let url = HttpsUrl::parse(url).unwrap();
        parse(document.to_string().as_bytes(), ISSUER, &url)
    }

    fn parse_document(document: Value) -> Result<Discovered, DiscoveryError> {
        parse_at("https://id.example/discovery", document)
    }

    #[test]
    fn the_keys_are_where_the_issuers_document_says() {
        let keys = "https://keys.example/certs";
        let found = parse_document(json!({"issuer": ISSUER, "jwks_uri": keys}));
        assert_eq!(found, Ok(Discovered::Keys(HttpsUrl::parse(keys).unwrap())));
    }

    #[test]
    fn a_document_of_another_issuer_or_without_safe_keys_is_refused() {
        let keys = "https://keys.example/certs";
        let other = |issuer: &str| Err(DiscoveryError::OtherIssuer(issuer.to_owned()));
        for (document, error) in [
            (
                json!({"issuer": "https://evil.example", "jwks_uri": keys}),
                other("https://evil.example"),
            ),
            (
                json!({"issuer": format!("{ISSUER}/"), "jwks_uri": keys}),
                other(&format!("{ISSUER}/")),
            ),
            (json!({"jwks_uri": keys}), Err(DiscoveryError::NoIssuer)),
            (
                json!({"issuer": [ISSUER], "jwks_uri": keys}),
                Err(DiscoveryError::NoIssuer),
            ),
            (json!({"issuer": ISSUER}), Err(DiscoveryError::NoKeys)),
        ] {
            assert_eq!(parse_document(document.clone()), error, "{document}");
        }
        for keys in [
            "http://keys.example/certs",
            "http://127.0.0.1:9001/",
            "file:///keys",
            "/certs",
            "",
        ] {
            let document = json!({"issuer": ISSUER, "jwks_uri": keys});
            assert_eq!(
                parse_document(document),
                Err(DiscoveryError::UnsafeKeys),
                "{keys}"
            );
        }
        let loopback = json!({"issuer": ISSUER, "jwks_uri": "http://127.0.0.1:1/certs"});
        let found = parse_at("http://127.0.0.1:1/discovery", loopback);
        assert!(matches!(found, Ok(Discovered::Keys(_))));
    }

    #[test]
    fn a_page_in_place_of_the_document_is_no_document() {
        let url = HttpsUrl::parse("https://id.example/discovery").unwrap();
        for page in [
            "<html></html>",
            "",
            "[]",
            "{}",
            r#"{"message":"not found"}"#,
        ] {
            let parsed = parse(page.as_bytes(), ISSUER, &url);
            assert_eq!(parsed, Ok(Discovered::NoDocument), "{page}");
        }
    }
}
