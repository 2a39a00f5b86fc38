//! What operators use: the `longhaul` commands and the stock `aws` command line.

mod aws_cli;
mod cli_errors;
mod cli_operator;
mod cli_options;
mod closed_pipe;
mod connection_log;
mod cost_estimate;
mod dead_letters;
mod doctor;
mod installation;
mod logs;
mod lost_dead_letters;
mod on_call;
mod smoke;
mod worker_program;
