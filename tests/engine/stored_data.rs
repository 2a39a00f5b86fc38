//! Data that an earlier version has stored: the present code gives the same answers about its jobs, sessions and messages.
//!
//! `tests/fixtures/data-be8673d` was made by `tests/fixtures/record.py` with the code of commit be8673d.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::support::cli::repository_root;
use crate::support::stack::Stack;

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The answer without its own time, presigned URLs, and the sentence of `job_queued`, which is not stored.
fn stored_part(mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("timestamp");
        // `subscribed` has had it since.
        fields.remove("skippedThrough");
    }
    remove_changing_fields(&mut answer);
    answer
}

fn remove_changing_fields(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("url");
            // Events have had it since.
            if fields.contains_key("seq") {
                fields.remove("at");
            }
            if fields.get("type").is_some_and(|kind| kind == "job_queued") {
                fields.remove("message");
            }
            fields.values_mut().for_each(remove_changing_fields);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_changing_fields),
        _ => {}
    }
}

#[tokio::test]
async fn data_stored_by_be8673d_is_listed_shown_and_followed() -> Result<()> {
    let fixture = repository_root().join("tests/fixtures/data-be8673d");
    let data = tempfile::tempdir()?;
    copy_folder(&fixture.join("data"), data.path())?;
    let stack = Stack::start_on(data, &[], vec![]).await?;
    let frames: Vec<Value> = serde_json::from_slice(&fs::read(fixture.join("frames.json"))?)?;
    ensure!(
        frames.len() >= 18,
        "the fixture has {} answers",
        frames.len()
    );

    let mut clients = BTreeMap::new();
    for frame in frames {
        let user = frame["user"].as_str().context("no user")?.to_owned();
        if !clients.contains_key(&user) {
            clients.insert(user.clone(), stack.client(&user).await?);
        }
        let client = clients.get_mut(&user).context("no client")?;
        client.send(frame["request"].clone()).await?;
        let kind = frame["answer"]["type"].as_str().context("no type")?;
        let answer = client.until(kind).await?.pop().context("no answer")?;
        let expected = stored_part(frame["answer"].clone());
        assert_eq!(stored_part(answer), expected, "{}", frame["request"]);
    }

    // The stored result is still in the bucket.
    let bucket = "longhaul-results-000000000000-us-east-1";
    let list = ["s3api", "list-objects-v2", "--bucket", bucket];
    let objects = stack.aws(&list).await?;
    assert_eq!(objects["Contents"].as_array().map(Vec::len), Some(1));
    Ok(())
}
