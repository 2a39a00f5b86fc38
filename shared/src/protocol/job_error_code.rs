//! The code of a failed job on the wire: one of ours, or one that an analysis of somebody's own gave.

use serde::Serialize;

/// One of the codes in `docs/error-codes.md`, or one that an analysis of your own gave.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct JobErrorCodeText(pub String);

/// Our codes as a schema, each with its meaning; any other text is allowed too.
#[cfg(feature = "schema")]
impl schemars::JsonSchema for JobErrorCodeText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "JobErrorCode".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        use crate::domain::job::JobErrorCode;
        let codes: Vec<&str> = JobErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        schemars::json_schema!({
            "description": "Why a job failed: one of the codes in `docs/error-codes.md`, or one that an analysis of your own gave.",
            "anyOf": [{"type": "string", "enum": codes}, {"type": "string"}],
        })
    }
}
