//! The code that the functions, the worker and the command line share, in layers. Each layer uses only those
//! above it.
//!
//! | module | content |
//! | --- | --- |
//! | [`domain`] | pure: jobs, events, streams, sessions, connections, dead letters, ids, limits |
//! | [`settings`], [`clock`], [`random`] | the environment, the clock and random ids; each is read in one file |
//! | [`auth`] | verifies tokens |
//! | [`protocol`] | pure: clients' frames, responses, events and dialects |
//! | [`telemetry`] | logs, metrics and traces |
//! | [`aws`] | clients, signed HTTP, DynamoDB items, queues that are read as a whole |
//! | [`store`] | the DynamoDB tables and the results bucket |
//! | [`messaging`] | sends to queues, and pushes to connections |
//! | [`orchestration`] | what follows the end of a job, turns, replays |

pub mod auth;
pub mod aws;
pub mod clock;
pub mod domain;
pub mod messaging;
pub mod orchestration;
pub mod protocol;
pub mod random;
pub mod settings;
pub mod store;
pub mod telemetry;

/// The configuration of property tests of untrusted input: at least 10,000 cases, or as many as
/// `PROPTEST_CASES` says.
#[cfg(test)]
fn many_cases() -> proptest::prelude::ProptestConfig {
    let usual = proptest::prelude::ProptestConfig::default();
    proptest::prelude::ProptestConfig {
        cases: usual.cases.max(10_000),
        ..usual
    }
}
