//! A job's query and params, whole or as its row holds them.

use uuid::Uuid;

use crate::domain::limits;

/// What a job is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobInput {
    /// The query; only its beginning where there is a `log_key`.
    pub query: String,
    /// A JSON object; `{}` where there is a `log_key`.
    pub params: String,
    /// The entry of the event log that holds a whole input that is too large for the row. It is named by a hash of
    /// the content, so equal inputs have equal rows.
    pub log_key: Option<String>,
}

impl JobInput {
    /// An input that is not shortened.
    pub fn whole(query: String, params: String) -> Self {
        Self {
            query,
            params,
            log_key: None,
        }
    }

    /// The input as the row holds it. A large one is shortened, because DynamoDB bills the whole row at each update.
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
