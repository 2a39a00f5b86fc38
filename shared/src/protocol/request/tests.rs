//! The envelope of frames: where fields may stand, and that no input panics.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn fields(frame: &Value) -> Fields {
    Fields::parse(&frame.to_string()).unwrap()
}

#[test]
fn a_field_may_stand_in_the_frame_or_in_its_data() {
    for frame in [
        json!({"action": "a", "query": "q"}),
        json!({"type": "a", "data": {"query": "q"}}),
        json!({"action": "a", "type": "b", "query": "q", "data": {"query": "q"}}),
    ] {
        let fields = fields(&frame);
        assert_eq!(fields.action(), Some("a"), "{frame}");
        assert_eq!(fields.required("query").unwrap(), "q", "{frame}");
        assert!(fields.contains("query") && !fields.contains("kind"));
    }
    let differing = fields(&json!({"query": "q", "data": {"query": "r"}}));
    let error = differing.required("query").unwrap_err();
    assert_eq!(error.details["field"], "query");
    assert!(differing.contains("query"));
    assert!(!fields(&json!({"query": null})).contains("query"));
}

#[test]
fn a_frame_is_an_object_within_the_limits() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    let long = json!({"a": "x".repeat(limits::FRAME_BYTES)}).to_string();
    for text in ["", "[1]", "7", "{", &deep, &long] {
        let error = Fields::parse(text).err().unwrap();
        assert_eq!(error.details["field"], "frame");
    }
}

proptest! {
    #![proptest_config(crate::many_cases())]

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = Fields::parse(&text);
    }
}
