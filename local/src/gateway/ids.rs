//! Ids of connections and requests.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use uuid::Uuid;

/// A new id in API Gateway's format: 15 characters and `=`.
pub(super) fn new_id() -> String {
    URL_SAFE.encode(&Uuid::new_v4().as_bytes()[..11])
}

/// Whether a connection can have this id. Its length is not checked, since API Gateway documents none.
pub(super) fn is_connection_id(text: &str) -> bool {
    URL_SAFE.decode(text).is_ok_and(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_api_gateways_format() {
        let id = new_id();
        assert_eq!(id.len(), 16);
        assert!(id.ends_with('='));
        assert!(is_connection_id(&id));
        for malformed in ["", "no pe", "AAAAAAAAAAAAAAA", "../AAAAAAAAAAAA="] {
            assert!(!is_connection_id(malformed), "{malformed}");
        }
    }
}
