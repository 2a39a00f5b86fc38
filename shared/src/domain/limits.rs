//! The numbers that PROTOCOL promises, and the checks that need nothing but the bytes.
//!
//! Knows no clock and no store: what depends on stored state is decided where that state is.

use std::time::Duration;

/// The whole of a client's frame, in bytes (PROTOCOL 1).
pub const FRAME_BYTES: usize = 32_000;
/// `query`, in bytes of UTF-8 (PROTOCOL 1).
pub const QUERY_BYTES: usize = 24 * 1024;
/// `requestId`, in characters (PROTOCOL 1).
pub const REQUEST_ID_CHARS: usize = 128;
/// `idempotencyKey`, in characters; ours, as PROTOCOL sets none.
pub const IDEMPOTENCY_KEY_CHARS: usize = 256;
/// Levels of arrays and objects in a client's JSON (PROTOCOL 1).
pub const JSON_DEPTH: usize = 32;
/// Connections that may follow one job (PROTOCOL 3).
pub const FOLLOWERS: usize = 32;
/// `limit` of `listJobs`, and its default (PROTOCOL 3).
pub const PAGE: u32 = 100;
/// A longer query stands in the row as a preview of so many bytes (DESIGN 3): DynamoDB bills the
/// whole row at each update.
pub const QUERY_IN_ROW_BYTES: usize = 512;
/// A longer result stands in the event log instead of the row (DESIGN 3), in bytes.
pub const RESULT_IN_ROW_BYTES: usize = 4 * 1024;
/// A result that `job_completed` carries whole, in bytes (PROTOCOL 4).
pub const RESULT_IN_FRAME_BYTES: usize = 100 * 1024;
/// The largest result, in bytes; ours, so that a worker of 512 MiB can compress it.
pub const MAX_RESULT_BYTES: usize = 64 * 1024 * 1024;
/// The life of a result's URL at most (PROTOCOL 4).
pub const RESULT_URL: Duration = Duration::from_secs(15 * 60);
/// What one direct answer holds of jobs or events, in bytes: API Gateway takes frames of 128 KiB
/// (PROTOCOL 1), and the answer's own fields need room too.
pub const ANSWER_BYTES: usize = 120 * 1024;
/// The content of one chunk as JSON spells it, in bytes: a frame of 28 KiB (PROTOCOL 4) less a kilobyte
/// for the frame's other fields.
pub const CHUNK_BYTES: usize = 27 * 1024;
/// The deadline of a job that names none; ours, so that nothing runs for ever.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(24 * 3600);
/// `deadlineSeconds` at most; ours.
pub const MAX_DEADLINE: Duration = Duration::from_secs(7 * 24 * 3600);
/// The earlier turns of a session that an analysis is given, in bytes of text; ours.
pub const HISTORY_BYTES: usize = 64 * 1024;
/// What a session keeps of one answer, in bytes: as long as a message may be (PROTOCOL 1). The job has it whole.
pub const ANSWER_IN_SESSION_BYTES: usize = 24 * 1024;
/// Pieces of a recording; ours: an hour of them at ten a second is more than a recording may hold.
pub const RECORDING_PIECES: u32 = 36_000;
/// How long a recording may take from its start to its end; ours, less than the bucket keeps its pieces.
pub const RECORDING_RETENTION: Duration = Duration::from_secs(24 * 3600);
/// `format` of a recording, in characters; ours.
pub const FORMAT_CHARS: usize = 64;
/// How long what is sent to a user is kept (PROTOCOL 7).
pub const INBOX_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// The id of whom a message is for, in bytes: as long as a token's `sub` may be.
pub const USER_BYTES: usize = 256;
/// `type` of a direct message, in characters; ours.
pub const MESSAGE_TYPE_CHARS: usize = 64;
/// A connection without activity for so long is stale (PROTOCOL 8).
pub const STALE_CONNECTION_AFTER: Duration = Duration::from_secs(3600);
/// A topic's name, in characters; ours.
pub const TOPIC_CHARS: usize = 128;
/// Subscriptions to topics of one connection; ours.
pub const SUBSCRIPTIONS: u32 = 100;
/// Fields of one subscription's filters, bytes of their JSON, and of one field's name; ours: a page of
/// subscriptions is held in memory.
pub const FILTERS: usize = 16;
pub const FILTERS_BYTES: usize = 1024;
pub const FILTER_NAME_BYTES: usize = 64;
/// `type` of what is published, in characters; ours.
pub const TYPE_CHARS: usize = 128;
/// `data` of what is published, in bytes of its JSON: a frame holds it (PROTOCOL 1).
pub const PUBLISHED_BYTES: usize = 120 * 1024;
/// A message on the way to a follower, in bytes: what would not fit a frame beside a result.
pub const MESSAGE_BYTES: usize = 512;

/// The longest prefix of `text` that JSON spells in at most `bytes` bytes, of whole characters.
pub fn json_prefix(text: &str, bytes: usize) -> &str {
    let mut spelled = 0;
    for (at, character) in text.char_indices() {
        spelled += match character {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            other => other.len_utf8(),
        };
        if spelled > bytes {
            return &text[..at];
        }
    }
    text
}

/// Whether `json` nests arrays and objects deeper than [`JSON_DEPTH`]. Runs before any parser does,
/// in one pass and without a stack of its own; of text that is not JSON it says nothing useful.
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
    fn a_spelled_prefix_is_what_fits_as_json() {
        let text = "a\"\n\u{1}ñ\\ end of it";
        for bytes in 0..40 {
            let prefix = json_prefix(text, bytes);
            let spelled = |text: &str| serde_json::to_string(text).unwrap().len() - 2;
            assert!(spelled(prefix) <= bytes, "{prefix:?}");
            let next = text[prefix.len()..].chars().next();
            assert!(next.is_none_or(|next| spelled(&format!("{prefix}{next}")) > bytes));
        }
    }

    #[test]
    fn a_prefix_never_cuts_a_character() {
        assert_eq!(prefix("añb", 2), "a");
        assert_eq!(prefix("añb", 3), "añ");
        assert_eq!(prefix("añb", 99), "añb");
    }
}
