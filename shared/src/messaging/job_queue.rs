//! A job's id on the queue: sent by the one function that submit calls for speed and the sweep for repair, and
//! hidden while someone works on it.
//!
//! The message says "look at this id" and nothing else: losing, doubling or reordering it changes
//! nothing but time.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::aws::clients::AwsClients;
use crate::aws::signed_http::{SQS, SignedClient};
use crate::domain::ids::{JobId, Owner};
use crate::domain::job::Job;
use crate::settings::{Environment, SettingsError};

/// The version that this code writes and reads.
const VERSION: u8 = 1;
/// The message attribute that names the span which submitted the job.
pub const TRACEPARENT: &str = "traceparent";
/// SQS hides a message for twelve hours at most, in seconds.
const LONGEST: u64 = 12 * 3600;

#[derive(Serialize, Deserialize)]
struct Message {
    v: u8,
    job: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Send<'a> {
    queue_url: &'a str,
    message_body: &'a str,
    message_group_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_attributes: Option<Traced>,
}

#[derive(Serialize)]
struct Traced {
    traceparent: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    data_type: &'static str,
    string_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Hide<'a> {
    queue_url: &'a str,
    receipt_handle: &'a str,
    visibility_timeout: u64,
}

#[derive(Clone)]
pub struct JobQueue {
    sqs: SignedClient,
    queue_url: String,
}

impl JobQueue {
    /// The queue whose URL stands under this name: `JOBS_QUEUE_URL`, or `CONTINUATIONS_QUEUE_URL` for
    /// what goes on in the next invocation.
    pub fn open(
        config: &Environment,
        sdk: &AwsClients,
        queue_url: &'static str,
    ) -> Result<Self, SettingsError> {
        let queue_url = config.required(queue_url)?.to_owned();
        let given = sdk.endpoint("SQS");
        let endpoint = given.as_deref().unwrap_or_else(|| origin(&queue_url));
        Ok(Self {
            sqs: sdk.service(&SQS, endpoint),
            queue_url,
        })
    }

    /// Asks for a worker to look at the job, as a part of its trace. The group (tenant, or user without
    /// one) makes the standard queue a fair one.
    pub async fn send(&self, job: &Job) -> Result<()> {
        let body = format!(r#"{{"v":{VERSION},"job":"{}"}}"#, job.id);
        let traced = job.traceparent.as_ref().map(|parent| Traced {
            traceparent: Text {
                data_type: "String",
                string_value: parent.to_string(),
            },
        });
        let send = Send {
            queue_url: &self.queue_url,
            message_body: &body,
            message_group_id: &group(&job.owner),
            message_attributes: traced,
        };
        let sent = self.sqs.json("SendMessage", &send).await;
        sent.context("sending a job to the queue")?;
        Ok(())
    }

    /// Sets the visibility timeout of a message of this queue.
    pub async fn change_visibility(&self, receipt_handle: &str, wait: Duration) -> Result<()> {
        let hide = Hide {
            queue_url: &self.queue_url,
            receipt_handle,
            visibility_timeout: visibility(wait),
        };
        let hidden = self.sqs.json("ChangeMessageVisibility", &hide);
        hidden.await.context("hiding a message")?;
        Ok(())
    }

    /// Whether the queue is that of an ARN: both names end the same way.
    pub fn has_arn(&self, arn: &str) -> bool {
        self.queue_url.rsplit('/').next() == arn.rsplit(':').next()
    }
}

/// In whole seconds, as SQS counts, rounded up: a message that comes back early is received for nothing.
fn visibility(wait: Duration) -> u64 {
    let seconds = wait.as_millis().div_ceil(1000);
    u64::try_from(seconds).map_or(LONGEST, |seconds| seconds.clamp(1, LONGEST))
}

/// SQS is where its queue is, unless it is said to be elsewhere.
fn origin(queue_url: &str) -> &str {
    let host = queue_url.find("://").map_or(0, |scheme| scheme + 3);
    let path = queue_url[host..].find('/');
    path.map_or(queue_url, |path| &queue_url[..host + path])
}

/// The job that a message's body asks for; `None` if this version can't read it.
pub fn parse_message(body: &str) -> Option<JobId> {
    let message: Message = serde_json::from_str(body).ok()?;
    (message.v == VERSION).then(|| JobId::parse(&message.job))?
}

/// SQS takes up to 128 letters, digits and punctuation as a group's id, so a name that is no such
/// text is spelled in hexadecimal and cut: sharing a group costs fairness only.
fn group(owner: &Owner) -> String {
    let name = owner.tenant.as_deref().unwrap_or(&owner.user);
    if name.len() <= 128 && name.bytes().all(|b| b.is_ascii_graphic()) {
        return name.to_owned();
    }
    name.bytes().take(64).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_read_or_refused() {
        let id = "0190c6f3-0000-7000-8000-000000000001";
        assert_eq!(
            parse_message(&format!(r#"{{"v":1,"job":"{id}"}}"#)),
            JobId::parse(id)
        );
        for body in [
            "",
            "{}",
            "[]",
            r#"{"v":2,"job":"0190c6f3-0000-7000-8000-000000000001"}"#,
            r#"{"v":1,"job":"x"}"#,
        ] {
            assert_eq!(parse_message(body), None, "{body}");
        }
    }

    #[test]
    fn a_group_is_what_sqs_takes() {
        let group = |user: &str| {
            group(&Owner {
                user: user.into(),
                tenant: None,
            })
        };
        assert_eq!(group("alice@example.com"), "alice@example.com");
        assert_eq!(group("ñ"), "c3b1");
        assert_eq!(group(&"x".repeat(129)).len(), 128);
    }

    proptest! {
        #![proptest_config(crate::many_cases())]

        #[test]
        fn no_body_panics(text in "\\PC{0,100}", version in any::<i64>(), id in "[0-9a-f-]{36}|\\PC{0,40}") {
            let _ = parse_message(&text);
            let body = serde_json::json!({"v": version, "job": id}).to_string();
            prop_assert!(parse_message(&body).is_none_or(|job| version == 1 && job.to_string() == id));
        }
    }
}
