//! What all functions of Longhaul share, in layers: each uses only those above it.
//!
//! | module | what |
//! | --- | --- |
//! | [`domain`] | pure: jobs, events, streams, topics, ids, limits |
//! | [`auth`] | tokens to identities |
//! | [`protocol`] | pure: frames of the wire, and the dialects |
//! | [`settings`](config), [`telemetry`], [`clock`] | environment, logs, metrics and traces, the clock |
//! | [`aws`] | clients, signed HTTP, DynamoDB's items |
//! | [`store`] | one module a table, and the results bucket |
//! | [`messaging`] | queues, and pushes to connections |
//! | [`orchestration`] | what an end owes; replays |

pub mod auth;
pub mod aws;
pub mod clock;
pub mod domain;
pub mod messaging;
pub mod orchestration;
pub mod protocol;
pub mod settings;
pub mod store;
pub mod telemetry;

/// What input from strangers is tested with: ten thousand cases, or as many more as `PROPTEST_CASES` says.
#[cfg(test)]
fn many_cases() -> proptest::prelude::ProptestConfig {
    let usual = proptest::prelude::ProptestConfig::default();
    proptest::prelude::ProptestConfig {
        cases: usual.cases.max(10_000),
        ..usual
    }
}
