//! How jobs are run, followed, paid for and permitted, on the embedded cloud that stands in for AWS.

mod agent_runtime;
mod call_budget;
mod chat_bedrock;
mod custom_analyses;
mod embedded_s3;
mod fairness;
mod fanout;
mod iam_roles;
mod job_outcomes;
mod lambda_functions;
mod template_update;
mod traces;
