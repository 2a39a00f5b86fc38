//! What a model calls a tool with. Saved in a step's result.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    pub id: String,
    pub tool: String,
    /// `None` where its input holds no question.
    pub question: Option<String>,
    /// `None` where its input holds no plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Value>,
}
