//! What was read for a question: the bill's sums and AWS's insights. Pure.

pub(crate) mod aws_insights;
pub(crate) mod collected;
