//! Text of questions and bills: split into tokens, and made safe to display. Pure.

pub(crate) mod sanitize;
pub(crate) mod tokens;
