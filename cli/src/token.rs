//! `longhaul token`: prints a development token.

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::dev_token::{Bearer, DAY};
use crate::stack::DataDirArgs;

#[derive(Args)]
pub struct Token {
    /// User id in the token (`sub`).
    #[arg(long)]
    user: String,
    /// Tenant in the token. Default: none.
    #[arg(long)]
    tenant: Option<String>,
    /// Add the group `admin`, whose members administer their tenant.
    #[arg(long)]
    admin: bool,
    /// Lifetime of the token, in seconds.
    #[arg(long, default_value_t = DAY.as_secs())]
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
