//! The worker as a library: what a job's work is, and the analyses that come with it.

pub mod analyses;
pub mod analysis;
