//! Creates and updates the template's tables. Items are always kept; a change that would need a new
//! table is an error.

use anyhow::{Context, Result, anyhow, bail};
use dynoxide::{Database, DynoxideError};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::stack_spec::Table;

/// Creates missing tables, and updates global indexes and the TTL attribute of existing ones. Returns the
/// existing tables that the template does not declare, as `the table <name>`.
///
/// # Errors
/// A changed key, key attribute type or local index, or a global index that changes under the same name.
/// AWS rejects these too, or replaces the table with an empty one.
pub(super) fn provision(database: &Database, tables: &[Table]) -> Result<Vec<String>> {
    for table in tables {
        let named = || format!("the table {}", table.name);
        match database.create_table(parse_request(table.create_request.clone())?) {
            Ok(_) => {}
            Err(DynoxideError::ResourceInUseException(_)) => {
                update_table(database, table).with_context(named)?;
            }
            Err(error) => return Err(anyhow!("{error}")).with_context(named),
        }
        set_ttl(database, table).with_context(named)?;
    }
    undeclared_tables(database, tables)
}

/// Updates an existing table to the template's definition.
fn update_table(database: &Database, table: &Table) -> Result<()> {
    let described = database.describe_table(parse_request(json!({"TableName": table.name}))?);
    let described = serde_json::to_value(described.map_err(to_error)?)?;
    let (have, want) = (&described["Table"], &table.create_request);
    if have["KeySchema"] != want["KeySchema"] {
        bail!("KeySchema can't change under the same TableName, as its items would be lost");
    }
    for attribute in list(&want["AttributeDefinitions"]) {
        let name = &attribute["AttributeName"];
        let before = find(&have["AttributeDefinitions"], "AttributeName", name);
        if before.is_some_and(|before| before != attribute) {
            bail!("AttributeType of {name} can't change under the same TableName");
        }
    }
    if indexes(have, "LocalSecondaryIndexes") != indexes(want, "LocalSecondaryIndexes") {
        bail!("LocalSecondaryIndexes can't change under the same TableName");
    }
    let (have, want) = (
        indexes(have, "GlobalSecondaryIndexes"),
        indexes(want, "GlobalSecondaryIndexes"),
    );
    for index in &want {
        let name = &index["IndexName"];
        if let Some(before) = have.iter().find(|before| before["IndexName"] == *name)
            && before != index
        {
            bail!("the index {name} can't change; give the new one another IndexName");
        }
    }
    let update = |change: Value| {
        let update = json!({
            "TableName": table.name,
            "AttributeDefinitions": table.create_request["AttributeDefinitions"],
            "GlobalSecondaryIndexUpdates": [change],
        });
        database
            .update_table(parse_request(update)?)
            .map_err(to_error)
    };
    for index in have.iter().filter(|index| !want.contains(index)) {
        update(json!({"Delete": {"IndexName": index["IndexName"]}}))?;
    }
    for index in want.iter().filter(|index| !have.contains(index)) {
        update(json!({"Create": index}))?;
    }
    Ok(())
}

/// Sets the TTL attribute to the template's, or disables TTL if it has none.
fn set_ttl(database: &Database, table: &Table) -> Result<()> {
    let described =
        database.describe_time_to_live(parse_request(json!({"TableName": table.name}))?);
    let described = serde_json::to_value(described.map_err(to_error)?)?;
    let have = described["TimeToLiveDescription"]["AttributeName"].as_str();
    let want = table.ttl_attribute.as_deref();
    let set = |attribute: &str, enabled: bool| {
        let specification = json!({"Enabled": enabled, "AttributeName": attribute});
        let update = json!({"TableName": table.name, "TimeToLiveSpecification": specification});
        let update = database.update_time_to_live(parse_request(update)?);
        update.map(|_| ()).map_err(to_error)
    };
    if have == want {
        return Ok(());
    }
    if let Some(have) = have {
        set(have, false)?;
    }
    want.map_or(Ok(()), |want| set(want, true))
}

fn undeclared_tables(database: &Database, tables: &[Table]) -> Result<Vec<String>> {
    let mut undeclared_tables = vec![];
    let mut page = json!({});
    loop {
        let listed = database
            .list_tables(parse_request(page)?)
            .map_err(to_error)?;
        let listed = serde_json::to_value(listed)?;
        let names = list(&listed["TableNames"]).iter().filter_map(Value::as_str);
        let undeclared = names.filter(|name| tables.iter().all(|table| table.name != *name));
        undeclared_tables.extend(undeclared.map(|name| format!("the table {name}")));
        match &listed["LastEvaluatedTableName"] {
            Value::Null => return Ok(undeclared_tables),
            last => page = json!({"ExclusiveStartTableName": last}),
        }
    }
}

/// A table's indexes of one kind, reduced to their definition and sorted by name.
fn indexes(table: &Value, kind: &str) -> Vec<Value> {
    let mut indexes: Vec<Value> = list(&table[kind])
        .iter()
        .map(|index| {
            let mut projection = index["Projection"].clone();
            if let Some(attributes) = projection["NonKeyAttributes"].as_array_mut() {
                attributes.sort_by_key(Value::to_string);
            } else if let Some(projection) = projection.as_object_mut() {
                projection.remove("NonKeyAttributes");
            }
            json!({
                "IndexName": index["IndexName"],
                "KeySchema": index["KeySchema"],
                "Projection": projection,
            })
        })
        .collect();
    indexes.sort_by_key(|index| index["IndexName"].to_string());
    indexes
}

fn find<'v>(items: &'v Value, key: &str, value: &Value) -> Option<&'v Value> {
    list(items).iter().find(|item| item[key] == *value)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn parse_request<T: DeserializeOwned>(json: Value) -> Result<T> {
    serde_json::from_value(json).context("building a request for the database")
}

fn to_error(error: DynoxideError) -> anyhow::Error {
    anyhow!("{error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(indexes: &[(&str, &str)], ttl: Option<&str>) -> Table {
        let mut names: Vec<&str> = indexes.iter().map(|(_, key)| *key).collect();
        names.push("id");
        names.sort_unstable();
        names.dedup();
        let attribute = |name: &&str| json!({"AttributeName": name, "AttributeType": "S"});
        let index = |(name, key): &(&str, &str)| {
            json!({
                "IndexName": name,
                "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            })
        };
        let mut create = json!({
            "TableName": "things",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": names.iter().map(attribute).collect::<Vec<_>>(),
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        });
        if !indexes.is_empty() {
            create["GlobalSecondaryIndexes"] = indexes.iter().map(index).collect();
        }
        Table {
            name: "things".into(),
            create_request: create,
            ttl_attribute: ttl.map(String::from),
        }
    }

    fn database() -> (tempfile::TempDir, Database) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("d.sqlite");
        let database = Database::new(file.to_str().unwrap()).unwrap();
        (folder, database)
    }

    fn query_index(database: &Database, index: &str, key: &str) -> Result<usize, DynoxideError> {
        let query = json!({
            "TableName": "things", "IndexName": index,
            "KeyConditionExpression": "#k = :v",
            "ExpressionAttributeNames": {"#k": key},
            "ExpressionAttributeValues": {":v": {"S": "x"}},
        });
        let found = database.query(parse_request(query).unwrap())?;
        Ok(found.items.map_or(0, |items| items.len()))
    }

    #[test]
    fn indexes_are_added_and_removed_over_existing_items() {
        let (_folder, database) = database();
        provision(&database, &[table(&[("by-a", "a")], None)]).unwrap();
        let item = json!({"id": {"S": "1"}, "a": {"S": "x"}, "b": {"S": "x"}});
        let put = json!({"TableName": "things", "Item": item});
        database.put_item(parse_request(put).unwrap()).unwrap();
        for _ in 0..2 {
            let changed = table(&[("by-b", "b"), ("by-c", "c")], None);
            assert_eq!(provision(&database, &[changed]).unwrap(), [""; 0]);
            assert_eq!(query_index(&database, "by-b", "b").unwrap(), 1);
            assert_eq!(query_index(&database, "by-c", "c").unwrap(), 0);
            assert!(query_index(&database, "by-a", "a").is_err());
        }
    }

    #[test]
    fn the_ttl_attribute_is_changed_and_removed() {
        let (_folder, database) = database();
        for ttl in [None, Some("ttl"), Some("until"), Some("until"), None] {
            provision(&database, &[table(&[], ttl)]).unwrap();
            let described = parse_request(json!({"TableName": "things"})).unwrap();
            let described = database.describe_time_to_live(described).unwrap();
            let described = serde_json::to_value(described).unwrap();
            let attribute = &described["TimeToLiveDescription"]["AttributeName"];
            assert_eq!(attribute.as_str(), ttl);
        }
    }

    #[test]
    fn a_change_that_needs_a_new_table_is_rejected_by_name() {
        let (_folder, database) = database();
        provision(&database, &[table(&[("by-a", "a")], None)]).unwrap();
        let error = |table: Table| format!("{:#}", provision(&database, &[table]).unwrap_err());
        assert!(error(table(&[("by-a", "b")], None)).contains("the index \"by-a\" can't change"));
        let mut other = table(&[], None);
        other.create_request["KeySchema"][0]["AttributeName"] = "a".into();
        other.create_request["AttributeDefinitions"][0]["AttributeName"] = "a".into();
        assert!(error(other).contains("the table things: KeySchema can't change"));
        let mut other = table(&[], None);
        other.create_request["AttributeDefinitions"][0]["AttributeType"] = "N".into();
        assert!(error(other).contains("AttributeType of \"id\" can't change"));
    }

    #[test]
    fn undeclared_tables_are_returned() {
        let (_folder, database) = database();
        provision(&database, &[table(&[], None)]).unwrap();
        assert_eq!(provision(&database, &[]).unwrap(), ["the table things"]);
    }
}
