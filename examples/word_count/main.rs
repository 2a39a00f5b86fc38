//! An analysis of your own, `word_count`: counts the words of a bucket's objects, with a step for each object.
//!
//! `longhaul ask "How many?" --kind word_count --params '{"bucket":"texts"}' --worker target/debug/examples/word_count`

use std::collections::BTreeMap;

use longhaul_worker::analysis::{Analysis, Context, Failure};
use longhaul_worker::{analyses, clients, run};
use serde_json::{Value, json};

struct WordCount;

#[async_trait::async_trait]
impl Analysis for WordCount {
    fn kind(&self) -> &'static str {
        "word_count"
    }

    async fn run(&self, context: &Context) -> Result<Value, Failure> {
        let s3 = aws_sdk_s3::Client::new(&clients::config().await);
        let bucket = context.params()["bucket"].as_str().unwrap_or_default();
        let keys = context.step("list", bucket, keys(&s3, bucket)).await?;
        let mut words = BTreeMap::<String, u64>::new();
        for (index, key) in keys.iter().enumerate() {
            let percent = 10 + 80 * index / keys.len();
            context.progress(
                percent as u8,
                format!("Counting {key}: {} of {}", index + 1, keys.len()),
            );
            for (word, count) in context.step("count", key, count(&s3, bucket, key)).await? {
                *words.entry(word).or_default() += count;
            }
        }
        let total: u64 = words.values().sum();
        let response = format!(
            "{total} words in {} objects, {} of them different.",
            keys.len(),
            words.len()
        );
        Ok(json!({"response": response, "total": total, "words": words}))
    }
}

async fn keys(s3: &aws_sdk_s3::Client, bucket: &str) -> Result<Vec<String>, Failure> {
    let mut pages = s3.list_objects_v2().bucket(bucket).into_paginator().send();
    let mut keys = vec![];
    while let Some(page) = pages.next().await {
        let page = page.map_err(retry)?;
        keys.extend(
            page.contents()
                .iter()
                .filter_map(|object| object.key.clone()),
        );
    }
    Ok(keys)
}

async fn count(
    s3: &aws_sdk_s3::Client,
    bucket: &str,
    key: &str,
) -> Result<BTreeMap<String, u64>, Failure> {
    let object = s3.get_object().bucket(bucket).key(key).send().await;
    let text = object.map_err(retry)?.body.collect().await;
    let text = text.map_err(retry)?.into_bytes();
    let mut words = BTreeMap::new();
    for word in String::from_utf8_lossy(&text).split_whitespace() {
        *words.entry(word.to_lowercase()).or_default() += 1;
    }
    Ok(words)
}

/// S3 may answer later: the job is tried again while it has attempts left.
fn retry(error: impl std::error::Error) -> Failure {
    Failure::retry("S3", format!("S3 did not answer: {error}."))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(analyses![WordCount]).await
}
