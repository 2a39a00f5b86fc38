//! Fetches a small document of an identity provider over HTTPS. Redirects are not followed.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs;

use http::Uri;

/// For the whole fetch: the authorizer has 5 s in all.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The limit of the document's size: far larger than any key set.
const MAX_BYTES: usize = 256 * 1024;

type Connector = HttpsConnector<HttpConnector>;
type Body = Empty<&'static [u8]>;

/// A document at a URL.
pub struct HttpsDocument {
    url: Uri,
    /// Created by the first fetch: reading the machine's certificates is too slow for a cold start.
    client: OnceLock<Client<Connector, Body>>,
}

impl HttpsDocument {
    /// `None` for anything but an `https` URL, or an `http` URL of this machine.
    pub fn new(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let is_safe = match url.scheme_str()? {
            "https" => url.host().is_some(),
            "http" => ["localhost", "127.0.0.1", "[::1]"].contains(&url.host()?),
            _ => false,
        };
        is_safe.then(|| Self {
            url,
            client: OnceLock::new(),
        })
    }

    pub async fn get(&self) -> Result<Vec<u8>> {
        let fetched = tokio::time::timeout(TIMEOUT, self.fetch()).await;
        fetched.unwrap_or_else(|_| bail!("the fetch took longer than {TIMEOUT:?}"))
    }

    async fn fetch(&self) -> Result<Vec<u8>> {
        let client = match self.client.get() {
            Some(client) => client,
            None => {
                let client = client()?;
                self.client.get_or_init(|| client)
            }
        };
        let response = client.get(self.url.clone()).await?;
        let status = response.status();
        ensure!(status.is_success(), "the issuer answered {status}");
        let body = Limited::new(response.into_body(), MAX_BYTES)
            .collect()
            .await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?;
        Ok(body.to_bytes().to_vec())
    }
}

fn client() -> Result<Client<Connector, Body>> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(aws_lc_rs::default_provider())
        .context("reading this machine's certificates")?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for url in [
            "https://cognito-idp.eu-west-1.amazonaws.com/p/.well-known/jwks.json",
            "http://127.0.0.1:8000/jwks.json",
        ] {
            assert!(HttpsDocument::new(url).is_some(), "{url}");
        }
        for url in [
            "",
            "/jwks.json",
            "https:///x",
            "http://issuer.example/jwks.json",
            "http://127.0.0.1.example/jwks.json",
            "file:///etc/passwd",
        ] {
            assert!(HttpsDocument::new(url).is_none(), "{url}");
        }
    }
}
