//! SQS as the event source mappings call it: in process, in the same protocol as everyone else,
//! on the wire log and under the faults like everyone else.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, anyhow};
use futures_util::FutureExt;
use serde_json::{Value, json};

use crate::aws_call::{Called, EVENT_SOURCE, Service};
use crate::event_source::SqsCall;
use crate::faults::Faults;
use crate::sqs::Sqs;
use crate::wire_log::{Call, WireLog};

/// The calls of one event source mapping.
struct Calls {
    sqs: Sqs,
    log: WireLog,
    faults: Faults,
    /// Messages that are to be delivered once more, with the receipt handles they came with.
    again: Mutex<Vec<Value>>,
}

/// For one mapping: what is delivered twice comes from its own queue.
pub fn in_process(sqs: &Sqs, log: &WireLog, faults: &Faults) -> SqsCall {
    let calls = Arc::new(Calls {
        sqs: sqs.clone(),
        log: log.clone(),
        faults: faults.clone(),
        again: Mutex::default(),
    });
    Arc::new(move |operation, request| {
        let calls = calls.clone();
        async move { calls.call(operation, &request).await }.boxed()
    })
}

impl Calls {
    async fn call(&self, operation: &'static str, request: &Value) -> Result<Value> {
        let called = Called {
            service: Service::Sqs,
            operation,
            caller: EVENT_SOURCE,
            environment: None,
        };
        let receives = operation == "ReceiveMessage";
        if receives && let Some(copies) = self.copies(request) {
            return Ok(copies);
        }
        let body = request.to_string();
        let answered = self
            .faults
            .through(&called, || self.perform(operation, body.as_bytes()));
        let answer = answered.await.unwrap_or_else(|failure| {
            self.note(operation, failure.status, body.len(), 0);
            Err(anyhow!("{} (a fault)", failure.code))
        })?;
        if receives
            && let Some(messages) = answer["Messages"].as_array()
            && !messages.is_empty()
            && self.faults.delivers_twice(&called)
        {
            self.again().extend(messages.iter().cloned());
        }
        Ok(answer)
    }

    async fn perform(&self, operation: &str, body: &[u8]) -> Result<Value> {
        match self.sqs.call(operation, body).await {
            Ok(answer) => {
                self.note(operation, 200, body.len(), answer.len());
                Ok(serde_json::from_slice(&answer)?)
            }
            Err(error) => {
                self.note(operation, error.status, body.len(), error.body().len());
                Err(error.into())
            }
        }
    }

    /// An answer of copies only: SQS too hands a duplicate out by itself, beside other messages'.
    fn copies(&self, request: &Value) -> Option<Value> {
        let mut again = self.again();
        let wanted = request["MaxNumberOfMessages"].as_u64().unwrap_or(1) as usize;
        let some: Vec<Value> = {
            let count = wanted.min(again.len());
            again.drain(..count).collect()
        };
        (!some.is_empty()).then(|| json!({ "Messages": some }))
    }

    fn again(&self) -> std::sync::MutexGuard<'_, Vec<Value>> {
        // A list of whole messages, whatever panicked elsewhere.
        self.again.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, operation: &str, status: u16, request_bytes: usize, response_bytes: usize) {
        self.log.note(&Call {
            caller: EVENT_SOURCE,
            operation,
            status,
            request_bytes,
            response_bytes,
            ..Call::of("sqs")
        });
    }
}
