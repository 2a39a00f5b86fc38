//! AWS's cost services.

mod calls;
pub(crate) mod cost_explorer;
mod recommendations;
mod response_cache;
pub(crate) mod sources;
