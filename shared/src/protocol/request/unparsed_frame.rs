//! Refusals of frames that can't be parsed, made so that their author can match them: by the `requestId`, where that can
//! still be read, or by the frame's length and hash.

use serde_json::from_str;
use sha2::{Digest, Sha256};

use crate::domain::limits;
use crate::protocol::ErrorResponse;

/// The beginning of a frame that is searched, in bytes: API Gateway passes no longer message.
const SEARCHED_BYTES: usize = 128 * 1024;
const KEY: &str = "\"requestId\"";

/// The `requestId` of a frame that can't be parsed; without one the error says the frame's length in bytes and their
/// SHA-256, in hexadecimal digits.
pub fn matchable(text: &str, error: ErrorResponse) -> (Option<String>, ErrorResponse) {
    match request_id_in(text) {
        Some(request_id) => (Some(request_id), error),
        None => {
            let hash = Sha256::digest(text.as_bytes());
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            let error = error.with("bytes", text.len()).with("sha256", hash);
            (None, error)
        }
    }
}

/// The first `requestId` of the frame or of an object in it, such as `data`, that is a text of at most
/// [`limits::REQUEST_ID_CHARS`]. It needs no valid JSON around it.
fn request_id_in(text: &str) -> Option<String> {
    let text = limits::prefix(text, SEARCHED_BYTES);
    let (mut depth, mut inner) = (0_usize, None);
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => {
                let end = string_end(text, at)?;
                if text[at..end] == *KEY
                    && depth <= 2
                    && let Some(id) = value_at(&text[end..])
                {
                    if depth <= 1 {
                        return Some(id);
                    }
                    inner.get_or_insert(id);
                }
                at = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    inner
}

/// Where the string that begins at `start` ends; `None` if it does not.
fn string_end(text: &str, start: usize) -> Option<usize> {
    let mut is_escaped = false;
    let bytes = text.as_bytes().iter().enumerate().skip(start + 1);
    for (at, byte) in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The text of a field, which begins with its colon.
fn value_at(text: &str) -> Option<String> {
    let value = text.trim_start().strip_prefix(':')?.trim_start();
    value.starts_with('"').then_some(())?;
    let id: String = from_str(&value[..string_end(value, 0)?]).ok()?;
    id.chars()
        .nth(limits::REQUEST_ID_CHARS)
        .is_none()
        .then_some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> (Option<String>, ErrorResponse) {
        matchable(text, ErrorResponse::field("frame", "It can't be parsed."))
    }

    #[test]
    fn the_request_id_is_read_out_of_what_can_not_be_parsed() {
        let deep = format!(
            r#"{{"a":{}1{},"requestId":"r"}}"#,
            "[".repeat(40),
            "]".repeat(40)
        );
        let long = format!(r#"{{"query":"{}","requestId":"r"}}"#, "x".repeat(40_000));
        for text in [
            r#"{"query":"\ud83e","requestId":"r"}"#,
            r#"{"requestId" : "r", "query": }"#,
            r#"{"requestId":"r","query":"#,
            r#"{"data":{"requestId":"r","query":"\ud83e"}}"#,
            r#"{"query":"say \"requestId\":\"x\"","requestId":"r","a":}"#,
            r#"{"params":{"requestId":"inner"},"requestId":"r",}"#,
            &deep,
            &long,
        ] {
            let (request_id, error) = refusal(text);
            assert_eq!(request_id.as_deref(), Some("r"), "{text}");
            assert_eq!(error.details.len(), 1, "{text}");
        }
    }

    #[test]
    fn a_frame_without_one_is_named_by_length_and_hash() {
        let long = format!(r#"{{"requestId":"{}"}}"#, "r".repeat(129));
        for text in [
            "nonsense",
            r#"{"requestId":7"#,
            r#"{"requestId":"\ud83e"}"#,
            r#"{"requestId":"r"#,
            &long,
        ] {
            let (request_id, error) = refusal(text);
            assert_eq!(request_id, None, "{text}");
            assert_eq!(error.details["bytes"], text.len());
        }
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(refusal("abc").1.details["sha256"], hash);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\"\\\\{}\\[\\]:,a-c ö]{0,40}(\"requestId\")?[\"\\\\{}:ö]{0,9}") {
            let _ = refusal(&text);
        }
    }
}
