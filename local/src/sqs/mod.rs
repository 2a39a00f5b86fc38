//! Amazon SQS on one machine: standard queues on disk, spoken to in the service's JSON protocol.
//!
//! What was acknowledged survives `kill -9`. A power cut takes back no message that was sent, but what
//! was done with one in the last moments, so that it may come once more. This file is the door: it finds
//! the operation and leaves the rest to others. It refuses to know HTTP, signatures, permissions and FIFO
//! queues.
//!
//! A request is read and checked in its caller's task (`sending`, `receiving`, `wire`), done by the
//! one thread that owns the database (`engine`, over `store`, `messages`, `queues`, `redrive`), and
//! its answer is rendered in the caller's task again.

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

use crate::plan;
use engine::Engine;
use receiving::ReceiptAction;
use requests::AdminRequest;
use store::Store;

/// The queues of one data folder. Cheap to clone; the store closes with the last clone.
#[derive(Debug, Clone)]
pub struct Sqs {
    engine: Engine,
}

impl Sqs {
    /// Opens (or creates) the store in `folder` (file `sqs.sqlite`) and starts its one thread.
    /// `base_url`, such as `http://127.0.0.1:4566`, is what queue URLs begin with:
    /// `{base_url}/000000000000/{name}`.
    ///
    /// # Errors
    /// When the folder cannot be written, or another process has the store open.
    pub fn open(folder: &Path, base_url: String) -> anyhow::Result<Self> {
        let store = Store::open(folder, base_url, engine::now())?;
        Ok(Self {
            engine: Engine::start(store)?,
        })
    }

    /// Creates the template's queues, or brings the attributes of those that exist up to date,
    /// without losing messages. A redrive target must be among them or exist already; any order will
    /// do. Queues that are not named stay as they are, and are answered: `the queue <name>`.
    ///
    /// # Errors
    /// When an attribute or a redrive target is wrong; then nothing has changed.
    pub async fn provision(&self, queues: &[plan::Queue]) -> anyhow::Result<Vec<String>> {
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

    /// One operation of the JSON protocol: `operation` as in `X-Amz-Target: AmazonSQS.<operation>`,
    /// request and response bodies as JSON. A `ReceiveMessage` may take up to 20 s; dropping its
    /// future takes it out of the line.
    ///
    /// # Errors
    /// What SQS refuses, spelled as SQS does; status 500 when the store failed.
    pub async fn call(&self, operation: &str, request: &[u8]) -> Result<Vec<u8>, SqsError> {
        let engine = &self.engine;
        let answer = match operation {
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
                    "Queue permissions do not exist locally: everyone is the owner.",
                ));
            }
            other => match AdminRequest::parse(other, request)? {
                Some(request) => engine.administer(request).await?,
                None => return Err(SqsError::unknown_operation(other)),
            },
        };
        Ok(answer.to_string().into_bytes())
    }
}
