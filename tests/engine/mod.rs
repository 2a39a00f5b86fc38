//! How jobs run, what they cost in AWS calls, and the embedded cloud that runs the functions.

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
mod s3_http;
mod stored_data;
mod template_update;
mod traces;
mod unused_grants;
