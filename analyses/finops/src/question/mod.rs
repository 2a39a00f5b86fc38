//! The grammar of questions: from tokens and the bill's own names to a parsed question. Pure.

mod amounts;
mod dates;
mod forecast_period;
pub(crate) mod intent;
mod layout;
mod name_filters;
pub(crate) mod parse;
#[cfg(test)]
mod parse_tests;
pub(crate) mod period;
mod period_shift;
mod service_names;
pub(crate) mod stop_words;
