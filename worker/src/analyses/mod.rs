//! The analyses that come with the worker: one module each.

pub mod finops;
pub mod noop;
