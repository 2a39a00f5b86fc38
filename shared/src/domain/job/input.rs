//! What a job is asked to do, whole or as its row holds it.
//!
//! Pure. Where the whole of a large input is kept, only its key is known here.

use uuid::Uuid;

use crate::domain::limits;

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobInput {
    /// The query, or its beginning where `logged`.
    pub query: String,
    /// A JSON object; `{}` where `logged`.
    pub params: String,
    /// The entry of the event log that holds the whole, where it is too large for the row. Named
    /// after the content, so equal inputs have equal rows.
    pub log_key: Option<String>,
}

impl JobInput {
    /// All of a small input.
    pub fn whole(query: String, params: String) -> Self {
        Self {
            query,
            params,
            log_key: None,
        }
    }

    /// As the row holds it: DynamoDB bills the whole row at each update.
    pub fn in_row(&self) -> Self {
        if self.query.len() + self.params.len() <= limits::QUERY_IN_ROW_BYTES {
            return self.clone();
        }
        let content = format!("{}:{}{}", self.query.len(), self.query, self.params);
        let key = format!(
            "input#{}",
            Uuid::new_v5(&Uuid::NAMESPACE_OID, content.as_bytes())
        );
        let preview = limits::prefix(&self.query, limits::QUERY_IN_ROW_BYTES).to_owned();
        Self {
            query: preview,
            params: "{}".to_owned(),
            log_key: Some(key),
        }
    }
}
