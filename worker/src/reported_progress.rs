//! The progress report that a program or a function writes as JSON, read liberally: another language's numbers are no
//! reason to fail a job.

use serde::{Deserialize, Deserializer};

/// `{"percent":33.3,"message":"Loading"}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReportedProgress {
    /// Any number in the JSON, rounded and clamped to 0 to 100.
    #[serde(deserialize_with = "percent")]
    pub percent: u8,
    /// What is being done; "Working" where the JSON has none.
    #[serde(default = "working")]
    pub message: String,
}

fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let percent = f64::deserialize(deserializer)?.round().clamp(0.0, 100.0);
    // In range: JSON has no NaN.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(percent as u8)
}

fn working() -> String {
    "Working".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_is_a_percentage() {
        for (json, percent) in [
            (r#"{"percent":33.3}"#, 33),
            (r#"{"percent":40.0}"#, 40),
            (r#"{"percent":300}"#, 100),
            (r#"{"percent":1e300}"#, 100),
            (r#"{"percent":-4}"#, 0),
        ] {
            let progress: ReportedProgress = serde_json::from_str(json).unwrap();
            assert_eq!((progress.percent, progress.message), (percent, working()));
        }
        assert!(serde_json::from_str::<ReportedProgress>(r#"{"percent":"half"}"#).is_err());
    }
}
