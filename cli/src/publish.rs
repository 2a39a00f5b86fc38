//! `longhaul publish`: says something on a topic, as a back end would: through SNS.
//!
//! That it was accepted is all that is known when it returns; who hears it, the stack decides.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use longhaul_shared::domain::limits;
use longhaul_shared::domain::topics::Topic;
use serde_json::{Map, Value, json};

use crate::stack::{self, Place};
use crate::target::Target;

/// What to publish.
#[derive(Args)]
pub struct Publish {
    /// Such as new-deals.
    #[arg(long, value_name = "TOPIC")]
    topic: String,
    /// The type of the frame that subscribers hear.
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// A JSON object; filters look at its fields.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    data: String,
    /// Whose subscribers; without it, those that have no tenant.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Publish on the stack in AWS that the environment's profile and region lead to, and not on the
    /// embedded cloud.
    #[arg(long)]
    aws: bool,
    /// The stack's ProjectName.
    #[arg(long, default_value = "longhaul", value_name = "NAME")]
    project: String,
    /// The embedded cloud's data folder.
    #[arg(long, default_value = stack::DATA, value_name = "DIR")]
    data_folder: PathBuf,
}

impl Publish {
    fn target(&self) -> Target {
        Target {
            aws: self.aws,
            project: self.project.clone(),
            websocket: None,
            place: Place {
                data: self.data_folder.clone(),
                jwt_secret: None,
            },
        }
    }

    pub async fn run(&self) -> Result<()> {
        let topic = Topic::parse(&self.topic).with_context(|| {
            let most = limits::TOPIC_CHARS;
            format!("--topic must be 1 to {most} letters, digits and -_.:/@+")
        })?;
        let chars = self.kind.chars().count();
        ensure!(
            (1..=limits::TYPE_CHARS).contains(&chars),
            "--type must be 1 to {} characters long",
            limits::TYPE_CHARS
        );
        let data: Map<String, Value> =
            serde_json::from_str(&self.data).context("--data is no JSON object")?;
        ensure!(
            Value::Object(data.clone()).to_string().len() <= limits::PUBLISHED_BYTES,
            "--data is larger than {} bytes",
            limits::PUBLISHED_BYTES
        );
        let mut message = json!({"topic": topic, "type": self.kind, "data": data});
        if let Some(tenant) = &self.tenant {
            message["tenantId"] = tenant.as_str().into();
        }
        // Not as the function of that name, which may not do this.
        let site = self.target().site("longhaul-publisher").await?;
        let arn = site.topic_arn("publish").await?;
        let publish = aws_sdk_sns::Client::new(&site.sdk).publish();
        let publish = publish.topic_arn(arn).message(message.to_string());
        let answer = publish
            .send()
            .await
            .map_err(|error| error.into_service_error());
        let id = answer.context("publishing")?.message_id;
        println!("Published {}", id.unwrap_or_default());
        Ok(())
    }
}
