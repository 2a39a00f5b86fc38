//! Amazon SQS on disk: standard queues with the JSON protocol. FIFO queues and permissions are not supported.
//!
//! Acknowledged changes survive `kill -9`. A power failure loses no sent message, but may undo the latest
//! receives and deletes, so that a message is delivered again.
//!
//! The caller's task parses and checks a request (`sending`, `receiving`, `requests`) and renders the
//! response; the one thread that owns the database executes it (`engine`).

mod attributes;
mod batch;
mod engine;
mod error;
mod housekeeping;
mod messages;
mod move_task;
mod queues;
mod receipt;
mod receiving;
mod redrive;
mod requests;
mod schema;
mod sending;
mod settings;
mod store;

#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::Context;

pub use error::SqsError;

use crate::stack_spec;
use engine::Engine;
use receiving::ReceiptAction;
use requests::AdminRequest;
use store::Store;

/// The queues of one data folder. Clones share them; dropping the last one closes the store.
#[derive(Debug, Clone)]
pub struct Sqs {
    engine: Engine,
}

impl Sqs {
    /// Opens or creates the store in `folder` (file `sqs.sqlite`) and starts its thread. Queue URLs are
    /// `{base_url}/000000000000/{name}`, with a `base_url` such as `http://127.0.0.1:4566`.
    ///
    /// # Errors
    /// The folder can't be written, or another process has the store open.
    pub fn open(folder: &Path, base_url: String) -> anyhow::Result<Self> {
        let store = Store::open(folder, base_url, engine::now())?;
        Ok(Self {
            engine: Engine::start(store)?,
        })
    }

    /// Creates the template's queues in any order, and replaces the attributes of existing ones; messages
    /// are kept. A redrive target must be among them or exist already. Returns the existing queues that
    /// the template does not declare, as `the queue <name>`.
    ///
    /// # Errors
    /// An attribute or a redrive target is invalid; then nothing has changed.
    pub async fn provision(&self, queues: &[stack_spec::Queue]) -> anyhow::Result<Vec<String>> {
        let request = AdminRequest::Provision(queues.to_vec());
        let undeclared = self
            .engine
            .administer(request)
            .await
            .context("creating the template's queues")?;
        let undeclared: Vec<String> = serde_json::from_value(undeclared)?;
        Ok(undeclared
            .iter()
            .map(|name| format!("the queue {name}"))
            .collect())
    }

    /// Makes the received messages of these queues visible: nobody is left who might delete them.
    ///
    /// # Errors
    /// A queue does not exist.
    pub async fn return_received(&self, queues: Vec<String>) -> anyhow::Result<()> {
        let request = AdminRequest::ReturnReceived(queues);
        let returned = self.engine.administer(request).await;
        returned.context("returning received messages to their queues")?;
        Ok(())
    }

    /// Executes one operation of the JSON protocol: `operation` as in
    /// `X-Amz-Target: AmazonSQS.<operation>`, request and response as JSON. A `ReceiveMessage` may take
    /// up to 20 s; dropping its future cancels the long poll.
    ///
    /// # Errors
    /// The errors of SQS; status 500 if the store failed.
    pub async fn call(&self, operation: &str, request: &[u8]) -> Result<Vec<u8>, SqsError> {
        let engine = &self.engine;
        let response = match operation {
            "SendMessage" => sending::send(engine, request).await?,
            "SendMessageBatch" => sending::send_batch(engine, request).await?,
            "ReceiveMessage" => receiving::receive(engine, request).await?,
            "DeleteMessage" => receiving::apply_one(engine, ReceiptAction::Delete, request).await?,
            "DeleteMessageBatch" => {
                receiving::apply_batch(engine, ReceiptAction::Delete, request).await?
            }
            "ChangeMessageVisibility" => {
                receiving::apply_one(engine, ReceiptAction::ChangeVisibility, request).await?
            }
            "ChangeMessageVisibilityBatch" => {
                receiving::apply_batch(engine, ReceiptAction::ChangeVisibility, request).await?
            }
            "AddPermission" | "RemovePermission" => {
                return Err(SqsError::unsupported_operation(
                    "Queue permissions are not supported: every caller is the owner.",
                ));
            }
            other => match AdminRequest::parse(other, request)? {
                Some(request) => engine.administer(request).await?,
                None => return Err(SqsError::unknown_operation(other)),
            },
        };
        Ok(response.to_string().into_bytes())
    }
}
