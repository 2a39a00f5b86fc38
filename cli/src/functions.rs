//! Runs this binary as one of the embedded cloud's functions.
//!
//! It runs the same code as the deployed functions, except that `--trust-claims` lets a claimed identity count
//! as proof.

use anyhow::Result;
use longhaul_handlers::IdentityMode;
use longhaul_shared::settings::Environment;

/// The variable that each function gets with `--trust-claims`.
pub const TRUST_CLAIMS: &str = "LONGHAUL_TRUST_CLAIMS";

/// Whether a Lambda host started this process.
pub fn is_function(settings: &Environment) -> bool {
    settings.optional("AWS_LAMBDA_RUNTIME_API").is_some()
}

/// Serves the function that `_HANDLER` names.
pub async fn run(settings: Environment) -> Result<()> {
    if settings.required("_HANDLER")? == "worker" {
        let analyses = longhaul_analyses::built_in(&settings)?;
        return longhaul_worker::serve(settings, analyses).await;
    }
    let identity_mode = if settings.switch(TRUST_CLAIMS)? {
        IdentityMode::Claims
    } else {
        IdentityMode::Tokens
    };
    longhaul_handlers::run(settings, identity_mode).await
}
