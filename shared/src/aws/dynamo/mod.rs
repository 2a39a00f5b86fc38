//! A DynamoDB client. It derefs to the SDK's client, and sends single puts and updates, which every job makes, with the
//! faster [`crate::aws::signed_http`].

mod json;

use std::collections::HashMap;
use std::ops::Deref;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_dynamodb::types::{Put, ReturnValue, Update};
use serde::{Deserialize, Serialize};

use self::json::{AttributesJson, deserialize_attributes};
use crate::aws::clients::AwsClients;
use crate::aws::item::Attributes;
use crate::aws::signed_http::{CallError, DYNAMODB, SignedClient};

#[derive(Clone)]
pub struct Dynamo {
    client: Client,
    service: SignedClient,
}

/// Why a write was not made, or may not have been made.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The item as it is, if the write requested it and it exists.
    #[error("the condition of the write does not hold")]
    Refused(Option<Attributes>),
    /// A transaction is writing the item.
    #[error("another write of the item is in progress")]
    Conflict,
    #[error(transparent)]
    Failed(CallError),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Write<'a> {
    table_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<AttributesJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<AttributesJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_expression: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition_expression: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression_attribute_names: Option<&'a HashMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression_attribute_values: Option<AttributesJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_values: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_values_on_condition_check_failure: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    #[serde(default, deserialize_with = "deserialize_attributes")]
    attributes: Option<Attributes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConditionFailure {
    #[serde(default, deserialize_with = "deserialize_attributes")]
    item: Option<Attributes>,
}

impl Deref for Dynamo {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Dynamo {
    /// # Errors
    /// The SDK has no endpoint, for example because no region is set.
    pub async fn open(sdk: &AwsClients) -> Result<Self> {
        Ok(Self {
            client: Client::new(sdk),
            service: sdk.service(&DYNAMODB, &endpoint(sdk).await?),
        })
    }

    pub async fn put(&self, put: &Put) -> Result<(), WriteError> {
        let write = Write {
            table_name: put.table_name(),
            item: Some(AttributesJson(put.item())),
            key: None,
            update_expression: None,
            condition_expression: put.condition_expression(),
            expression_attribute_names: put.expression_attribute_names(),
            expression_attribute_values: put.expression_attribute_values().map(AttributesJson),
            return_values: None,
            return_values_on_condition_check_failure: put
                .return_values_on_condition_check_failure()
                .map(|wanted| wanted.as_str()),
        };
        self.write("PutItem", &write).await?;
        Ok(())
    }

    /// Updates an item and returns the attributes that `wanted` requests.
    pub async fn update(
        &self,
        update: &Update,
        wanted: ReturnValue,
    ) -> Result<Attributes, WriteError> {
        let write = Write {
            table_name: update.table_name(),
            item: None,
            key: Some(AttributesJson(update.key())),
            update_expression: Some(update.update_expression()),
            condition_expression: update.condition_expression(),
            expression_attribute_names: update.expression_attribute_names(),
            expression_attribute_values: update.expression_attribute_values().map(AttributesJson),
            return_values: Some(wanted.as_str()),
            return_values_on_condition_check_failure: update
                .return_values_on_condition_check_failure()
                .map(|wanted| wanted.as_str()),
        };
        let written = self.write("UpdateItem", &write).await?;
        Ok(written.attributes.unwrap_or_default())
    }

    async fn write(
        &self,
        operation: &'static str,
        write: &Write<'_>,
    ) -> Result<Written, WriteError> {
        let response = self.service.json(operation, write).await;
        let response = response.map_err(WriteError::from_call)?;
        let parsed = serde_json::from_slice(&response).context("parsing DynamoDB's response");
        parsed.map_err(|error| WriteError::Failed(error.into()))
    }
}

impl WriteError {
    fn from_call(error: CallError) -> Self {
        let CallError::Refused { code, body, .. } = &error else {
            return Self::Failed(error);
        };
        match code.as_str() {
            "ConditionalCheckFailedException" => {
                let failure: Option<ConditionFailure> = serde_json::from_slice(body).ok();
                Self::Refused(failure.and_then(|failure| failure.item))
            }
            "TransactionConflictException" => Self::Conflict,
            _ => Self::Failed(error),
        }
    }
}

/// The endpoint of the SDK's client for these settings.
async fn endpoint(sdk: &AwsClients) -> Result<String> {
    let params = Params::builder()
        .set_region(sdk.region().map(ToString::to_string))
        .set_endpoint(sdk.endpoint("DynamoDB"))
        .set_use_fips(sdk.use_fips())
        .set_use_dual_stack(sdk.use_dual_stack())
        .build()?;
    let resolved = DefaultResolver::new();
    let resolved = resolved.resolve_endpoint(&params).await;
    let resolved = resolved.map_err(|error| anyhow::anyhow!(error));
    Ok(resolved.context("DynamoDB's endpoint")?.url().to_owned())
}
