//! The body of a message on the jobs queue: a job's id and nothing else.

use serde::Deserialize;

use crate::domain::ids::JobId;

/// The version that this code writes and reads.
const VERSION: u8 = 1;

#[derive(Deserialize)]
struct Body {
    v: u8,
    job: String,
}

pub fn encode(job: JobId) -> String {
    format!(r#"{{"v":{VERSION},"job":"{job}"}}"#)
}

/// The job that a body names; `None` if this version can't read it.
pub fn parse(body: &str) -> Option<JobId> {
    let body: Body = serde_json::from_str(body).ok()?;
    (body.v == VERSION).then(|| JobId::parse(&body.job))?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_is_parsed_or_rejected() {
        let id = JobId::parse("0190c6f3-0000-7000-8000-000000000001").unwrap();
        assert_eq!(encode(id), format!(r#"{{"v":1,"job":"{id}"}}"#));
        assert_eq!(parse(&encode(id)), Some(id));
        for body in [
            "",
            "{}",
            "[]",
            r#"{"v":2,"job":"0190c6f3-0000-7000-8000-000000000001"}"#,
            r#"{"v":1,"job":"x"}"#,
        ] {
            assert_eq!(parse(body), None, "{body}");
        }
    }

    proptest! {
        #![proptest_config(crate::many_cases())]

        #[test]
        fn no_body_panics(text in "\\PC{0,100}", version in any::<i64>(), id in "[0-9a-f-]{36}|\\PC{0,40}") {
            let _ = parse(&text);
            let body = serde_json::json!({"v": version, "job": id}).to_string();
            prop_assert!(parse(&body).is_none_or(|job| version == 1 && job.to_string() == id));
        }
    }
}
