//! The tests that run whole stacks: one binary, so that they link once.
//!
//! Each test starts `longhaul up` in a process of its own and uses real sockets and the stock `aws` command line. Assertions
//! are about what a user sees, so the code under test is not imported, except for a few constants.

mod api;
mod architecture_rules;
mod chaos;
mod engine;
mod finops;
mod operators;
mod support;
