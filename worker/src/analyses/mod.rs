//! The analyses that come with the worker: one module each.

pub mod agent;
pub mod chat;
pub mod finops;
pub mod noop;
pub mod program;
pub mod voice;
