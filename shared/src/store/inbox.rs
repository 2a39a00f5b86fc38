//! The inbox table: messages and notifications to a user, for a week.
//!
//! Unread and read entries are two partitions of their owner, so reading one does not cost the other.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::Select;
use jiff::Timestamp;

use crate::aws::item::{Attributes, Item, ItemError, text, time, ttl};
use crate::domain::ids::{NotificationId, Owner};
use crate::domain::inbox::{InboxContent, InboxEntry};
use crate::domain::limits;
use crate::store::user_row;

#[derive(Clone)]
pub struct Inbox {
    dynamo: Client,
    table: String,
}

impl Inbox {
    pub fn new(dynamo: &Client, table: String) -> Self {
        Self {
            dynamo: dynamo.clone(),
            table,
        }
    }

    /// Stores an entry for the owner. Idempotent.
    pub async fn put(&self, owner: &Owner, entry: &InboxEntry) -> Result<()> {
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(owner, entry)));
        put.send().await.context("writing to a user's inbox")?;
        Ok(())
    }

    /// Moves an entry to the read partition; `false` if the owner has no entry with this id. A crash can leave
    /// the entry in both partitions, never in neither; acknowledging it again repairs that.
    pub async fn acknowledge(
        &self,
        owner: &Owner,
        id: NotificationId,
        now: Timestamp,
    ) -> Result<bool> {
        let Some(mut entry) = self.get(owner, id, false, now).await? else {
            return Ok(self.get(owner, id, true, now).await?.is_some());
        };
        entry.is_read = true;
        self.put(owner, &entry).await?;
        let delete = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(owner, id, false)));
        delete
            .send()
            .await
            .context("acknowledging an entry of a user's inbox")?;
        Ok(true)
    }

    async fn get(
        &self,
        owner: &Owner,
        id: NotificationId,
        is_read: bool,
        now: Timestamp,
    ) -> Result<Option<InboxEntry>> {
        let get = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(owner, id, is_read)))
            .consistent_read(true);
        let response = get.send().await.context("reading a user's inbox")?;
        let item = response.item.filter(|item| is_live(item, now));
        Ok(item.as_ref().map(entry).transpose()?)
    }

    /// A page of the owner's read or unread entries after `after`, and the cursor of the next page. At most
    /// `limit` entries are read; expired ones are left out.
    pub async fn page(
        &self,
        owner: &Owner,
        is_read: bool,
        after: Option<NotificationId>,
        limit: u32,
        newest_first: bool,
        now: Timestamp,
    ) -> Result<(Vec<InboxEntry>, Option<NotificationId>)> {
        let query = self
            .dynamo
            .query()
            .table_name(&self.table)
            .key_condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(partition(owner, is_read)))
            .scan_index_forward(!newest_first)
            .limit(limit as i32)
            .consistent_read(true)
            .set_exclusive_start_key(after.map(|id| key(owner, id, is_read)));
        let response = query.send().await.context("reading a user's inbox")?;
        let live = response.items().iter().filter(|item| is_live(item, now));
        let entries = live.map(entry).collect::<Result<_, _>>()?;
        let last = response.last_evaluated_key.as_ref().map(id).transpose()?;
        Ok((entries, last))
    }

    /// Whether the owner has this number of unread entries, or a megabyte of them.
    pub async fn has_at_least_unread(&self, owner: &Owner, count: u32) -> Result<bool> {
        let query = self
            .dynamo
            .query()
            .table_name(&self.table)
            .key_condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(partition(owner, false)))
            .limit(count as i32)
            .select(Select::Count);
        let response = query.send().await.context("counting a user's inbox")?;
        // Without that many, the page ends early where it reaches a megabyte.
        Ok(response.count >= count as i32 || response.last_evaluated_key.is_some())
    }

    /// Whether the owner has unread entries. An empty inbox costs half a read unit.
    pub async fn has_unread(&self, owner: &Owner) -> Result<bool> {
        let query = self
            .dynamo
            .query()
            .table_name(&self.table)
            .key_condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(partition(owner, false)))
            .limit(1);
        let response = query.send().await.context("reading a user's inbox")?;
        Ok(!response.items().is_empty())
    }
}

/// The owner's partition of read or of unread entries.
fn partition(owner: &Owner, is_read: bool) -> String {
    let owner = user_row::key(owner);
    if is_read {
        format!("read:{owner}")
    } else {
        owner
    }
}

fn key(owner: &Owner, id: NotificationId, is_read: bool) -> Attributes {
    Attributes::from([
        ("owner".to_owned(), text(partition(owner, is_read))),
        ("id".to_owned(), text(id.to_string())),
    ])
}

fn item(owner: &Owner, entry: &InboxEntry) -> Attributes {
    let mut item = key(owner, entry.id, entry.is_read);
    let mut put = |name: &str, value| drop(item.insert(name.to_owned(), value));
    put("at", time(entry.at));
    put("ttl", ttl(entry.at + limits::INBOX_RETENTION));
    match &entry.content {
        InboxContent::Message {
            from,
            text: content,
            kind,
        } => {
            put("sender", text(from));
            put("content", text(content));
            put("type", text(kind));
        }
        InboxContent::Notification { kind, data, topic } => {
            put("data", text(data));
            put("type", text(kind));
            if let Some(topic) = topic {
                put("topic", text(topic));
            }
        }
    }
    item
}

fn id(attributes: &Attributes) -> Result<NotificationId, ItemError> {
    NotificationId::parse(Item(attributes).text("id")?).ok_or(ItemError("id"))
}

fn entry(attributes: &Attributes) -> Result<InboxEntry, ItemError> {
    let item = Item(attributes);
    let own = |name| item.text(name).map(str::to_owned);
    let content = match item.optional_text("sender")? {
        Some(from) => InboxContent::Message {
            from: from.to_owned(),
            text: own("content")?,
            kind: own("type")?,
        },
        None => InboxContent::Notification {
            kind: own("type")?,
            data: own("data")?,
            topic: item.optional_text("topic")?.map(str::to_owned),
        },
    };
    Ok(InboxEntry {
        id: id(attributes)?,
        at: item.time("at")?,
        content,
        is_read: item.text("owner")?.starts_with("read:"),
    })
}

/// Whether the item has not expired. DynamoDB deletes expired items up to days late.
fn is_live(item: &Attributes, now: Timestamp) -> bool {
    Item(item).ttl("ttl").is_ok_and(|until| until > now)
}
