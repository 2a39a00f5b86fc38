//! What was read for a question.

pub(crate) mod aws_insights;
pub(crate) mod collected;
