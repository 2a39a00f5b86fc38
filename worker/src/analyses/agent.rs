//! An existing Lambda function as an analysis: it is asked by the kind that the configuration gives it, and its
//! answer is the job's result.
//!
//! What it computes is not known here. Whoever needs more than 15 minutes, steps or progress writes an
//! [`Analysis`], or a [`program`](super::program).

use async_trait::async_trait;
use serde_json::Value;

use crate::analysis::{Analysis, Context, Failure};
use crate::function::Function;

/// Asks this function for each job of its kind.
pub struct Agent {
    kind: String,
    function: Function,
}

impl Agent {
    pub fn new(kind: &str, arn: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            function: Function::new(arn.to_owned()),
        }
    }

    /// Kinds and functions by two lists with commas, in one order.
    ///
    /// # Errors
    /// One list has more than the other.
    pub fn listed(kinds: &str, arns: &str) -> anyhow::Result<Vec<Self>> {
        let (kinds, arns) = (parts(kinds), parts(arns));
        anyhow::ensure!(
            kinds.len() == arns.len(),
            "AGENT_KINDS names {} kinds, and AGENT_ARNS {} functions",
            kinds.len(),
            arns.len()
        );
        let pairs = kinds.into_iter().zip(arns);
        Ok(pairs.map(|(kind, arn)| Self::new(kind, arn)).collect())
    }
}

fn parts(list: &str) -> Vec<&str> {
    let parts = list.split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).collect()
}

#[async_trait]
impl Analysis for Agent {
    fn kind(&self) -> &str {
        &self.kind
    }

    async fn run(&self, context: &Context) -> Result<Value, Failure> {
        context.progress(10, "Asking the agent");
        let answer = self.function.ask(context, &context.asked()).await?;
        if let Some(message) = answer["reject"].as_str() {
            let (code, message) = ("AGENT_REJECTED", message.to_owned());
            return Err(Failure::Reject { code, message });
        }
        if let Some(response) = answer["response"].as_str() {
            context.stream(response).await;
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_functions_go_together() {
        let agents = Agent::listed("costs, risks", "arn:a,arn:b").unwrap();
        let kinds: Vec<&str> = agents.iter().map(Analysis::kind).collect();
        assert_eq!(kinds, ["costs", "risks"]);
        assert!(Agent::listed("", "").unwrap().is_empty());
        assert!(Agent::listed("costs", "arn:a,arn:b").is_err());
    }
}
