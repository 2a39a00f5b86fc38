//! `longhaul doctor`: whether a stack is as its template says, and what to do where it is not.
//!
//! It only looks. What the SDKs here do not cover (functions, schedules, secrets, metrics) it asks the
//! stock `aws` command line on AWS, and on the embedded cloud that itself; what nobody can tell is
//! said not to have been looked at.

mod endpoint;
mod finding;
mod jobs;
mod queues;
mod tables;
mod wiring;

use anyhow::Result;
use clap::Args;

use self::finding::Findings;
use self::wiring::Wiring;
use crate::Ended;
use crate::target::Target;

/// As which its calls show in logs.
const CALLER: &str = "longhaul-doctor";

/// Checks a stack: 0 all is well, 1 with a warning, 2 something is broken.
#[derive(Args)]
pub struct Doctor {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Doctor {
    pub async fn run(self) -> Result<Ended> {
        let mut findings = Findings::default();
        self.examine(&mut findings).await?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&findings.json())?);
        } else {
            print!("{}", findings.shown());
        }
        Ok(findings.worst())
    }

    async fn examine(&self, findings: &mut Findings) -> Result<()> {
        let site = match self.target.site(CALLER).await {
            Ok(site) => site,
            Err(error) => {
                let advice = "start it, or say --aws, or where its state is: --data DIR";
                findings.fail("embedded cloud", format!("{error:#}"), advice, "");
                return Ok(());
            }
        };
        if !endpoint::answers(&site, findings).await {
            return Ok(());
        }
        let wiring = Wiring::of(&site, &self.target.place, findings).await;
        tables::check(&site, findings).await;
        queues::check(&site, wiring.worker_timeout, findings).await;
        jobs::check(&site, findings).await?;
        endpoint::connections(&site, findings).await
    }
}
