//! The number of open connections of users, from their index.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::Select;
use jiff::Timestamp;

use super::{Connections, SHARDS};
use crate::aws::item::{text, time};
use crate::domain::limits;

impl Connections {
    /// Counts the open connections of all users, without those that nobody has authenticated on. It reads about 100 bytes for each, half a read unit for 40.
    pub async fn count_open(&self, now: Timestamp) -> Result<u64> {
        let mut count = 0;
        for shard in 0..SHARDS {
            let mut start = None;
            loop {
                let query = self
                    .dynamo
                    .query()
                    .table_name(&self.table)
                    .index_name("open")
                    .key_condition_expression("openShard = :shard")
                    .filter_expression("connectedAt > :oldest")
                    .expression_attribute_values(":shard", text(shard.to_string()))
                    .expression_attribute_values(":oldest", time(now - limits::CONNECTION_AGE))
                    .select(Select::Count)
                    .set_exclusive_start_key(start);
                let page = query.send().await.context("counting open connections")?;
                count += u64::try_from(page.count).unwrap_or(0);
                start = page.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(count)
    }
}
