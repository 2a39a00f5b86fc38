//! A job's result: in its `job_completed` event, or fetched from the URL that the event refers to.
//!
//! A fetched result is accepted only if it has the length and the checksum that the event states.

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

/// For the whole of a large result over a slow connection.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The result of this `job_completed`.
pub async fn of_event(event: &Value) -> Result<Value> {
    let Some(reference) = event.get("resultRef") else {
        return Ok(event["result"].clone());
    };
    let fetched = tokio::time::timeout(TIMEOUT, fetch(reference)).await;
    let fetched = fetched.unwrap_or_else(|_| bail!("it took longer than {TIMEOUT:?}"));
    fetched.context("fetching the result failed; follow the job again to retry")
}

async fn fetch(reference: &Value) -> Result<Value> {
    let text = |name: &str| {
        let text = reference[name].as_str();
        text.with_context(|| format!("its reference has no '{name}'"))
    };
    let url: Uri = text("url")?
        .parse()
        .context("the 'url' of its reference is malformed")?;
    let bytes = reference["bytes"].as_u64();
    let bytes = bytes.context("its reference has no 'bytes'")?;
    let text = download(url, bytes, text("sha256")?).await?;
    serde_json::from_slice(&text).context("it is not JSON")
}

/// The body behind the URL, decompressed, if it has this length and checksum.
async fn download(url: Uri, bytes: u64, sha256: &str) -> Result<Vec<u8>> {
    let response = get(url).await?;
    let status = response.status();
    ensure!(status.is_success(), "its URL answered {status}");
    let encoding = response.headers().get(header::CONTENT_ENCODING);
    let is_gzipped = encoding.is_some_and(|encoding| encoding == "gzip");
    // Larger than any result, compressed or not.
    let body = Limited::new(response.into_body(), 2 * limits::MAX_RESULT_BYTES).collect();
    let body = body.await.map_err(|error| anyhow::anyhow!(error))?;
    let body = body.to_bytes();
    let mut text = vec![];
    if is_gzipped {
        // One byte more than announced, to detect a longer body.
        let mut decoder = GzDecoder::new(&body[..]).take(bytes.saturating_add(1));
        decoder.read_to_end(&mut text)?;
    } else {
        text.extend_from_slice(&body);
    }
    ensure!(
        text.len() as u64 == bytes,
        "its length is not the announced {bytes} bytes"
    );
    let matches = format!("{:x}", Sha256::digest(&text)).eq_ignore_ascii_case(sha256);
    ensure!(matches, "its SHA-256 is not the announced one");
    Ok(text)
}

async fn get(url: Uri) -> Result<Response<Incoming>> {
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
