//! AWS's cost services: Cost Explorer, the Cost Optimization Hub and Trusted Advisor.

mod calls;
pub(crate) mod cost_explorer;
mod recommendations;
mod response_cache;
pub(crate) mod sources;
