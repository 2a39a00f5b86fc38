//! `longhaul token`: prints a development token.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use longhaul_shared::auth::text_fault;

use crate::dev_token::{Bearer, DAY};
use crate::stack::DataDirArgs;

/// A hundred years.
const MAX_SECONDS: u64 = 100 * 366 * 24 * 3600;

/// An id of a user or a tenant that a stack accepts in a token.
pub fn parse_id(text: &str) -> Result<String, String> {
    match text_fault(text) {
        Some(fault) => Err(format!("it {fault}")),
        None => Ok(text.to_owned()),
    }
}

#[derive(Args)]
pub struct Token {
    /// User id in the token (`sub`).
    #[arg(long, value_parser = parse_id)]
    user: String,
    /// Tenant in the token. Default: none.
    #[arg(long, value_parser = parse_id)]
    tenant: Option<String>,
    /// Add the group `admin`, whose members administer their tenant.
    #[arg(long)]
    admin: bool,
    /// Lifetime of the token, in seconds.
    #[arg(long, default_value_t = DAY.as_secs(), value_parser = clap::value_parser!(u64).range(1..=MAX_SECONDS))]
    seconds: u64,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

impl Token {
    pub fn run(self) -> Result<()> {
        let bearer = Bearer {
            user: &self.user,
            tenant: self.tenant.as_deref(),
            is_admin: self.admin,
        };
        let lifetime = Duration::from_secs(self.seconds);
        println!("{}", bearer.sign(&self.data_dir.token_secret()?, lifetime)?);
        Ok(())
    }
}
