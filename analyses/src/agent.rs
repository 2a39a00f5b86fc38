//! Existing Lambda functions as an analysis: they are asked by the kind that the configuration gives them, and
//! what they answer is the job's result. Several of one kind are asked side by side.
//!
//! What they compute is not known here. Whoever needs more than 15 minutes or steps writes an [`Analysis`], or a
//! `longhaul-program`.

use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::lambda_agent::{AgentOutput, Function};
use longhaul_worker::analysis::{Analysis, Context, Failure};

/// Asks these functions for each job of their kind.
pub struct Agent {
    kind: String,
    functions: Vec<Function>,
}

impl Agent {
    /// Kinds and functions by two lists with commas, in one order; a kind that comes again has one more
    /// function.
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
        let mut agents: Vec<Self> = vec![];
        for (kind, arn) in kinds.into_iter().zip(arns) {
            let function = Function::new(arn.to_owned());
            match agents.iter_mut().find(|agent| agent.kind == kind) {
                Some(agent) => agent.functions.push(function),
                None => agents.push(Self {
                    kind: kind.to_owned(),
                    functions: vec![function],
                }),
            }
        }
        Ok(agents)
    }

    /// The answers of all, asked side by side.
    async fn all(&self, context: &Context) -> Result<Value, Failure> {
        let told = Mutex::new(vec![0; self.functions.len()]);
        let mut answers = vec![];
        for place in 0..self.functions.len() {
            answers.push(self.one(context, place, &told));
        }
        let names = self.functions.iter().map(Function::name);
        let result = merged(names.zip(join_all(answers).await))?;
        let response = result["response"].as_str().unwrap_or_default();
        context.stream(response).await;
        Ok(result)
    }

    /// The answer of one of them, as a kept step. How far it is counts with the others in `told`; what it streams
    /// is not told, as they would speak at once.
    async fn one(
        &self,
        context: &Context,
        place: usize,
        told: &Mutex<Vec<u32>>,
    ) -> Result<Value, Failure> {
        let function = &self.functions[place];
        let hears = |heard| {
            let AgentOutput::Progress { percent, message } = heard else {
                return None;
            };
            let mut told = told.lock().unwrap_or_else(|it| it.into_inner());
            told[place] = percent.min(100).into();
            let mean = told.iter().sum::<u32>() / told.len() as u32;
            let percent = u8::try_from(mean).unwrap_or(100);
            context.progress(percent, format!("{}: {message}", function.name()));
            None
        };
        let asked = context.to_json();
        let work = async { answered(function.ask(context, &asked, hears).await?) };
        let key = (place, function.arn());
        context.step("agent", &key, Box::pin(work)).await
    }
}

/// An answer, unless it is a refusal.
fn answered(answer: Value) -> Result<Value, Failure> {
    match answer["reject"].as_str() {
        Some(message) => Err(Failure::reject("AGENT_REJECTED", message)),
        None => Ok(answer),
    }
}

/// One result of the answers of several, in their order: what failed is named, unless all did.
fn merged<'n>(
    answers: impl Iterator<Item = (&'n str, Result<Value, Failure>)>,
) -> Result<Value, Failure> {
    let (mut agents, mut sections, mut failures) = (vec![], vec![], vec![]);
    for (name, answer) in answers {
        match answer {
            Ok(answer) => {
                if let Some(response) = answer["response"].as_str() {
                    sections.push(format!("**{name}**\n\n{response}"));
                }
                // What is no object has no fields beside its name.
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
        let [function] = &self.functions[..] else {
            return Box::pin(self.all(context)).await;
        };
        let streamed = Mutex::new(String::new());
        let hears = |heard| match heard {
            AgentOutput::Progress { percent, message } => {
                context.progress(percent, message);
                None
            }
            AgentOutput::Chunk(piece) => {
                let mut streamed = streamed.lock().unwrap_or_else(|it| it.into_inner());
                streamed.push_str(&piece);
                Some(piece)
            }
        };
        context.progress(5, "Asking the agent");
        let answer = Box::pin(function.ask(context, &context.to_json(), hears)).await?;
        let mut answer = answered(answer)?;
        let streamed = streamed.into_inner().unwrap_or_else(|it| it.into_inner());
        match answer["response"].as_str() {
            Some(response) if streamed.is_empty() => context.stream(response).await,
            // What was said piece by piece need not be said again.
            None if answer.is_object() && !streamed.is_empty() => {
                answer["response"] = streamed.into();
            }
            _ => {}
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

    #[test]
    fn a_kind_that_comes_again_has_several() {
        let agents = Agent::listed("a,b,a", "arn:1,arn:2,arn:3").unwrap();
        let kinds: Vec<_> = agents
            .iter()
            .map(|it| (it.kind(), it.functions.len()))
            .collect();
        assert_eq!(kinds, [("a", 2), ("b", 1)]);
    }

    #[test]
    fn what_failed_is_named_unless_all_did() {
        let code = "X";
        let message = "No.".to_owned();
        let reject = Failure::Reject {
            code,
            message: message.clone(),
        };
        let retry = Failure::Retry { code, message };
        let answer = Ok(json!({"response": "12", "more": 1}));
        let both = [("a", Err(retry.clone())), ("b", answer)];
        let result = merged(both.into_iter()).unwrap();
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
        assert_eq!(merged(all.into_iter()), Err(retry));
        let all = [("a", Err(reject.clone())), ("b", Err(reject.clone()))];
        assert_eq!(merged(all.into_iter()), Err(reject));
    }
}
