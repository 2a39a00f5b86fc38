//! A job's result, wherever it is: in its `job_completed`, or where that refers to (PROTOCOL 4).
//!
//! What was fetched is believed only if it has the length and the checksum that the event tells.

use std::io::Read;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use http::{Response, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use longhaul_shared::domain::limits;
use rustls::crypto::aws_lc_rs;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// For the whole of a large result, over a slow line.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The result of this `job_completed`.
pub async fn of(event: &Value) -> Result<Value> {
    let Some(reference) = event.get("resultRef") else {
        return Ok(event["result"].clone());
    };
    let fetched = tokio::time::timeout(TIMEOUT, fetch(reference)).await;
    let fetched = fetched.unwrap_or_else(|_| bail!("it took longer than {TIMEOUT:?}"));
    fetched.context("the result was not fetched; the same job can be followed again")
}

async fn fetch(reference: &Value) -> Result<Value> {
    let text = |name: &str| {
        let text = reference[name].as_str();
        text.with_context(|| format!("its reference has no '{name}'"))
    };
    let url: Uri = text("url")?.parse().context("its reference's 'url'")?;
    let bytes = reference["bytes"].as_u64();
    let bytes = bytes.context("its reference has no 'bytes'")?;
    let text = get(url, bytes, text("sha256")?).await?;
    serde_json::from_slice(&text).context("it is not JSON")
}

/// What the URL leads to, uncompressed, if it is so many bytes with this checksum.
async fn get(url: Uri, bytes: u64, sha256: &str) -> Result<Vec<u8>> {
    let answer = ask(url).await?;
    let status = answer.status();
    ensure!(status.is_success(), "its URL answered {status}");
    let encoding = answer.headers().get(header::CONTENT_ENCODING);
    let is_packed = encoding.is_some_and(|encoding| encoding == "gzip");
    // More than any result is, compressed or not.
    let body = Limited::new(answer.into_body(), 2 * limits::MAX_RESULT_BYTES).collect();
    let body = body.await.map_err(|error| anyhow::anyhow!(error))?;
    let body = body.to_bytes();
    let mut text = vec![];
    if is_packed {
        // One byte more than announced shows that there is more.
        let mut unpacked = GzDecoder::new(&body[..]).take(bytes.saturating_add(1));
        unpacked.read_to_end(&mut text)?;
    } else {
        text.extend_from_slice(&body);
    }
    ensure!(text.len() as u64 == bytes, "it is not {bytes} bytes long");
    let is_same = format!("{:x}", Sha256::digest(&text)).eq_ignore_ascii_case(sha256);
    ensure!(is_same, "its checksum is another");
    Ok(text)
}

async fn ask(url: Uri) -> Result<Response<Incoming>> {
    let client = Client::builder(TokioExecutor::new());
    // The embedded cloud needs no certificates, and a machine may have none.
    if url.scheme_str() == Some("http") {
        let client = client.build_http::<Empty<&[u8]>>();
        return client.get(url).await.map_err(Into::into);
    }
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(aws_lc_rs::default_provider())
        .context("reading this machine's certificates")?
        .https_only()
        .enable_http1()
        .build();
    let client = client.build::<_, Empty<&[u8]>>(connector);
    Ok(client.get(url).await?)
}
