//! Fetches small documents of an identity provider over HTTPS. Redirects are not followed.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs;
use tokio::time::Instant;

/// For all documents of one look-up: the authorizer has 5 s in all.
const TIMEOUT: Duration = Duration::from_secs(4);
/// The limit of a document's size: far larger than any key set.
const MAX_BYTES: usize = 256 * 1024;

/// The hosts of this machine.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

type Connector = HttpsConnector<HttpConnector>;
type Body = Empty<&'static [u8]>;

/// An `https` URL, or an `http` URL of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpsUrl(Uri);

impl HttpsUrl {
    /// `None` for any other URL.
    pub fn parse(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let is_safe = match url.scheme_str()? {
            "https" => url.host().is_some(),
            "http" => LOOPBACK.contains(&url.host()?),
            _ => false,
        };
        is_safe.then_some(Self(url))
    }

    /// Whether it is a URL of this machine.
    pub fn is_loopback(&self) -> bool {
        self.0.host().is_some_and(|host| LOOPBACK.contains(&host))
    }
}

impl fmt::Display for HttpsUrl {
    /// For the log: without a password or a query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host) = (self.0.scheme_str(), self.0.host());
        let port = self.0.port().map(|port| format!(":{port}"));
        write!(
            f,
            "{}://{}{}{}",
            scheme.unwrap_or_default(),
            host.unwrap_or_default(),
            port.unwrap_or_default(),
            self.0.path()
        )
    }
}

/// Why a document could not be fetched. The text names the URL.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{url}: the answer is {status}")]
    Status { url: HttpsUrl, status: StatusCode },
    #[error("{url}: {reason}")]
    Failed { url: HttpsUrl, reason: String },
}

/// Fetches documents.
#[derive(Default)]
pub struct HttpsClient {
    /// Created by the first fetch: reading the machine's certificates is too slow for a cold start.
    client: OnceLock<Client<Connector, Body>>,
}

/// The documents of one look-up, which share a time limit.
pub struct LookUp<'c> {
    client: &'c HttpsClient,
    deadline: Instant,
}

impl HttpsClient {
    /// Begins a look-up, whose time limit starts now.
    pub fn look_up(&self) -> LookUp<'_> {
        LookUp {
            client: self,
            deadline: Instant::now() + TIMEOUT,
        }
    }

    fn client(&self) -> anyhow::Result<&Client<Connector, Body>> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(aws_lc_rs::default_provider())
            .context("reading this machine's certificates")?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(self.client.get_or_init(|| client))
    }
}

impl LookUp<'_> {
    /// The document at a URL.
    pub async fn get(&self, url: &HttpsUrl) -> Result<Vec<u8>, FetchError> {
        self.get_until(url, self.deadline).await
    }

    /// The document at a URL, in half of the time that is left: the other half is for what comes next.
    pub async fn get_first(&self, url: &HttpsUrl) -> Result<Vec<u8>, FetchError> {
        let left = self.deadline.duration_since(Instant::now());
        self.get_until(url, self.deadline - left / 2).await
    }

    async fn get_until(&self, url: &HttpsUrl, deadline: Instant) -> Result<Vec<u8>, FetchError> {
        let failed = |error: anyhow::Error| FetchError::Failed {
            url: url.clone(),
            reason: format!("{error:#}"),
        };
        let fetched = tokio::time::timeout_at(deadline, self.fetch(url)).await;
        let late = || failed(anyhow::anyhow!("no answer in time"));
        let (status, bytes) = fetched.map_err(|_| late())?.map_err(failed)?;
        if !status.is_success() {
            let url = url.clone();
            return Err(FetchError::Status { url, status });
        }
        Ok(bytes)
    }

    async fn fetch(&self, url: &HttpsUrl) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let response = self.client.client()?.get(url.0.clone()).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BYTES);
        let body = body.collect().await.map_err(|error| anyhow::anyhow!(error));
        Ok((status, body?.to_bytes().to_vec()))
    }
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
            assert!(HttpsUrl::parse(url).is_some(), "{url}");
        }
        for url in [
            "",
            "/jwks.json",
            "https:///x",
            "http://issuer.example/jwks.json",
            "http://127.0.0.1.example/jwks.json",
            "http://localhost@issuer.example/jwks.json",
            "file:///etc/passwd",
        ] {
            assert!(HttpsUrl::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn a_url_in_the_log_has_no_password_and_no_query() {
        let url = HttpsUrl::parse("https://user:secret@issuer.example:8443/keys?code=secret");
        assert_eq!(url.unwrap().to_string(), "https://issuer.example:8443/keys");
    }
}
