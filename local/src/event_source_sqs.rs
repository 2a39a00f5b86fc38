//! The SQS client of the event source mappings: in process, but with the JSON protocol, faults and wire
//! log of every other client.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, anyhow};
use futures_util::FutureExt;
use serde_json::{Value, json};

use crate::aws_call::{AwsCall, EVENT_SOURCE, Service};
use crate::event_source::SqsCall;
use crate::faults::FaultInjector;
use crate::sqs::Sqs;
use crate::wire_log::{WireLog, WireLogEntry};

/// The client of one event source mapping.
struct EventSourceSqs {
    sqs: Sqs,
    log: WireLog,
    faults: FaultInjector,
    /// Messages to deliver a second time, with their first receipt handles.
    duplicates: Mutex<Vec<Value>>,
}

/// A client for one mapping. Each mapping needs its own, since duplicates belong to its queue.
pub fn client(sqs: &Sqs, log: &WireLog, faults: &FaultInjector) -> SqsCall {
    let client = Arc::new(EventSourceSqs {
        sqs: sqs.clone(),
        log: log.clone(),
        faults: faults.clone(),
        duplicates: Mutex::default(),
    });
    Arc::new(move |operation, request| {
        let client = client.clone();
        async move { client.call(operation, &request).await }.boxed()
    })
}

impl EventSourceSqs {
    async fn call(&self, operation: &'static str, request: &Value) -> Result<Value> {
        let call = AwsCall {
            service: Service::Sqs,
            operation,
            caller: EVENT_SOURCE,
            environment: None,
        };
        let is_receive = operation == "ReceiveMessage";
        if is_receive && let Some(next_duplicates) = self.next_duplicates(request) {
            return Ok(next_duplicates);
        }
        let body = request.to_string();
        let outcome = self
            .faults
            .run(&call, || self.perform(operation, body.as_bytes()));
        let response = outcome.await.unwrap_or_else(|error| {
            self.record(operation, error.status, body.len(), 0);
            Err(anyhow!("{} (injected fault)", error.code))
        })?;
        if is_receive
            && let Some(messages) = response["Messages"].as_array()
            && !messages.is_empty()
            && self.faults.delivers_twice(&call)
        {
            self.duplicates().extend(messages.iter().cloned());
        }
        Ok(response)
    }

    async fn perform(&self, operation: &str, body: &[u8]) -> Result<Value> {
        match self.sqs.call(operation, body).await {
            Ok(response) => {
                self.record(operation, 200, body.len(), response.len());
                Ok(serde_json::from_slice(&response)?)
            }
            Err(error) => {
                self.record(operation, error.status, body.len(), error.body().len());
                Err(error.into())
            }
        }
    }

    /// A response that contains only duplicates, as SQS delivers a duplicate in a receive of its own.
    fn next_duplicates(&self, request: &Value) -> Option<Value> {
        let mut duplicates = self.duplicates();
        let limit = request["MaxNumberOfMessages"].as_u64().unwrap_or(1) as usize;
        let messages: Vec<Value> = {
            let count = limit.min(duplicates.len());
            duplicates.drain(..count).collect()
        };
        (!messages.is_empty()).then(|| json!({ "Messages": messages }))
    }

    fn duplicates(&self) -> std::sync::MutexGuard<'_, Vec<Value>> {
        // The list is consistent after any panic: it is changed by whole messages.
        self.duplicates
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, operation: &str, status: u16, request_bytes: usize, response_bytes: usize) {
        self.log.record(&WireLogEntry {
            caller: EVENT_SOURCE,
            operation,
            status,
            request_bytes,
            response_bytes,
            ..WireLogEntry::new("sqs")
        });
    }
}
