//! How a gateway is run, and where it deviates from AWS.

use std::time::Duration;

use super::open_journal::OpenJournal;

/// Deviations from API Gateway, for tests.
#[derive(Debug, Clone)]
pub struct GatewayOverrides {
    /// A connection without frames in either direction is closed with 1001 after this time.
    pub idle_timeout: Duration,
    /// A connection is closed with 1001 at this age.
    pub max_connection_age: Duration,
    /// Whether the stage's throttle applies.
    pub throttling_enabled: bool,
    /// Frames that are delayed, so that later ones overtake them.
    pub frame_delays: Vec<FrameDelay>,
}

impl Default for GatewayOverrides {
    /// API Gateway's quotas for WebSocket APIs: idle for 10 minutes, open for 2 hours.
    fn default() -> GatewayOverrides {
        GatewayOverrides {
            idle_timeout: Duration::from_secs(10 * 60),
            max_connection_age: Duration::from_secs(2 * 3600),
            throttling_enabled: true,
            frame_delays: Vec::new(),
        }
    }
}

/// Delays each frame that contains `text`.
#[derive(Debug, Clone)]
pub struct FrameDelay {
    pub text: String,
    pub delay: Duration,
}

/// How a gateway is run.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    pub overrides: GatewayOverrides,
    /// `host:port`, the `domainName` of events.
    pub domain: String,
    /// The connections that its end leaves to the next gateway.
    pub journal: OpenJournal,
}
