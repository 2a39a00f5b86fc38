//! `longhaul publish`: publishes a notification on a topic through SNS, as a back end does.
//!
//! When it returns, the notification is accepted; the stack delivers it afterwards.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use longhaul_shared::domain::limits;
use longhaul_shared::domain::topics::Topic;
use serde_json::{Map, Value, json};

use crate::stack::{DEFAULT_DATA_DIR, DataDirArgs};
use crate::target::Target;

#[derive(Args)]
pub struct Publish {
    /// Topic, such as new-deals.
    #[arg(long, value_name = "TOPIC")]
    topic: String,
    /// `type` of the frame that subscribers receive.
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// Payload, as a JSON object. Subscribers' filters apply to its fields.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    data: String,
    /// Tenant whose subscribers receive it. Default: the subscribers without a tenant.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Use the stack in AWS that the environment's profile and region select, instead of the embedded cloud.
    #[arg(long)]
    aws: bool,
    /// ProjectName of the stack.
    #[arg(long, default_value = "longhaul", value_name = "NAME")]
    project: String,
    /// Data folder of the embedded cloud.
    #[arg(long, default_value = DEFAULT_DATA_DIR, value_name = "DIR")]
    data_folder: PathBuf,
}

impl Publish {
    fn target(&self) -> Target {
        Target {
            aws: self.aws,
            project: self.project.clone(),
            websocket: None,
            data_dir: DataDirArgs {
                data: self.data_folder.clone(),
                jwt_secret: None,
            },
        }
    }

    pub async fn run(&self) -> Result<()> {
        let topic = Topic::parse(&self.topic).with_context(|| {
            let limit = limits::TOPIC_CHARS;
            format!("--topic must be 1 to {limit} letters, digits and -_.:/@+")
        })?;
        let chars = self.kind.chars().count();
        ensure!(
            (1..=limits::TYPE_CHARS).contains(&chars),
            "--type must be 1 to {} characters long",
            limits::TYPE_CHARS
        );
        let data: Map<String, Value> =
            serde_json::from_str(&self.data).context("--data is not a JSON object")?;
        ensure!(
            Value::Object(data.clone()).to_string().len() <= limits::PUBLISHED_BYTES,
            "--data is larger than {} bytes",
            limits::PUBLISHED_BYTES
        );
        let mut message = json!({"topic": topic, "type": self.kind, "data": data});
        if let Some(tenant) = &self.tenant {
            message["tenantId"] = tenant.as_str().into();
        }
        // Not the name of the publish function: its role may not publish.
        let aws = self.target().open("longhaul-publisher").await?;
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
