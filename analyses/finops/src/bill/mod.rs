//! A bill's charges in memory: rows, dimension values, exact sums, and what else questions need of them. Pure.

pub(crate) mod charge_details;
pub(crate) mod charge_filter;
pub(crate) mod charge_row;
pub(crate) mod dimension_values;
pub(crate) mod focus_column;
pub(crate) mod grouping;
mod json_pairs;
pub(crate) mod ledger;
pub(crate) mod ledger_sums;
pub(crate) mod measure;
pub(crate) mod money;
pub(crate) mod notable_charges;
pub(crate) mod sections;
mod tag_sets;
pub(crate) mod timestamp;
pub(crate) mod usage_totals;
