//! The analyses that come with the project. Each knows its own question and its own data, and
//! nothing of jobs, queues or sockets.

pub mod finops;
