//! Checks that AWS, or the embedded cloud, answers, and that its clock agrees with this machine's.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use longhaul_shared::clock;
use longhaul_shared::domain::ids::ConnectionId;

use super::failed_call;
use super::finding::Findings;
use crate::target::AwsContext;

/// Tokens are verified with this leeway, in seconds.
const MAX_SKEW_SECONDS: i64 = 30;
/// AWS rejects signatures that are older, in seconds.
const MAX_SIGNATURE_AGE_SECONDS: i64 = 300;
/// A connection id that no gateway gives out.
const UNKNOWN_CONNECTION: &str = "AAAAAAAAAAAAAAA=";

/// The `Date` header of the latest response.
#[derive(Debug, Default, Clone)]
struct Clock(Arc<Mutex<Option<Timestamp>>>);

impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "Clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

/// Whether the endpoint answers, so that the other checks can run.
pub async fn answers(aws: &AwsContext, findings: &mut Findings) -> bool {
    let clock = Clock::default();
    let ask = aws.dynamo.list_tables().limit(1).customize();
    let answer = ask.interceptor(clock.clone()).send().await;
    let server_time = *clock.0.lock().unwrap_or_else(PoisonError::into_inner);
    let answered = match answer {
        Ok(_) => {
            findings.ok("endpoint", "DynamoDB answers with these credentials");
            true
        }
        Err(error) if error.code().is_some() => {
            // A role that may not list tables may still read these.
            let error = error.into_service_error();
            let advice = "check the profile (aws sts get-caller-identity) and its permissions";
            findings.warn("endpoint", format!("it answers: {error}"), advice, "");
            true
        }
        Err(error) if failed_call::answered(&error) => {
            let (found, advice) = failed_call::explain(&error, "dynamodb:ListTables");
            findings.fail("endpoint", found, &advice, "");
            false
        }
        Err(error) => {
            let error = failed_call::causes(&error);
            let advice = "check credentials, region and network: aws sts get-caller-identity";
            findings.fail("endpoint", format!("no answer: {error}"), advice, "");
            false
        }
    };
    match server_time {
        Some(server_time) => {
            let skew = (clock::now().as_second() - server_time.as_second()).abs();
            let found = format!("it differs by {skew} s");
            let advice = "set this machine's clock; leases and signatures depend on it";
            match skew {
                skew if skew <= MAX_SKEW_SECONDS => findings.ok("clock", found),
                skew if skew <= MAX_SIGNATURE_AGE_SECONDS => {
                    findings.warn("clock", found, advice, "")
                }
                _ => findings.fail("clock", found, advice, ""),
            }
        }
        None => findings.skipped("clock", "the response has no date"),
    }
    answered
}

/// Checks that the gateway answers at the endpoint of pushes.
pub async fn connections(aws: &AwsContext, findings: &mut Findings) -> Result<()> {
    let check = "@connections";
    let Some(pusher) = aws.pusher() else {
        findings.skipped(
            check,
            "needs --websocket with the stack's output WebSocketUrl",
        );
        return Ok(());
    };
    match pusher
        .last_active(&ConnectionId(UNKNOWN_CONNECTION.to_owned()))
        .await
    {
        Ok(_) => findings.ok(check, "the gateway answers"),
        Err(error) => {
            let advice = "check the URL of --websocket, and execute-api:ManageConnections";
            findings.fail(check, format!("{error:#}"), advice, "A socket that closes");
        }
    }
    Ok(())
}
