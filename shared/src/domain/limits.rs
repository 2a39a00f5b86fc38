//! The limits of the protocol and of stored data, and checks that need only the bytes.
//!
//! A limit of the protocol is a promise to clients. The others are our choice, with the reason.

use std::time::Duration;

/// A client's whole frame, in bytes. A limit of the protocol.
pub const FRAME_BYTES: usize = 32_000;
/// `query`, in bytes of UTF-8. A limit of the protocol.
pub const QUERY_BYTES: usize = 24 * 1024;
/// `requestId`, in characters. A limit of the protocol.
pub const REQUEST_ID_CHARS: usize = 128;
/// `idempotencyKey`, in characters. Our choice; the protocol has no limit.
pub const IDEMPOTENCY_KEY_CHARS: usize = 256;
/// Levels of arrays and objects in a client's JSON. A limit of the protocol.
pub const JSON_DEPTH: usize = 32;
/// Connections that follow one job. A limit of the protocol.
pub const FOLLOWERS: usize = 32;
/// The maximum and the default of `limit` of `listJobs`. A limit of the protocol.
pub const PAGE: u32 = 100;
/// A longer query is stored in the event log, and the row has a preview of this size, in bytes, since DynamoDB
/// bills the whole row at each update.
pub const QUERY_IN_ROW_BYTES: usize = 512;
/// A larger result is stored in the event log instead of the row, in bytes.
pub const RESULT_IN_ROW_BYTES: usize = 4 * 1024;
/// The largest result that `job_completed` contains, in bytes. A limit of the protocol. A larger one is in the
/// bucket.
pub const RESULT_IN_FRAME_BYTES: usize = 100 * 1024;
/// The largest result, in bytes. Our choice: a worker of 512 MiB can compress it.
pub const MAX_RESULT_BYTES: usize = 64 * 1024 * 1024;
/// The longest validity of a result's URL. A limit of the protocol.
pub const RESULT_URL: Duration = Duration::from_secs(15 * 60);
/// The jobs or events in one direct response, in bytes: API Gateway's limit of a frame is 128 KiB, and the
/// response's own fields need space too.
pub const ANSWER_BYTES: usize = 120 * 1024;
/// The content of one chunk as JSON, in bytes: the protocol's frame of 28 KiB less a kilobyte for the other
/// fields.
pub const CHUNK_BYTES: usize = 27 * 1024;
/// The deadline of a job that names none. Our choice, so that every job ends.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(24 * 3600);
/// The maximum of `deadlineSeconds`. Our choice.
pub const MAX_DEADLINE: Duration = Duration::from_secs(7 * 24 * 3600);
/// The earlier turns of a session that an analysis gets, in bytes of text. Our choice.
pub const HISTORY_BYTES: usize = 64 * 1024;
/// The stored part of an answer in a session, in bytes: as long as a message may be. The job has the whole
/// answer.
pub const ANSWER_IN_SESSION_BYTES: usize = 24 * 1024;
/// Pieces of a recording. Our choice: an hour of ten pieces a second.
pub const RECORDING_PIECES: u32 = 36_000;
/// The longest time from a recording's start to its end. Our choice: shorter than the bucket keeps its pieces.
pub const RECORDING_RETENTION: Duration = Duration::from_secs(24 * 3600);
/// `format` of a recording, in characters. Our choice.
pub const FORMAT_CHARS: usize = 64;
/// The retention of messages and notifications in an inbox. A limit of the protocol.
pub const INBOX_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// The user id of a message's recipient, in bytes: as long as a token's `sub` may be.
pub const USER_BYTES: usize = 256;
/// `type` of a direct message, in characters. Our choice.
pub const MESSAGE_TYPE_CHARS: usize = 64;
/// A connection without activity for this long is stale. A limit of the protocol.
pub const STALE_CONNECTION_AFTER: Duration = Duration::from_secs(3600);
/// A topic's name, in characters. Our choice.
pub const TOPIC_CHARS: usize = 128;
/// The age at which API Gateway closes a connection, by its quotas.
pub const CONNECTION_AGE: Duration = Duration::from_secs(2 * 3600);
/// How much the clocks of API Gateway and of the functions may differ. Our choice.
pub const CLOCK_DIFFERENCE: Duration = Duration::from_secs(300);
/// The time to live of the rows of a connection and of its subscriptions after its last activity: longer than any
/// connection is open.
pub const CONNECTION_RETENTION: Duration = Duration::from_secs(24 * 3600);
/// The time to live of a user's row, with the user's limits, after the last write: no job is open for longer.
pub const USER_RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);
/// Topic subscriptions of one connection. Our choice.
pub const SUBSCRIPTIONS: u32 = 100;
/// Subscriptions of one connection to one room; each is pushed what users send there. Our choice: enough for a page that
/// subscribes again before it ends what it had.
pub const SUBSCRIPTIONS_OF_ROOM: u8 = 4;
/// Fields of one subscription's filters, the bytes of their JSON, and the bytes of a field's name. Our choice:
/// a page of subscriptions is held in memory.
pub const FILTERS: usize = 16;
pub const FILTERS_BYTES: usize = 1024;
pub const FILTER_NAME_BYTES: usize = 64;
/// `type` of a publication, in characters. Our choice.
pub const TYPE_CHARS: usize = 128;
/// `data` of a publication, in bytes of its JSON: it must fit a frame.
pub const PUBLISHED_BYTES: usize = 120 * 1024;
/// A progress message, in bytes: it must fit a frame beside a result.
pub const MESSAGE_BYTES: usize = 512;

/// The longest prefix of `text`, in whole characters, that takes at most `bytes` bytes as a JSON string.
pub fn json_prefix(text: &str, bytes: usize) -> &str {
    let mut json_bytes = 0;
    for (at, character) in text.char_indices() {
        json_bytes += match character {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            other => other.len_utf8(),
        };
        if json_bytes > bytes {
            return &text[..at];
        }
    }
    text
}

/// Whether `json` nests arrays and objects deeper than [`JSON_DEPTH`]. It runs before a parser does, in one
/// pass and without recursion. The result is meaningless for text that is not JSON.
pub fn is_nested_too_deep(json: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > JSON_DEPTH {
                    return true;
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// The longest prefix of `text` of at most `bytes` bytes that ends on a character boundary.
pub fn prefix(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_levels_and_not_brackets_in_strings() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(!is_nested_too_deep(&nested(JSON_DEPTH)));
        assert!(is_nested_too_deep(&nested(JSON_DEPTH + 1)));
        let quoted = format!(r#"{{"a":"{}\"{}"}}"#, "[".repeat(50), "{".repeat(50));
        assert!(!is_nested_too_deep(&quoted));
        assert!(!is_nested_too_deep(&"[]".repeat(500)));
    }

    #[test]
    fn a_json_prefix_is_the_longest_that_fits() {
        let text = "a\"\n\u{1}ñ\\ end of it";
        for bytes in 0..40 {
            let prefix = json_prefix(text, bytes);
            let json_bytes = |text: &str| serde_json::to_string(text).unwrap().len() - 2;
            assert!(json_bytes(prefix) <= bytes, "{prefix:?}");
            let next = text[prefix.len()..].chars().next();
            assert!(next.is_none_or(|next| json_bytes(&format!("{prefix}{next}")) > bytes));
        }
    }

    #[test]
    fn a_prefix_never_cuts_a_character() {
        assert_eq!(prefix("añb", 2), "a");
        assert_eq!(prefix("añb", 3), "añ");
        assert_eq!(prefix("añb", 99), "añb");
    }
}
