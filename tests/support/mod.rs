//! What the journeys share: stacks under test, clients, and servers that play what is outside of Longhaul.

pub mod bedrock;
pub mod bucket;
pub mod client;
pub mod cost_services;
pub mod follower;
pub mod issuer;
pub mod log_secrets;
pub mod stack;
pub mod trace_collector;
pub mod transcript;
pub mod worker_process;
