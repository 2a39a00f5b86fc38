//! What all of Longhaul's functions agree on.
//!
//! The pure core ([`ids`], [`job`], [`event`], [`stream`], [`protocol`], [`dialect`], [`auth`],
//! [`topics`], [`filters`], [`limits`]) takes time and bytes as
//! arguments and knows no AWS, no clock and no environment. Around it stand plain structs over the
//! AWS SDK's clients, one per table or service. What each function does with them is not known here.

pub mod announce;
pub mod auth;
pub mod config;
pub mod connections;
pub mod courier;
pub mod dead_letters;
pub mod deliveries;
pub mod dialect;
pub mod dispatch;
pub mod dynamo;
pub mod event;
pub mod events;
pub mod fanout;
pub mod filters;
pub mod ids;
pub mod inbox;
pub mod item;
pub mod job;
pub mod jobs;
pub mod limits;
pub mod protocol;
pub mod push;
pub mod quota;
pub mod recordings;
pub mod replay;
pub mod results;
pub mod sdk;
pub mod sessions;
pub mod stream;
pub mod subscriptions;
pub mod telemetry;
pub mod time;
pub mod topics;
mod wire;

/// What input from strangers is tested with: ten thousand cases, or as many more as `PROPTEST_CASES` says.
#[cfg(test)]
fn many_cases() -> proptest::prelude::ProptestConfig {
    let usual = proptest::prelude::ProptestConfig::default();
    proptest::prelude::ProptestConfig {
        cases: usual.cases.max(10_000),
        ..usual
    }
}
