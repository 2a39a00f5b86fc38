//! Where an issuer's keys are: at a configured URL, where its discovery document says, or, for an issuer without
//! one, at `/.well-known/jwks.json` below it.

use std::time::Duration;

use anyhow::{Context, Result};
use http::StatusCode;
use jiff::Timestamp;

use super::discovery::{self, Discovered};
use super::fetch::{FetchError, HttpsClient, HttpsUrl, LookUp};

/// A location is used for this long without reading the discovery document again: as long as the keys.
const FRESH_FOR: Duration = Duration::from_secs(3600);

pub struct KeySource {
    client: HttpsClient,
    location: Location,
}

enum Location {
    Configured(HttpsUrl),
    Discovered {
        issuer: String,
        document: HttpsUrl,
        /// The location for an issuer without a discovery document.
        well_known: HttpsUrl,
    },
}

/// The location that was found last.
#[derive(Default)]
pub struct FoundLocation(Option<(HttpsUrl, Timestamp)>);

impl KeySource {
    /// Keys at this URL.
    pub fn configured(url: HttpsUrl) -> Self {
        Self::at(Location::Configured(url))
    }

    /// Keys where the issuer says; `None` if it is not an https URL.
    pub fn discovered(issuer: &str) -> Option<Self> {
        let base = issuer.trim_end_matches('/');
        let url = |path: &str| HttpsUrl::parse(&format!("{base}/.well-known/{path}"));
        Some(Self::at(Location::Discovered {
            issuer: issuer.to_owned(),
            document: url("openid-configuration")?,
            well_known: url("jwks.json")?,
        }))
    }

    fn at(location: Location) -> Self {
        Self {
            client: HttpsClient::default(),
            location,
        }
    }

    /// The document with the keys, and its URL. `found` is remembered between fetches.
    pub async fn fetch(
        &self,
        found: &mut FoundLocation,
        now: Timestamp,
    ) -> Result<(HttpsUrl, Vec<u8>)> {
        let look_up = self.client.look_up();
        let remembered = found.0.as_ref().map(|(url, _)| url.clone());
        let url = self.locate(&look_up, found, now).await?;
        let fetched = self.get_keys(&look_up, &url).await;
        if fetched.is_ok() || remembered.as_ref() != Some(&url) {
            return Ok((url, fetched?));
        }
        // The keys may have moved since.
        found.0 = None;
        let moved_to = self.locate(&look_up, found, now).await?;
        let bytes = match moved_to == url {
            true => fetched?,
            false => self.get_keys(&look_up, &moved_to).await?,
        };
        Ok((moved_to, bytes))
    }

    async fn get_keys(&self, look_up: &LookUp<'_>, url: &HttpsUrl) -> Result<Vec<u8>> {
        let fetched = look_up.get(url).await;
        fetched.map_err(|error| match &self.location {
            Location::Discovered {
                document,
                well_known,
                ..
            } if url == well_known => {
                anyhow::Error::from(error).context(format!("{document}: no discovery document"))
            }
            _ => error.into(),
        })
    }

    async fn locate(
        &self,
        look_up: &LookUp<'_>,
        found: &mut FoundLocation,
        now: Timestamp,
    ) -> Result<HttpsUrl> {
        let (issuer, document, well_known) = match &self.location {
            Location::Configured(url) => return Ok(url.clone()),
            Location::Discovered {
                issuer,
                document,
                well_known,
            } => (issuer, document, well_known),
        };
        if let Some((url, at)) = &found.0
            && now < *at + FRESH_FOR
        {
            return Ok(url.clone());
        }
        let discovered = match look_up.get_first(document).await {
            Ok(bytes) => discovery::parse(&bytes, issuer, document)
                .with_context(|| format!("{document}, the discovery document"))?,
            Err(FetchError::Status { status, .. }) if is_absent(status) => Discovered::NoDocument,
            Err(error) => match &found.0 {
                Some((url, _)) => return Ok(url.clone()),
                None => return Err(error.into()),
            },
        };
        let url = match discovered {
            Discovered::Keys(url) => url,
            Discovered::NoDocument => well_known.clone(),
        };
        found.0 = Some((url.clone(), now));
        Ok(url)
    }
}

/// Whether the answer says that there is no such document. Buckets and gateways say 403 for what they do not
/// have.
fn is_absent(status: StatusCode) -> bool {
    let passes = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    status.is_client_error() && !passes.contains(&status)
}
