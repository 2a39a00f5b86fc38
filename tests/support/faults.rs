//! Fault injection: the rules by which a stack's AWS calls fail, and what has come of them.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::support::http::http;
use crate::support::stack::Stack;
use crate::support::wait::MAX_WAIT;

/// As in AWS a killed worker's lease must run out, and it is so short that the job is retried within seconds.
pub const SHORT_LEASE: [&str; 3] = ["--leave-leases", "--parameter", "LeaseSeconds=2"];

impl Stack {
    /// One request to the faults' admin API: status and body.
    pub async fn faults_api(
        &self,
        method: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<(u16, Value)> {
        let request = format!("{method} /_local/faults");
        let response = http(&self.aws, &request, headers, body.as_bytes()).await?;
        Ok((response.status, serde_json::from_slice(&response.body)?))
    }

    /// Replaces all rules by these.
    pub async fn set_faults(&self, rules: Value) -> Result<()> {
        self.set_fault_plan(json!({ "rules": rules })).await
    }

    /// Replaces all rules by those of a plan, which may have a seed.
    pub async fn set_fault_plan(&self, plan: Value) -> Result<()> {
        let (status, answer) = self.faults_api("POST", &[], &plan.to_string()).await?;
        ensure!(status == 200, "{answer}");
        Ok(())
    }

    /// The rules with how often each matched and fired, and the number of kills.
    pub async fn fault_report(&self) -> Result<Value> {
        Ok(self.faults_api("GET", &[], "").await?.1)
    }

    /// The first report that meets the condition.
    pub async fn wait_for_fault_report(&self, condition: impl Fn(&Value) -> bool) -> Result<Value> {
        let wait = async {
            loop {
                let report = self.fault_report().await?;
                if condition(&report) {
                    return Ok(report);
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(MAX_WAIT, wait)
            .await
            .context("the faults did not come about")?
    }

    /// Waits until the first rule has fired.
    pub async fn wait_for_first_fault(&self) -> Result<Value> {
        self.wait_for_fault_report(|report| report["rules"][0]["fired"].as_u64() > Some(0))
            .await
    }
}
