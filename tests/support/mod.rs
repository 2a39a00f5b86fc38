//! What the tests share: stacks, clients, commands, and servers that play AWS services and identity providers.

pub mod bedrock;
pub mod bucket;
pub mod cli;
pub mod client;
mod connections_table;
mod contract;
pub mod cost_services;
pub mod dead_letters;
pub mod external_functions;
pub mod faults;
pub mod follower;
pub mod frames;
pub mod http;
pub mod issuer;
pub mod log_secrets;
pub mod lost_disconnect;
pub mod recording;
pub mod stack;
mod stack_aws;
pub mod tokens;
pub mod trace_collector;
pub mod transcript;
pub mod wait;
pub mod wire_log;
pub mod worker_process;
