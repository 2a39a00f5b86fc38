//! What an agent runtime says: server-sent events whose data is what its program gave out, or JSON, whole.
//!
//! Pure. Of the shapes that agents have the common ones are read, and of other data nothing is shown.

use std::mem;

use serde_json::Value;

/// What an event says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// The next piece of the answer.
    Piece(String),
    /// What went wrong in the agent's program.
    Error(String),
}

/// Events as far as they have come.
#[derive(Default)]
pub struct Sse {
    line: Vec<u8>,
    data: Option<String>,
}

impl Sse {
    /// What is said by the events that these bytes end.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Said> {
        let mut said = vec![];
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = mem::take(&mut self.line);
                    said.extend(self.line(&String::from_utf8_lossy(&line)));
                }
                _ => self.line.push(*byte),
            }
        }
        said
    }

    fn line(&mut self, line: &str) -> Option<Said> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            return self.data.take().and_then(|data| said(&data));
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

/// Text; text as JSON; an event of Converse, as agents hand them on; or an error.
fn said(data: &str) -> Option<Said> {
    let Ok(value) = serde_json::from_str::<Value>(data) else {
        return Some(Said::Piece(data.to_owned()));
    };
    if let Some(text) = value.as_str() {
        return Some(Said::Piece(text.to_owned()));
    }
    if let Some(error) = value.get("error") {
        return Some(Said::Error(error.to_string()));
    }
    let piece = &value["event"]["contentBlockDelta"]["delta"]["text"];
    piece.as_str().map(|text| Said::Piece(text.to_owned()))
}

/// The answer in a body that is not streamed: text, or in JSON a text, `response`, or `result`, which may be
/// a message of Converse.
pub fn whole(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return String::from_utf8_lossy(body).into_owned();
    };
    let found = [&value, &value["response"], &value["result"]];
    if let Some(text) = found.into_iter().find_map(Value::as_str) {
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
        fn it_is_read_the_same_however_it_is_cut(cuts in prop::collection::vec(1..20usize, 0..40)) {
            let (mut events, mut said, mut rest) = (Sse::default(), vec![], STREAM.as_bytes());
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                said.extend(events.take(now));
                rest = later;
            }
            said.extend(events.take(rest));
            let piece = |text: &str| Said::Piece(text.to_owned());
            let error = Said::Error("\"grün\"".to_owned());
            prop_assert_eq!(said, vec![piece("It "), piece("is "), piece("plain\ntext"), error]);
        }
    }

    #[test]
    fn an_answer_in_one_piece_is_found_in_several_shapes() {
        for body in [
            "12 dollars",
            "\"12 dollars\"",
            r#"{"response":"12 dollars"}"#,
            r#"{"result":"12 dollars"}"#,
            r#"{"result":{"role":"assistant","content":[{"text":"12 "},{"text":"dollars"}]}}"#,
        ] {
            assert_eq!(whole(body.as_bytes()), "12 dollars", "{body}");
        }
        assert_eq!(whole(b"{}"), "");
    }
}
