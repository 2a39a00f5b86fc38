//! What has to be read.

pub(crate) mod date_gap;
pub(crate) mod needed_days;
