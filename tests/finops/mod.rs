//! Cost questions, and the bills and AWS services that answer them.

mod aws_cost_services;
mod bill_downloads;
mod bills;
mod cost_questions;
