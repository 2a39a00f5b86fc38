//! Cursors of lists: none names a thing of another tenant, though its user has the same `sub`.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::stack::Stack;

/// Things of each tenant. A page of the lists holds a few of them.
const COUNT: usize = 5;

async fn alice_of(stack: &Stack, tenant: &str, is_admin: bool) -> Result<Client> {
    let mut claims = json!({"sub": "alice", "username": "alice", "tenant": tenant});
    if is_admin {
        claims["cognito:groups"] = json!(["admin"]);
    }
    stack.client_with_claims(&claims).await
}

/// All pages of a list: the ids of its items, and the cursors.
async fn pages(
    client: &mut Client,
    list: &Value,
    (items, id): (&str, &str),
) -> Result<(Vec<String>, Vec<String>)> {
    let (mut ids, mut cursors) = (vec![], vec![]);
    let mut frame = list.clone();
    loop {
        client.send(frame.clone()).await?;
        let page = client.until(items).await?.pop().context("no page")?;
        let listed = page[items].as_array().into_iter().flatten();
        ids.extend(
            listed
                .filter_map(|item| item[id].as_str())
                .map(str::to_owned),
        );
        let Some(cursor) = page["cursor"].as_str() else {
            return Ok((ids, cursors));
        };
        assert!(cursors.len() < 20 * COUNT, "the list does not end: {page}");
        frame["cursor"] = cursor.into();
        cursors.push(cursor.to_owned());
    }
}

/// Lists with a client of each tenant, and checks that each sees its own once and none of the other's.
async fn check(
    list: Value,
    fields: (&str, &str),
    (ours, others): (&mut Client, &mut Client),
    (our_ids, other_ids): (&BTreeSet<String>, &BTreeSet<String>),
) -> Result<()> {
    for (client, own, foreign) in [(ours, our_ids, other_ids), (others, other_ids, our_ids)] {
        let (ids, cursors) = pages(client, &list, fields).await?;
        assert_eq!(ids.len(), own.len(), "{list}: {ids:?}");
        assert_eq!(&ids.into_iter().collect::<BTreeSet<_>>(), own, "{list}");
        for cursor in &cursors {
            let named = foreign.iter().find(|id| cursor.contains(id.as_str()));
            assert_eq!(named, None, "{list}: {cursor}");
        }
        let limit = list["limit"].as_u64().unwrap_or(0) as usize;
        assert!(!cursors.is_empty() || limit >= own.len(), "{list}");
    }
    Ok(())
}

#[tokio::test]
async fn a_users_lists_name_nothing_of_a_namesake_in_another_tenant() -> Result<()> {
    let stack = Stack::start(&["--no-throttle", "--parameter", "SubmitsPerSecond=0"]).await?;
    let mut ours = alice_of(&stack, "acme", false).await?;
    let mut others = alice_of(&stack, "other", false).await?;
    let (mut our_jobs, mut other_jobs) = (BTreeSet::new(), BTreeSet::new());
    let (mut our_sessions, mut other_sessions) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..COUNT {
        // Some pages hold the other tenant's things only.
        for (client, jobs, sessions, count) in [
            (&mut ours, &mut our_jobs, &mut our_sessions, 1),
            (&mut others, &mut other_jobs, &mut other_sessions, 2),
        ] {
            for _ in 0..count {
                let job = json!({"action": "query", "kind": "noop", "query": "q"});
                jobs.insert(client.submit(job).await?);
                client.send(json!({"action": "startSession"})).await?;
                let started = client.until("sessionStarted").await?.pop();
                let started = started.context("no session")?;
                let id = started["sessionId"].as_str().context("no id")?;
                sessions.insert(id.to_owned());
            }
        }
    }
    for limit in [1, 2, 3] {
        let jobs = json!({"action": "listJobs", "limit": limit});
        let ids = (&our_jobs, &other_jobs);
        check(jobs, ("jobs", "jobId"), (&mut ours, &mut others), ids).await?;
        let sessions = json!({"action": "listSessions", "limit": limit});
        let ids = (&our_sessions, &other_sessions);
        let fields = ("sessions", "sessionId");
        check(sessions, fields, (&mut ours, &mut others), ids).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_admins_lists_of_connections_name_none_of_another_tenant() -> Result<()> {
    let stack = Stack::start(&["--no-throttle"]).await?;
    let mut ours = alice_of(&stack, "acme", true).await?;
    let mut others = alice_of(&stack, "other", true).await?;
    let mut open = vec![];
    for _ in 1..COUNT {
        open.push(alice_of(&stack, "acme", false).await?);
        open.push(alice_of(&stack, "other", false).await?);
        open.push(alice_of(&stack, "other", false).await?);
    }
    let (mut our_ids, mut other_ids) = (BTreeSet::new(), BTreeSet::new());
    for row in stack.connection_rows().await? {
        let id = row["connectionId"]["S"]
            .as_str()
            .context("no id")?
            .to_owned();
        match row["tenantId"]["S"].as_str() {
            Some("acme") => our_ids.insert(id),
            _ => other_ids.insert(id),
        };
    }
    for limit in [1, 2, 7] {
        for data in [json!({}), json!({"userId": "alice"})] {
            let list = json!({"action": "listConnections", "limit": limit, "data": data});
            let fields = ("connections", "connectionId");
            let ids = (&our_ids, &other_ids);
            check(list, fields, (&mut ours, &mut others), ids).await?;
        }
    }
    Ok(())
}
