//! This binary as one of the small cloud's functions.
//!
//! The same entries as the deployed binaries', but for one thing: on the small cloud a claim may
//! count as proof, when its user has said so.

use anyhow::Result;
use longhaul_handlers::IdentityMode;
use longhaul_shared::settings::Environment;

/// Set for every function when the stack was started with `--trust-claims`.
pub const TRUST_CLAIMS: &str = "LONGHAUL_TRUST_CLAIMS";

/// Whether a Lambda host has started this process.
pub fn is_one(config: &Environment) -> bool {
    config.optional("AWS_LAMBDA_RUNTIME_API").is_some()
}

/// Serves the function that `_HANDLER` names.
pub async fn run(config: Environment) -> Result<()> {
    if config.required("_HANDLER")? == "worker" {
        let analyses = longhaul_analyses::built_in(&config)?;
        return longhaul_worker::serve(config, analyses).await;
    }
    let trust = if config.switch(TRUST_CLAIMS)? {
        IdentityMode::Claims
    } else {
        IdentityMode::Tokens
    };
    longhaul_handlers::run(config, trust).await
}
