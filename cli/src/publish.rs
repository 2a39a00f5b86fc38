//! `longhaul publish`: publishes a notification on a topic, or to a user, through SNS, as a back end does.
//!
//! When it returns, the notification is accepted; the stack delivers it afterwards.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{ArgGroup, Args};
use longhaul_shared::domain::limits;
use longhaul_shared::domain::topics::Topic;
use serde_json::{Map, Value, json};

use crate::target::Target;
use crate::token::parse_id;

#[derive(Args)]
#[command(group = ArgGroup::new("receivers").required(true).args(["topic", "user"]))]
pub struct Publish {
    /// Topic, such as new-deals.
    #[arg(long, value_name = "TOPIC", value_parser = parse_topic)]
    topic: Option<Topic>,
    /// User id; the notification is stored in that user's inbox and pushed to all of the user's connections.
    #[arg(long, value_name = "USER", value_parser = parse_id)]
    user: Option<String>,
    /// `type` of the frame that subscribers receive.
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// Payload, as a JSON object: `data` of the frame. Subscribers' filters apply to its fields.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    payload: String,
    /// Tenant of the subscribers or of the user. Default: those without a tenant.
    #[arg(long, value_name = "TENANT", value_parser = parse_id)]
    tenant: Option<String>,
    #[command(flatten)]
    target: Target,
    /// What --data was called here.
    #[arg(long, value_name = "DIR", hide = true, conflicts_with_all = ["data", "aws"])]
    data_folder: Option<PathBuf>,
}

impl Publish {
    /// The stack, by the options of today and of before.
    fn target(&self) -> Result<Target> {
        let mut target = self.target.clone();
        if let Some(folder) = &self.data_folder {
            eprintln!("longhaul: --data-folder is now --data, as everywhere");
            target.data_dir.data.clone_from(folder);
        }
        let is_payload = target.data_dir.data.to_string_lossy().starts_with('{');
        ensure!(
            !is_payload,
            "--data is the data folder, as everywhere; the payload is now --payload"
        );
        Ok(target)
    }

    /// What back ends publish.
    fn message(&self) -> Result<Value> {
        let chars = self.kind.chars().count();
        ensure!(
            (1..=limits::TYPE_CHARS).contains(&chars),
            "--type must be 1 to {} characters long",
            limits::TYPE_CHARS
        );
        let data: Map<String, Value> =
            serde_json::from_str(&self.payload).context("--payload is not a JSON object")?;
        ensure!(
            Value::Object(data.clone()).to_string().len() <= limits::PUBLISHED_BYTES,
            "--payload is larger than {} bytes",
            limits::PUBLISHED_BYTES
        );
        let mut message = json!({"type": self.kind, "data": data});
        if let Some(topic) = &self.topic {
            message["topic"] = json!(topic);
        }
        if let Some(user) = &self.user {
            message["userId"] = user.as_str().into();
        }
        if let Some(tenant) = &self.tenant {
            message["tenantId"] = tenant.as_str().into();
        }
        ensure!(
            !limits::is_nested_too_deep(&message.to_string()),
            "--payload is nested too deeply"
        );
        Ok(message)
    }

    pub async fn run(&self) -> Result<()> {
        let (target, message) = (self.target()?, self.message()?);
        // Not the name of the publish function: its role may not publish.
        let aws = target.open("longhaul-publisher").await?;
        let arn = aws.topic_arn("publish").await?;
        let publish = aws_sdk_sns::Client::new(&aws.clients).publish();
        let publish = publish.topic_arn(arn).message(message.to_string());
        let response = publish
            .send()
            .await
            .map_err(|error| error.into_service_error());
        let id = response.context("publishing")?.message_id;
        println!("Published {}", id.unwrap_or_default());
        Ok(())
    }
}

fn parse_topic(text: &str) -> Result<Topic, String> {
    Topic::parse(text).ok_or_else(|| {
        let limit = limits::TOPIC_CHARS;
        format!("expected 1 to {limit} letters, digits and -_.:/@+")
    })
}
