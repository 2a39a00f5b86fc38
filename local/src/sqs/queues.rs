//! Executes administrative requests: create, configure, list, tag, purge and delete queues, and move tasks.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::error::SqsError;
use super::requests::{self, AdminRequest};
use super::settings::{DERIVED, Settings, arn, is_readable, normalise, with_defaults};
use super::store::{Queue, Store};
use crate::stack_spec::{self, ACCOUNT};

/// Minimum interval between purges of a queue, in milliseconds (SQS API reference, `PurgeQueue`).
const PURGE_INTERVAL_MS: i64 = 60_000;
/// Maximum number of queues of one response.
const MAX_LISTED: usize = 1000;
/// Maximum number of tags of a queue.
const MAX_TAGS: usize = 50;

impl Store {
    /// Executes one request and returns the response body. An error leaves no changes.
    pub(super) fn administer(
        &mut self,
        request: &AdminRequest,
        now: i64,
    ) -> Result<Value, SqsError> {
        self.atomically(|store| match request {
            AdminRequest::CreateQueue(request) => store.create_queue(request, now),
            AdminRequest::DeleteQueue(request) => {
                store.detach_queue(request.name()?)?;
                Ok(json!({}))
            }
            AdminRequest::ListQueues(request) => {
                let prefix = request.queue_name_prefix.as_deref().unwrap_or_default();
                let names = store.queues.keys().filter(|name| name.starts_with(prefix));
                store.list_queues("QueueUrls", names.cloned().collect(), &request.page)
            }
            AdminRequest::GetQueueUrl(request) => {
                let owner = request.queue_owner_aws_account_id.as_deref();
                if owner.is_some_and(|owner| owner != ACCOUNT) {
                    return Err(SqsError::queue_does_not_exist());
                }
                store.queue(&request.queue_name)?;
                Ok(json!({"QueueUrl": store.url(&request.queue_name)}))
            }
            AdminRequest::GetQueueAttributes(request) => store.get_attributes(request, now),
            AdminRequest::SetQueueAttributes(request) => {
                let name = request.queue.name()?;
                store.change_attributes(name, &request.attributes, now)?;
                store.check_redrive(name)?;
                Ok(json!({}))
            }
            AdminRequest::PurgeQueue(request) => store.purge(request.name()?, now),
            AdminRequest::TagQueue(request) => {
                let added = request.tags.clone();
                store.change_tags(request.queue.name()?, |tags| tags.extend(added))
            }
            AdminRequest::UntagQueue(request) => store.change_tags(request.queue.name()?, |tags| {
                tags.retain(|key, _| !request.tag_keys.contains(key));
            }),
            AdminRequest::ListQueueTags(request) => {
                let tags = &store.queue(request.name()?)?.tags;
                Ok(if tags.is_empty() {
                    json!({})
                } else {
                    json!({"Tags": tags})
                })
            }
            AdminRequest::ListDeadLetterSourceQueues(request) => {
                let name = request.queue.name()?;
                store.queue(name)?;
                store.list_queues("queueUrls", store.sources_of(name), &request.page)
            }
            AdminRequest::StartMessageMoveTask(request) => {
                let handle = store.start_move_task(
                    &request.source_arn,
                    request.destination_arn.as_deref(),
                    request.max_number_of_messages_per_second,
                    now,
                )?;
                Ok(json!({"TaskHandle": handle}))
            }
            AdminRequest::ListMessageMoveTasks(request) => {
                let limit = request.max_results.unwrap_or(1);
                requests::check_range("MaxResults", limit, 1, 10)?;
                let tasks = store.list_move_tasks(&request.source_arn, limit)?;
                Ok(json!({"Results": tasks.iter().map(requests::render_move_task).collect::<Vec<_>>()}))
            }
            AdminRequest::CancelMessageMoveTask(request) => {
                let moved = store.cancel_move_task(&request.task_handle)?;
                Ok(json!({"ApproximateNumberOfMessagesMoved": moved}))
            }
            AdminRequest::Provision(queues) => store.provision(queues, now),
            AdminRequest::ReturnReceived(queues) => {
                for queue in queues {
                    store.return_received(queue, now)?;
                }
                Ok(Value::Null)
            }
        })
    }

    /// Creates the queue, or returns an existing one with the same attributes.
    fn create_queue(
        &mut self,
        request: &requests::CreateQueue,
        now: i64,
    ) -> Result<Value, SqsError> {
        let name = &request.queue_name;
        check_name(name)?;
        let attributes = normalise(&request.attributes)?;
        if let Some(existing) = self.queues.get(name) {
            let have = with_defaults(&existing.attributes);
            let differing = attributes.iter().find(|(name, value)| {
                have.get(*name).map(String::as_str).unwrap_or_default() != value.as_str()
            });
            if let Some((attribute, _)) = differing {
                return Err(SqsError::queue_name_exists(attribute));
            }
        } else {
            self.put_queue(name, new_queue(now)?)?;
            self.change_attributes(name, &attributes, now)?;
            self.check_redrive(name)?;
            let new_tags = request.tags.clone();
            self.change_tags(name, |tags| tags.extend(new_tags))?;
        }
        Ok(json!({"QueueUrl": self.url(name)}))
    }

    /// Creates the template's queues or replaces their attributes; messages are kept. Redrive policies are
    /// checked at the end, so the order does not matter. Returns the names of undeclared queues.
    fn provision(&mut self, queues: &[stack_spec::Queue], now: i64) -> Result<Value, SqsError> {
        for queue in queues {
            check_name(&queue.name)?;
            let mut bare = match self.queues.get(&queue.name) {
                Some(existing) => existing.clone(),
                None => new_queue(now)?,
            };
            bare.attributes.clear();
            self.put_queue(&queue.name, bare)?;
            self.change_attributes(&queue.name, &queue.attributes, now)?;
        }
        for queue in queues {
            self.check_redrive(&queue.name)?;
        }
        let is_named = |name: &&String| queues.iter().any(|queue| queue.name == **name);
        let undeclared: Vec<&String> = self.queues.keys().filter(|name| !is_named(name)).collect();
        Ok(json!(undeclared))
    }

    fn change_attributes(
        &mut self,
        name: &str,
        changes: &BTreeMap<String, String>,
        now: i64,
    ) -> Result<(), SqsError> {
        let mut queue = self.queue(name)?.clone();
        queue.attributes.extend(normalise(changes)?);
        queue.attributes.retain(|_, value| !value.is_empty());
        queue.settings = Settings::read(&queue.attributes)?;
        queue.modified_at = now;
        self.put_queue(name, queue)
    }

    /// Checks that the dead-letter queue exists and allows this source.
    fn check_redrive(&self, name: &str) -> Result<(), SqsError> {
        let Some(redrive) = &self.queue(name)?.settings.redrive else {
            return Ok(());
        };
        let invalid = |reason: &str| {
            let reason = format!("{reason} (queue {name}, target {})", redrive.target);
            Err(SqsError::invalid_redrive_policy(&reason))
        };
        match self.queues.get(&redrive.target) {
            _ if redrive.target == name => invalid("Dead letter target is the queue itself."),
            None => invalid("Dead letter target does not exist."),
            Some(target) if !target.settings.allows_source(&arn(name)) => {
                invalid("The target's RedriveAllowPolicy does not allow this source.")
            }
            Some(_) => Ok(()),
        }
    }

    fn get_attributes(
        &mut self,
        request: &requests::GetQueueAttributes,
        now: i64,
    ) -> Result<Value, SqsError> {
        let name = request.queue.name()?;
        let requested = &request.attribute_names;
        if let Some(unknown) = requested
            .iter()
            .find(|name| *name != "All" && !is_readable(name))
        {
            return Err(SqsError::invalid_attribute_name(unknown));
        }
        let queue = self.queue(name)?.clone();
        self.delete_expired(queue.id, queue.settings.retention, now)?;
        self.make_due_visible(name, now)?;
        let counts = self.counts(queue.id)?;
        let mut attributes = with_defaults(&queue.attributes);
        let derived = [
            counts.ready.to_string(),
            counts.in_flight.to_string(),
            counts.delayed.to_string(),
            (queue.created_at / 1000).to_string(),
            (queue.modified_at / 1000).to_string(),
            arn(name),
        ];
        attributes.extend(DERIVED.map(str::to_owned).into_iter().zip(derived));
        if !requested.iter().any(|name| name == "All") {
            attributes.retain(|name, _| requested.contains(name));
        }
        Ok(if attributes.is_empty() {
            json!({})
        } else {
            json!({"Attributes": attributes})
        })
    }

    /// Moves the name to a new queue with the same configuration, which takes constant time; the old
    /// queue's messages are deleted later.
    fn purge(&mut self, name: &str, now: i64) -> Result<Value, SqsError> {
        let last = self.queue(name)?.purged_at;
        if last.is_some_and(|last| now < last + PURGE_INTERVAL_MS) {
            return Err(SqsError::purge_in_progress(name));
        }
        let mut queue = self.detach_queue(name)?;
        queue.id = 0;
        queue.purged_at = Some(now);
        self.put_queue(name, queue)?;
        Ok(json!({}))
    }

    fn change_tags(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<Value, SqsError> {
        let mut queue = self.queue(name)?.clone();
        change(&mut queue.tags);
        if queue.tags.len() > MAX_TAGS {
            return Err(SqsError::invalid_parameter(format!(
                "Value for parameter Tags is invalid. Reason: Too many tags: a queue can have at most {MAX_TAGS}."
            )));
        }
        self.put_queue(name, queue)?;
        Ok(json!({}))
    }

    /// One page of queue URLs, ordered by name. The token is the last name of the previous page.
    fn list_queues(
        &self,
        field: &str,
        names: Vec<String>,
        page: &requests::Page,
    ) -> Result<Value, SqsError> {
        let limit = page.max_results.unwrap_or(MAX_LISTED as i64);
        requests::check_range("MaxResults", limit, 1, MAX_LISTED as i64)?;
        let limit = usize::try_from(limit).unwrap_or(MAX_LISTED);
        let after = match &page.next_token {
            None => String::new(),
            Some(token) => URL_SAFE_NO_PAD
                .decode(token)
                .ok()
                .and_then(|name| String::from_utf8(name).ok())
                .ok_or_else(|| {
                    SqsError::invalid_parameter("Invalid or expired value for parameter NextToken.")
                })?,
        };
        let mut rest = names
            .into_iter()
            .filter(|name| *name > after)
            .collect::<Vec<_>>();
        let more = rest.len() > limit;
        rest.truncate(limit);
        let urls: Vec<_> = rest.iter().map(|name| self.url(name)).collect();
        let mut response = json!({});
        if !urls.is_empty() || field == "queueUrls" {
            response[field] = json!(urls);
        }
        // AWS returns a token only if the request has MaxResults.
        if let Some(last) = rest.last().filter(|_| more && page.max_results.is_some()) {
            response["NextToken"] = json!(URL_SAFE_NO_PAD.encode(last));
        }
        Ok(response)
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.base_url)
    }
}

/// A queue without a row, with default attributes.
fn new_queue(now: i64) -> Result<Queue, SqsError> {
    Ok(Queue {
        id: 0,
        attributes: BTreeMap::new(),
        settings: Settings::read(&BTreeMap::new())?,
        tags: BTreeMap::new(),
        created_at: now,
        modified_at: now,
        purged_at: None,
    })
}

fn check_name(name: &str) -> Result<(), SqsError> {
    if name.ends_with(".fifo") {
        return Err(SqsError::unsupported_operation(
            "FIFO queues are not supported, only standard queues: QueueName must not end in .fifo.",
        ));
    }
    let is_valid = (1..=80).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_valid {
        Ok(())
    } else {
        Err(SqsError::invalid_parameter(
            "Value for parameter QueueName is invalid. Reason: Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
        ))
    }
}
