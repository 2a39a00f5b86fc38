//! `longhaul doctor`: checks whether a stack is as its template says, and prints what to do where it is not.
//!
//! It changes nothing. Services without a linked SDK (functions, schedules, secrets) are read with the `aws`
//! command line, or on the embedded cloud with its own endpoint. A check that can't run is reported as skipped.

mod aws_cli;
mod endpoint;
mod failed_call;
mod finding;
mod jobs;
mod key;
mod queues;
mod tables;
mod wiring;

use anyhow::Result;
use clap::Args;

use self::finding::Findings;
use self::wiring::Wiring;
use crate::exit_status::ExitStatus;
use crate::target::Target;

/// The caller's name in the logs of AWS calls.
const CALLER: &str = "longhaul-doctor";

/// Checks a stack. Exits with 0 if all checks passed, 1 with a warning, 2 if one failed.
#[derive(Args)]
pub struct Doctor {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Doctor {
    pub async fn run(self) -> Result<ExitStatus> {
        let mut findings = Findings::default();
        self.run_checks(&mut findings).await?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&findings.json())?);
        } else {
            print!("{}", findings.render());
        }
        Ok(findings.exit_status())
    }

    async fn run_checks(&self, findings: &mut Findings) -> Result<()> {
        let aws = match self.target.open(CALLER).await {
            Ok(aws) => aws,
            Err(error) => {
                let (check, advice) = match self.target.aws {
                    true => (
                        "settings",
                        "set AWS_PROFILE and AWS_REGION, or the region of the profile (aws configure list)",
                    ),
                    false => (
                        "embedded cloud",
                        "start it, or pass --aws, or name its data folder with --data DIR",
                    ),
                };
                findings.fail(check, format!("{error:#}"), advice, "");
                return Ok(());
            }
        };
        if !endpoint::answers(&aws, findings).await {
            return Ok(());
        }
        let wiring = Wiring::check(&aws, &self.target.data_dir, findings).await;
        tables::check(&aws, findings).await;
        queues::check(&aws, wiring.worker_timeout, findings).await;
        jobs::check(&aws, findings).await?;
        endpoint::connections(&aws, findings).await
    }
}
