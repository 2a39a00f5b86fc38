//! Existing Lambda functions as an analysis: a job of the kind that the settings name invokes them, and their answers
//! are the job's result. Several functions of one kind are invoked side by side.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::join_all;
use longhaul_worker::analysis::{Analysis, Context, Failure, JobErrorCode, ReportedProgress};
use serde_json::{Value, json};

use crate::lambda_agent::{AgentOutput, LambdaAgent};

/// The agents of one kind.
pub struct Agents {
    kind: String,
    agents: Vec<LambdaAgent>,
}

impl Agents {
    /// From two comma-separated lists in the same order, of kinds and of ARNs. A kind that occurs several times has
    /// several agents.
    ///
    /// # Errors
    /// The lists differ in length.
    pub fn from_lists(kinds: &str, arns: &str) -> anyhow::Result<Vec<Self>> {
        let (kinds, arns) = (items(kinds), items(arns));
        anyhow::ensure!(
            kinds.len() == arns.len(),
            "AGENT_KINDS names {} kinds and AGENT_ARNS {} functions: give one ARN for each kind",
            kinds.len(),
            arns.len()
        );
        let mut all: Vec<Self> = vec![];
        for (kind, arn) in kinds.into_iter().zip(arns) {
            let agent = LambdaAgent::new(arn.to_owned());
            match all.iter_mut().find(|agents| agents.kind == kind) {
                Some(agents) => agents.agents.push(agent),
                None => all.push(Self {
                    kind: kind.to_owned(),
                    agents: vec![agent],
                }),
            }
        }
        Ok(all)
    }

    /// The only agent's answer. Its output is the job's.
    async fn ask_one(agent: &LambdaAgent, context: &Context) -> Result<Value, Failure> {
        let streamed = Mutex::new(String::new());
        let on_output = |output| match output {
            AgentOutput::Progress(progress) => {
                context.progress(progress.percent, progress.message);
                None
            }
            AgentOutput::Chunk(piece) => {
                let mut streamed = streamed.lock().unwrap_or_else(PoisonError::into_inner);
                streamed.push_str(&piece);
                Some(piece)
            }
        };
        context.progress(5, "Asking the agent");
        let answer = Box::pin(agent.invoke(context, &context.to_json(), on_output)).await?;
        let mut answer = unless_rejected(answer)?;
        let streamed = streamed
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        match answer["response"].as_str() {
            Some(response) if streamed.is_empty() => context.stream(response).await,
            // A streamed answer need not repeat its text.
            None if answer.is_object() && !streamed.is_empty() => {
                answer["response"] = streamed.into();
            }
            _ => {}
        }
        Ok(answer)
    }

    /// The answers of all agents, invoked side by side.
    async fn ask_all(&self, context: &Context) -> Result<Value, Failure> {
        let percents = Mutex::new(vec![0; self.agents.len()]);
        let answers = (0..self.agents.len()).map(|index| self.ask(context, index, &percents));
        let answers = join_all(answers.collect::<Vec<_>>()).await;
        let names = self.agents.iter().map(LambdaAgent::name);
        let result = merge(names.zip(answers))?;
        let response = result["response"].as_str().unwrap_or_default();
        context.stream(response).await;
        Ok(result)
    }

    /// One agent's answer, as a step. Its progress counts in the mean of `percents`; its chunks are dropped, since
    /// the texts of several agents would be mixed.
    async fn ask(
        &self,
        context: &Context,
        index: usize,
        percents: &Mutex<Vec<u32>>,
    ) -> Result<Value, Failure> {
        let agent = &self.agents[index];
        let on_output = |output| {
            let AgentOutput::Progress(ReportedProgress { percent, message }) = output else {
                return None;
            };
            let mut percents = percents.lock().unwrap_or_else(PoisonError::into_inner);
            percents[index] = percent.into();
            let mean = percents.iter().sum::<u32>() / percents.len() as u32;
            let mean = u8::try_from(mean).unwrap_or(100);
            context.progress(mean, format!("{}: {message}", agent.name()));
            None
        };
        let input = context.to_json();
        let work = async { unless_rejected(agent.invoke(context, &input, on_output).await?) };
        let key = (index, agent.arn());
        context.step("agent", &key, Box::pin(work)).await
    }
}

/// The answer, unless the agent rejected the question.
fn unless_rejected(answer: Value) -> Result<Value, Failure> {
    match answer["reject"].as_str() {
        Some(message) => Err(Failure::reject(JobErrorCode::AgentRejected, message)),
        None => Ok(answer),
    }
}

/// One result from the answers of several agents, in their order. It names the agents that failed; if all did, the
/// job fails.
fn merge<'n>(
    answers: impl Iterator<Item = (&'n str, Result<Value, Failure>)>,
) -> Result<Value, Failure> {
    let (mut agents, mut sections, mut failures) = (vec![], vec![], vec![]);
    for (name, answer) in answers {
        match answer {
            Ok(answer) => {
                if let Some(response) = answer["response"].as_str() {
                    sections.push(format!("**{name}**\n\n{response}"));
                }
                // An answer that is not an object becomes one, for the agent's name.
                let mut agent = match answer {
                    Value::Object(fields) => Value::Object(fields),
                    other => json!({"response": other}),
                };
                agent["agent"] = name.into();
                agents.push(agent);
            }
            Err(failure) => {
                let message = failure.message();
                sections.push(format!("**{name}** did not answer: {message}"));
                agents.push(json!({"agent": name, "code": failure.code(), "error": message}));
                failures.push(failure);
            }
        }
    }
    let failed = failures.len();
    match Failure::of_all(failures) {
        Some(failure) if failed == agents.len() => Err(failure),
        _ => Ok(json!({"agents": agents, "failed": failed, "response": sections.join("\n\n")})),
    }
}

/// The items of a comma-separated list.
fn items(list: &str) -> Vec<&str> {
    let items = list.split(',').map(str::trim);
    items.filter(|item| !item.is_empty()).collect()
}

#[async_trait]
impl Analysis for Agents {
    fn kind(&self) -> &str {
        &self.kind
    }

    async fn run(&self, context: &Context) -> Result<Value, Failure> {
        match &self.agents[..] {
            [agent] => Self::ask_one(agent, context).await,
            _ => Box::pin(self.ask_all(context)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_the_arn_at_its_position() {
        let all = Agents::from_lists("costs, risks", "arn:a,arn:b").unwrap();
        let kinds: Vec<&str> = all.iter().map(Analysis::kind).collect();
        assert_eq!(kinds, ["costs", "risks"]);
        assert!(Agents::from_lists("", "").unwrap().is_empty());
        assert!(Agents::from_lists("costs", "arn:a,arn:b").is_err());
    }

    #[test]
    fn a_repeated_kind_has_several_agents() {
        let all = Agents::from_lists("a,b,a", "arn:1,arn:2,arn:3").unwrap();
        let kinds: Vec<_> = all
            .iter()
            .map(|agents| (agents.kind(), agents.agents.len()))
            .collect();
        assert_eq!(kinds, [("a", 2), ("b", 1)]);
    }

    #[test]
    fn a_failed_agent_is_named_unless_all_failed() {
        let reject = Failure::reject("X", "No.");
        let retry = Failure::retry("X", "No.");
        let answer = Ok(json!({"response": "12", "more": 1}));
        let both = [("a", Err(retry.clone())), ("b", answer)];
        let result = merge(both.into_iter()).unwrap();
        let expected = json!([
            {"agent": "a", "code": "X", "error": "No."},
            {"agent": "b", "response": "12", "more": 1},
        ]);
        assert_eq!(
            (&result["agents"], &result["failed"]),
            (&expected, &json!(1))
        );
        assert_eq!(
            result["response"],
            "**a** did not answer: No.\n\n**b**\n\n12"
        );
        let all = [("a", Err(reject.clone())), ("b", Err(retry.clone()))];
        assert_eq!(merge(all.into_iter()), Err(retry));
        let all = [("a", Err(reject.clone())), ("b", Err(reject.clone()))];
        assert_eq!(merge(all.into_iter()), Err(reject));
    }
}
