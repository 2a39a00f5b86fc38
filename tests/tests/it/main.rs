//! The journeys of Longhaul's users, each on a clean stack of its own: one binary, so that all of
//! them link once.

mod answers;
mod budget;
mod commands;
mod connecting;
mod crash;
mod jobs;
mod operators;
mod refusals;
mod tidy;
