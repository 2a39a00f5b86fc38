//! Parses an agent runtime's answer: server-sent events, or one body of text or JSON.
//!
//! Pure. The common forms of agents' data are understood; other data is ignored.

use std::mem;

use serde_json::Value;

/// The content of an event.
#[derive(Debug, PartialEq, Eq)]
pub enum SseEvent {
    /// The next piece of the answer.
    Piece(String),
    /// The error of the agent's program.
    Error(String),
}

/// The part of a stream of events that has arrived.
#[derive(Default)]
pub struct SseParser {
    line: Vec<u8>,
    data: Option<String>,
}

impl SseParser {
    /// Adds bytes, and returns the events that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<SseEvent> {
        let mut events = vec![];
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = mem::take(&mut self.line);
                    events.extend(self.line(&String::from_utf8_lossy(&line)));
                }
                _ => self.line.push(*byte),
            }
        }
        events
    }

    /// Adds a line. A blank one completes the event before it.
    fn line(&mut self, line: &str) -> Option<SseEvent> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            return self.data.take().and_then(|data| event(&data));
        }
        let more = line.strip_prefix("data:")?;
        let more = more.strip_prefix(' ').unwrap_or(more);
        match &mut self.data {
            Some(data) => {
                data.push('\n');
                data.push_str(more);
            }
            None => self.data = Some(more.to_owned()),
        }
        None
    }
}

/// Data is text, text as JSON, an event of Converse, which agents forward, or an error.
fn event(data: &str) -> Option<SseEvent> {
    let Ok(value) = serde_json::from_str::<Value>(data) else {
        return Some(SseEvent::Piece(data.to_owned()));
    };
    if let Some(text) = value.as_str() {
        return Some(SseEvent::Piece(text.to_owned()));
    }
    if let Some(error) = value.get("error") {
        return Some(SseEvent::Error(error.to_string()));
    }
    let piece = &value["event"]["contentBlockDelta"]["delta"]["text"];
    piece.as_str().map(|text| SseEvent::Piece(text.to_owned()))
}

/// The answer in a body that is not streamed: text, or JSON that is a text, or has it in `response` or in `result`,
/// which may be a message of Converse.
pub fn parse_body(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return String::from_utf8_lossy(body).into_owned();
    };
    let candidates = [&value, &value["response"], &value["result"]];
    if let Some(text) = candidates.into_iter().find_map(Value::as_str) {
        return text.to_owned();
    }
    let blocks = value["result"]["content"].as_array().into_iter().flatten();
    blocks.filter_map(|block| block["text"].as_str()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = "data: \"It \"\n\n: a comment\ndata: {\"event\":{\"contentBlockDelta\":{\"delta\":\
        {\"text\":\"is \"}}}}\r\n\r\nevent: x\ndata:plain\ndata: text\n\ndata: {\"init\":true}\n\n\
        data: {\"error\":\"grün\"}\n\n";

    proptest! {
        #[test]
        fn events_are_the_same_however_the_stream_is_cut(cuts in prop::collection::vec(1..20usize, 0..40)) {
            let (mut parser, mut events, mut rest) = (SseParser::default(), vec![], STREAM.as_bytes());
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                events.extend(parser.push(now));
                rest = later;
            }
            events.extend(parser.push(rest));
            let piece = |text: &str| SseEvent::Piece(text.to_owned());
            let error = SseEvent::Error("\"grün\"".to_owned());
            prop_assert_eq!(events, vec![piece("It "), piece("is "), piece("plain\ntext"), error]);
        }
    }

    #[test]
    fn a_body_is_parsed_in_several_forms() {
        for body in [
            "12 dollars",
            "\"12 dollars\"",
            r#"{"response":"12 dollars"}"#,
            r#"{"result":"12 dollars"}"#,
            r#"{"result":{"role":"assistant","content":[{"text":"12 "},{"text":"dollars"}]}}"#,
        ] {
            assert_eq!(parse_body(body.as_bytes()), "12 dollars", "{body}");
        }
        assert_eq!(parse_body(b"{}"), "");
    }
}
