//! `AWS::DynamoDB::Table`: its properties as a `CreateTable` request.
//!
//! Backups, encryption, protection and tags are left out: they change nothing on one machine, and
//! the local database does not know them all. Streams are refused: nothing would read them.

use serde_json::{Map, Value, json};

use super::properties::Properties;
use super::scope::Resource;
use super::{Result, identity};
use crate::plan::Table;

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
    let name = name.map_or_else(|| identity::default_name(&resource.id), str::to_string);
    let mut create = Map::new();
    create.insert("TableName".into(), name.as_str().into());
    let attributes = table.maps("AttributeDefinitions")?;
    create.insert("AttributeDefinitions".into(), pairs(attributes)?);
    create.insert("KeySchema".into(), pairs(table.maps("KeySchema")?)?);
    for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        let indexes = table.maps(kind)?.into_iter().map(index);
        let indexes = indexes.collect::<Result<Vec<_>>>()?;
        // DynamoDB refuses an empty list.
        if !indexes.is_empty() {
            create.insert(kind.into(), indexes.into());
        }
    }
    let billing = table.text("BillingMode")?.unwrap_or("PROVISIONED");
    create.insert("BillingMode".into(), billing.into());
    throughput(&mut table, &mut create)?;
    let ttl_attribute = match table.map("TimeToLiveSpecification")? {
        None => None,
        Some(mut ttl) => {
            let enabled = ttl.flag("Enabled")?.unwrap_or(false);
            let attribute = ttl.text("AttributeName")?.map(str::to_string);
            if enabled && attribute.is_none() {
                return Err(ttl.fault("AttributeName", "is required"));
            }
            ttl.finish()?;
            attribute.filter(|_| enabled)
        }
    };
    table.finish()?;
    Ok(Table {
        name,
        create: Value::Object(create),
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
        let mut shape = json!({"ProjectionType": projection.required("ProjectionType")?});
        let others = projection.texts("NonKeyAttributes")?;
        if !others.is_empty() {
            shape["NonKeyAttributes"] = others.into();
        }
        projection.finish()?;
        index.insert("Projection".into(), shape);
    }
    throughput(&mut properties, &mut index)?;
    properties.finish()?;
    Ok(Value::Object(index))
}

/// Copies what is said of provisioned capacity; the local database accepts it and does not throttle.
fn throughput(properties: &mut Properties<'_>, request: &mut Map<String, Value>) -> Result<()> {
    let Some(mut capacity) = properties.map("ProvisionedThroughput")? else {
        return Ok(());
    };
    let mut shape = Map::new();
    for key in ["ReadCapacityUnits", "WriteCapacityUnits"] {
        // AWS's own least; its most is an account's quota.
        let units = capacity.number::<u64>(key, 1, u64::from(u32::MAX))?;
        let units = units.ok_or_else(|| capacity.fault(key, "is required"))?;
        shape.insert(key.into(), units.into());
    }
    capacity.finish()?;
    request.insert("ProvisionedThroughput".into(), shape.into());
    Ok(())
}

/// Key schemas and attribute definitions: both are lists of maps of two texts, spelled alike in
/// the template and in the request.
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
