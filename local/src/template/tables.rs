//! `AWS::DynamoDB::Table`: its properties as a `CreateTable` request.
//!
//! Backups, encryption, deletion protection and tags are ignored: they have no local effect. Streams are
//! rejected, since nothing would read them.

use serde_json::{Map, Value, json};

use super::error::Result;
use super::properties::Properties;
use super::resolver::Resource;
use super::resource_identity;
use crate::stack_spec::Table;

pub(super) fn read(resource: &Resource) -> Result<Table> {
    let mut table = Properties::of(resource)?;
    table.ignore(&[
        "ContributorInsightsSpecification",
        "DeletionProtectionEnabled",
        "OnDemandThroughput",
        "PointInTimeRecoverySpecification",
        "SSESpecification",
        "TableClass",
        "Tags",
        "WarmThroughput",
    ]);
    let name = table.text("TableName")?;
    let name = name.map_or_else(
        || resource_identity::default_name(&resource.id),
        str::to_string,
    );
    let mut create_request = Map::new();
    create_request.insert("TableName".into(), name.as_str().into());
    let attributes = table.maps("AttributeDefinitions")?;
    create_request.insert("AttributeDefinitions".into(), pairs(attributes)?);
    create_request.insert("KeySchema".into(), pairs(table.maps("KeySchema")?)?);
    for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        let indexes = table.maps(kind)?.into_iter().map(index);
        let indexes = indexes.collect::<Result<Vec<_>>>()?;
        // DynamoDB rejects an empty list.
        if !indexes.is_empty() {
            create_request.insert(kind.into(), indexes.into());
        }
    }
    let billing = table.text("BillingMode")?.unwrap_or("PROVISIONED");
    create_request.insert("BillingMode".into(), billing.into());
    copy_throughput(&mut table, &mut create_request)?;
    let ttl_attribute = match table.map("TimeToLiveSpecification")? {
        None => None,
        Some(mut ttl) => {
            let enabled = ttl.flag("Enabled")?.unwrap_or(false);
            let attribute = ttl.text("AttributeName")?.map(str::to_string);
            if enabled && attribute.is_none() {
                return Err(ttl.error("AttributeName", "is required"));
            }
            ttl.deny_unknown()?;
            attribute.filter(|_| enabled)
        }
    };
    table.deny_unknown()?;
    Ok(Table {
        name,
        create_request: Value::Object(create_request),
        ttl_attribute,
    })
}

fn index(mut properties: Properties<'_>) -> Result<Value> {
    properties.ignore(&[
        "ContributorInsightsSpecification",
        "OnDemandThroughput",
        "WarmThroughput",
    ]);
    let mut index = Map::new();
    index.insert("IndexName".into(), properties.required("IndexName")?.into());
    index.insert("KeySchema".into(), pairs(properties.maps("KeySchema")?)?);
    if let Some(mut projection) = properties.map("Projection")? {
        let mut request = json!({"ProjectionType": projection.required("ProjectionType")?});
        let attributes = projection.texts("NonKeyAttributes")?;
        if !attributes.is_empty() {
            request["NonKeyAttributes"] = attributes.into();
        }
        projection.deny_unknown()?;
        index.insert("Projection".into(), request);
    }
    copy_throughput(&mut properties, &mut index)?;
    properties.deny_unknown()?;
    Ok(Value::Object(index))
}

/// Copies the provisioned capacity. The local database accepts it and does not throttle.
fn copy_throughput(
    properties: &mut Properties<'_>,
    request: &mut Map<String, Value>,
) -> Result<()> {
    let Some(mut capacity) = properties.map("ProvisionedThroughput")? else {
        return Ok(());
    };
    let mut throughput = Map::new();
    for key in ["ReadCapacityUnits", "WriteCapacityUnits"] {
        // AWS's minimum is 1; its maximum is an account quota.
        let units = capacity.number::<u64>(key, 1, u64::from(u32::MAX))?;
        let units = units.ok_or_else(|| capacity.error(key, "is required"))?;
        throughput.insert(key.into(), units.into());
    }
    capacity.deny_unknown()?;
    request.insert("ProvisionedThroughput".into(), throughput.into());
    Ok(())
}

/// Key schemas and attribute definitions: lists of maps with texts, which have the same format in the
/// template and the request.
fn pairs(maps: Vec<Properties<'_>>) -> Result<Value> {
    let object = |map: Properties<'_>| {
        let pairs = map.pairs()?.into_iter();
        Ok(pairs
            .map(|(key, text)| (key.to_string(), text.into()))
            .collect::<Map<_, _>>())
    };
    let objects = maps.into_iter().map(object).collect::<Result<Vec<_>>>()?;
    Ok(objects.into())
}
