//! Text.

pub(crate) mod sanitize;
pub(crate) mod tokens;
