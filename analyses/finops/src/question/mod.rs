//! Questions: the grammar from tokens and the bill's own names to a parsed question, and the plan that a question is, in
//! both directions. Pure.

mod amounts;
pub(crate) mod compile;
pub(crate) mod conversation;
mod dates;
mod follow_up;
mod forecast_period;
mod groupings;
pub(crate) mod intent;
mod layout;
mod name_filters;
pub(crate) mod parse;
#[cfg(test)]
mod parse_tests;
pub(crate) mod period;
mod period_shift;
pub(crate) mod query_plan;
pub(crate) mod resolve;
mod restrictions;
pub(crate) mod service_names;
mod spelling;
pub(crate) mod status;
pub(crate) mod stop_words;
pub(crate) mod thresholds;
pub(crate) mod understood;
mod unknown_words;
pub(crate) mod vocabulary;
