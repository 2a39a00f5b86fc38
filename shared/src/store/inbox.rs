//! The inbox table: what was sent to a user, until it is acknowledged, and after that as read, for a week.
//!
//! What is unread and what is read are two partitions of the owner's, so that reading the one costs nothing
//! of the other. How an entry is spelled on a wire and who hears it is not known here.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use crate::aws::item::{Attributes, Item, ItemError, text, time, ttl};
use crate::domain::ids::{NotificationId, Owner};
use crate::domain::limits;
use crate::settings::{Environment, SettingsError};

#[derive(Clone)]
pub struct Inbox {
    dynamo: Client,
    table: String,
}

/// What was sent to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxEntry {
    pub id: NotificationId,
    pub at: Timestamp,
    pub content: InboxContent,
    /// Whether the user has acknowledged it.
    pub is_read: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboxContent {
    /// From one user to another.
    Message {
        /// The sender's user id.
        from: String,
        text: String,
        /// As the sender names it, such as `text`.
        kind: String,
    },
    /// From a back end.
    Notification {
        /// The frame's `type`.
        kind: String,
        /// A JSON value's text.
        data: String,
        topic: Option<String>,
    },
}

impl Inbox {
    /// The table that `INBOX_TABLE` names.
    pub fn open(config: &Environment, dynamo: &Client) -> Result<Self, SettingsError> {
        Ok(Self {
            dynamo: dynamo.clone(),
            table: config.required("INBOX_TABLE")?.to_owned(),
        })
    }

    /// Keeps an entry for the owner; again, the same one.
    pub async fn put(&self, owner: &Owner, entry: &InboxEntry) -> Result<()> {
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(owner, entry)));
        put.send()
            .await
            .context("keeping what was sent to a user")?;
        Ok(())
    }

    /// Notes that the owner has read an entry; `false` if there is none of that id. Done in an order that a
    /// crash can leave it in both partitions and in no case in neither; asking again mends that.
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
        delete.send().await.context("noting what a user has read")?;
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
        let answer = get.send().await.context("reading a user's inbox")?;
        let item = answer.item.filter(|item| is_live(item, now));
        Ok(item.as_ref().map(entry).transpose()?)
    }

    /// A page of the owner's entries, read or unread, from after `after` on: at most `limit` are looked at,
    /// newest or oldest first. And where to go on, if there may be more.
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
        let answer = query.send().await.context("reading a user's inbox")?;
        let living = answer.items().iter().filter(|item| is_live(item, now));
        let entries = living.map(entry).collect::<Result<_, _>>()?;
        let last = answer.last_evaluated_key.as_ref().map(id).transpose()?;
        Ok((entries, last))
    }

    /// Whether anything waits for the owner: half a read unit where nothing does.
    pub async fn has_unread(&self, owner: &Owner) -> Result<bool> {
        let query = self
            .dynamo
            .query()
            .table_name(&self.table)
            .key_condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(partition(owner, false)))
            .limit(1);
        let answer = query.send().await.context("looking into a user's inbox")?;
        Ok(!answer.items().is_empty())
    }
}

/// The owner's partition of what is read, or of what is not.
fn partition(owner: &Owner, is_read: bool) -> String {
    let owner = crate::store::quota::row_of(owner);
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

/// DynamoDB may delete what has expired days late.
fn is_live(item: &Attributes, now: Timestamp) -> bool {
    Item(item).ttl("ttl").is_ok_and(|until| until > now)
}
