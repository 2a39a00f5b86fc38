//! The queues: whether what dies there is kept, whether a worker has time, what waits.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use serde_json::Value;

use super::finding::{CHANGED, Findings, MEND};
use crate::target::Site;

/// AWS's advice: a message is hidden for so many times the function's timeout.
const TIMES: u64 = 6;
/// The dead-letter queues.
const JOBS: &str = "jobs-dlq";
const FANOUT: &str = "fanout-dlq";

/// `timeout` is the worker's, in seconds, if anybody could tell.
pub async fn check(site: &Site, timeout: Option<u64>, findings: &mut Findings) {
    for name in ["jobs", "continuations"] {
        if let Some(queue) = attributes(site, name, findings).await {
            redrive(site, name, JOBS, &queue, findings);
            visibility(site, name, &queue, timeout, findings);
        }
    }
    for name in ["publish", "fanout"] {
        if let Some(queue) = attributes(site, name, findings).await {
            redrive(site, name, FANOUT, &queue, findings);
        }
    }
    // What it gives up is in the inbox still.
    attributes(site, "deliveries", findings).await;
    let jobs = (
        "dead letters",
        "look at them: longhaul dlq list",
        "Replaying dead letters",
    );
    let published = (
        "published and not told",
        "see why in the log of publish and fanout, then start its redrive",
        "Notifications not delivered",
    );
    for (name, (check, advice, section)) in [(JOBS, jobs), (FANOUT, published)] {
        if let Some(queue) = attributes(site, name, findings).await {
            let waiting = waiting(&queue);
            let found = format!("{waiting} on {}", site.named(name));
            match waiting {
                0 => findings.ok(check, found),
                _ => findings.warn(check, found, advice, section),
            }
        }
    }
}

type Attributes = HashMap<Attribute, String>;

async fn attributes(site: &Site, name: &str, findings: &mut Findings) -> Option<Attributes> {
    let asked = async {
        let url = site.queue_url(name).await?;
        let get = site.sqs.get_queue_attributes().queue_url(url);
        let answer = get.attribute_names(Attribute::All).send().await;
        let answer = answer.map_err(|error| error.into_service_error())?;
        anyhow::Ok(answer.attributes.unwrap_or_default())
    };
    match asked.await {
        Ok(attributes) => Some(attributes),
        Err(error) => {
            let check = format!("queue {}", site.named(name));
            findings.fail(check, format!("{error:#}"), MEND, CHANGED);
            None
        }
    }
}

fn redrive(site: &Site, name: &str, letters: &str, queue: &Attributes, findings: &mut Findings) {
    let check = format!("redrive of {}", site.named(name));
    let policy = queue.get(&Attribute::RedrivePolicy);
    let policy: Option<Value> = policy.and_then(|policy| serde_json::from_str(policy).ok());
    let target = policy
        .as_ref()
        .and_then(|policy| policy["deadLetterTargetArn"].as_str());
    let letters = site.named(letters);
    match target.and_then(|arn| arn.rsplit(':').next()) {
        Some(target) if target == letters => findings.ok(check, format!("to {letters}")),
        Some(other) => findings.fail(check, format!("to {other}"), MEND, CHANGED),
        None => {
            let found = "none: a message that no worker can read comes back until it expires";
            findings.fail(check, found, MEND, CHANGED);
        }
    }
}

fn visibility(
    site: &Site,
    name: &str,
    queue: &Attributes,
    timeout: Option<u64>,
    findings: &mut Findings,
) {
    let check = format!("visibility of {}", site.named(name));
    let hidden = queue.get(&Attribute::VisibilityTimeout);
    let Some(hidden) = hidden.and_then(|hidden| hidden.parse::<u64>().ok()) else {
        return findings.unseen(check, "SQS did not tell");
    };
    let Some(timeout) = timeout else {
        return findings.unseen(
            check,
            format!("{hidden} s; the worker's timeout is not known"),
        );
    };
    let found = format!("{hidden} s, and the worker's timeout is {timeout} s");
    match hidden {
        hidden if hidden >= TIMES * timeout => findings.ok(check, found),
        hidden if hidden >= timeout => findings.warn(check, found, MEND, CHANGED),
        _ => findings.fail(check, found, MEND, CHANGED),
    }
}

/// Messages that wait there, in flight or not.
fn waiting(queue: &Attributes) -> u64 {
    let counts = [
        Attribute::ApproximateNumberOfMessages,
        Attribute::ApproximateNumberOfMessagesNotVisible,
    ];
    let count = |name| queue.get(name)?.parse::<u64>().ok();
    counts.iter().filter_map(count).sum()
}
