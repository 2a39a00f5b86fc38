//! What the journeys stand on: a real stack in a process of its own, real sockets to it, the stock
//! `aws` command line.
//!
//! Nothing here imports the code under test: what is asserted is what a user sees.

mod client;
mod stack;

pub use client::{Client, Refused};
pub use stack::{Stack, longhaul, token, token_with};

use std::time::Duration;

/// What a state may take to come about on a busy machine. It bounds a hang and asserts nothing.
pub const PATIENCE: Duration = Duration::from_secs(90);
