//! Compares the tables' keys, indexes, expiry and protection with what the template says.

use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    IndexStatus, KeySchemaElement, PointInTimeRecoveryStatus as Recovery, TableDescription,
    TableStatus, TimeToLiveStatus,
};

use super::failed_call;
use super::finding::{CHANGED, Findings, RESTORE};
use crate::target::AwsContext;

/// A table of the template: its name, its key, and the name and key of each index.
type Expected = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// The tables of cloudformation/template.yaml.
const TABLES: [Expected; 6] = [
    (
        "jobs",
        "jobId",
        &[
            ("by-user", "userId createdAt"),
            ("open", "openShard createdAt"),
        ],
    ),
    ("job-events", "jobId event", &[]),
    (
        "connections",
        "connectionId",
        &[
            ("by-user", "userId connectedAt"),
            ("unauthenticated", "unauthenticated connectedAt"),
            ("open", "openShard expiresAt"),
        ],
    ),
    (
        "sessions",
        "sessionId entry",
        &[("by-user", "userId sessionId")],
    ),
    ("inbox", "owner id", &[]),
    (
        "subscriptions",
        "topicShard subscriptionId",
        &[("by-connection", "connectionId subscriptionId")],
    ),
];

pub async fn check(aws: &AwsContext, findings: &mut Findings) {
    for expected in &TABLES {
        let name = aws.resource_name(expected.0);
        let describe = aws.dynamo.describe_table().table_name(&name).send().await;
        match describe {
            Ok(answer) => {
                let table = answer
                    .table
                    .unwrap_or_else(|| TableDescription::builder().build());
                shape(&name, &table, expected, findings);
                expiry(aws, &name, findings).await;
                if aws.local.is_none() {
                    protection(aws, &name, &table, findings).await;
                }
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeTableError::is_resource_not_found_exception) =>
            {
                findings.fail(
                    format!("table {name}"),
                    "it does not exist",
                    "check --project, region and account; if it was deleted, restore it",
                    "Restoring a table",
                );
            }
            Err(error) => {
                let (found, advice) = failed_call::explain(&error, "dynamodb:DescribeTable");
                findings.warn(format!("table {name}"), found, &advice, "");
            }
        }
    }
    if aws.local.is_some() {
        let why = "the embedded cloud supports neither";
        findings.skipped("recovery and deletion protection", why);
    }
}

fn shape(name: &str, table: &TableDescription, expected: &Expected, findings: &mut Findings) {
    let (_, key, indexes) = expected;
    let mut wrong = vec![];
    if keys(table.key_schema()) != *key {
        wrong.push(format!(
            "its key is {}, not {key}",
            keys(table.key_schema())
        ));
    }
    if !matches!(
        table.table_status,
        Some(TableStatus::Active | TableStatus::Updating)
    ) {
        let status = table
            .table_status
            .as_ref()
            .map_or("unknown", TableStatus::as_str);
        wrong.push(format!("its status is {status}"));
    }
    for (index, key) in *indexes {
        let all = table.global_secondary_indexes().iter();
        let mut named = all.filter(|found| found.index_name() == Some(*index));
        match named.next() {
            None => wrong.push(format!("it lacks the index {index}")),
            Some(found) if keys(found.key_schema()) != *key => {
                let has = keys(found.key_schema());
                wrong.push(format!("the index {index} has the key {has}, not {key}"));
            }
            Some(found) => match &found.index_status {
                None | Some(IndexStatus::Active) => {}
                Some(status) => wrong.push(format!("the index {index} is {status}")),
            },
        }
    }
    if wrong.is_empty() {
        let count = indexes.len();
        findings.ok(
            format!("table {name}"),
            format!("key {key}, {count} indexes"),
        );
    } else {
        findings.fail(format!("table {name}"), wrong.join("; "), RESTORE, CHANGED);
    }
}

async fn expiry(aws: &AwsContext, name: &str, findings: &mut Findings) {
    let check = format!("expiry of {name}");
    let describe = aws.dynamo.describe_time_to_live().table_name(name);
    let answer = match describe.send().await {
        Ok(answer) => answer.time_to_live_description,
        Err(error) => {
            let (found, advice) = failed_call::explain(&error, "dynamodb:DescribeTimeToLive");
            return findings.warn(check, found, &advice, "");
        }
    };
    let status = answer
        .as_ref()
        .and_then(|found| found.time_to_live_status.as_ref());
    let on = matches!(
        status,
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    );
    match answer.as_ref().and_then(|found| found.attribute_name()) {
        Some("ttl") if on => findings.ok(check, "by ttl"),
        Some(other) if on => {
            findings.fail(check, format!("by {other}, not by ttl"), RESTORE, CHANGED);
        }
        _ => findings.fail(
            check,
            "off: the table grows without limit",
            RESTORE,
            CHANGED,
        ),
    }
}

async fn protection(
    aws: &AwsContext,
    name: &str,
    table: &TableDescription,
    findings: &mut Findings,
) {
    let check = format!("deletion protection of {name}");
    if table.deletion_protection_enabled == Some(true) {
        findings.ok(check, "on");
    } else {
        let advice = "deploy with DeletionProtection=true, unless it is a test stack";
        findings.warn(check, "off", advice, "Restoring a table");
    }
    let check = format!("point-in-time recovery of {name}");
    let describe = aws.dynamo.describe_continuous_backups().table_name(name);
    match describe.send().await {
        Ok(answer) => {
            let backups = answer.continuous_backups_description;
            let recovery = backups.and_then(|found| found.point_in_time_recovery_description);
            let status = recovery.and_then(|found| found.point_in_time_recovery_status);
            if status == Some(Recovery::Enabled) {
                findings.ok(check, "on");
            } else {
                findings.fail(check, "off", RESTORE, "Restoring a table");
            }
        }
        Err(error) => {
            let permission = "dynamodb:DescribeContinuousBackups";
            let (found, advice) = failed_call::explain(&error, permission);
            findings.warn(check, found, &advice, "");
        }
    }
}

fn keys(schema: &[KeySchemaElement]) -> String {
    let names: Vec<&str> = schema.iter().map(|key| key.attribute_name()).collect();
    names.join(" ")
}
