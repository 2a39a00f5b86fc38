//! What has to be read for a question. Pure.

pub(crate) mod date_gap;
pub(crate) mod needed_days;
