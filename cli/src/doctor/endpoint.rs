//! Whether AWS, or the embedded cloud, answers this machine at all, and what time it has.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use longhaul_shared::clock;
use longhaul_shared::domain::ids::ConnectionId;

use super::finding::Findings;
use crate::target::Site;

/// Tokens are judged with so many seconds of tolerance.
const SKEWED: i64 = 30;
/// AWS refuses signatures that are older, in seconds.
const REFUSED: i64 = 300;
/// A connection id that no gateway has given.
const NOBODY: &str = "AAAAAAAAAAAAAAA=";

/// The `Date` of the latest answer.
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

/// Whether anything more can be asked.
pub async fn answers(site: &Site, findings: &mut Findings) -> bool {
    let clock = Clock::default();
    let ask = site.dynamo.list_tables().limit(1).customize();
    let answer = ask.interceptor(clock.clone()).send().await;
    let theirs = *clock.0.lock().unwrap_or_else(PoisonError::into_inner);
    let answered = match answer {
        Ok(_) => {
            findings.ok("endpoint", "DynamoDB answers with these credentials");
            true
        }
        Err(error) if error.as_service_error().is_some() => {
            // Whoever may not list tables may still look at these.
            let error = error.into_service_error();
            let advice = "check the profile (aws sts get-caller-identity) and what it may do";
            findings.warn("endpoint", format!("it answers: {error}"), advice, "");
            true
        }
        Err(error) => {
            let error = aws_sdk_dynamodb::error::DisplayErrorContext(&error);
            let advice = "check credentials, region and network: aws sts get-caller-identity";
            findings.fail("endpoint", format!("no answer: {error}"), advice, "");
            false
        }
    };
    match theirs {
        Some(theirs) => {
            let apart = (clock::now().as_second() - theirs.as_second()).abs();
            let found = format!("{apart} s apart from theirs");
            let advice = "set this machine's clock: leases and signatures are judged by it";
            match apart {
                apart if apart <= SKEWED => findings.ok("clock", found),
                apart if apart <= REFUSED => findings.warn("clock", found, advice, ""),
                _ => findings.fail("clock", found, advice, ""),
            }
        }
        None => findings.unseen("clock", "the answer has no date"),
    }
    answered
}

/// Whether the gateway answers where pushes go.
pub async fn connections(site: &Site, findings: &mut Findings) -> Result<()> {
    let check = "@connections";
    let Some(push) = site.push()? else {
        findings.unseen(
            check,
            "say --websocket with the stack's output WebSocketUrl",
        );
        return Ok(());
    };
    match push.last_active(&ConnectionId(NOBODY.to_owned())).await {
        Ok(_) => findings.ok(check, "the gateway answers"),
        Err(error) => {
            let advice = "check the URL of --websocket, and execute-api:ManageConnections";
            findings.fail(check, format!("{error:#}"), advice, "A socket that closes");
        }
    }
    Ok(())
}
