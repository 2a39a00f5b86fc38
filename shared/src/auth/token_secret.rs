//! The secret that signs tokens, read from Secrets Manager: when the first token comes, again after five minutes, and at
//! once for a token that it did not sign. So a new secret needs no release.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::claims::{Key, TokenRules};
use super::fetched_cache::FetchedCache;
use super::token_error::VerifyError;
use super::{Identity, TokenError};
use crate::aws::clients::{AwsClients, secret_timeouts};
use crate::aws::signed_http::{CallError, SECRETS_MANAGER, SignedClient};

/// A secret is used for this long without being read again. A secret that is withdrawn is accepted no longer than this.
const FRESH_FOR: Duration = Duration::from_secs(300);

/// A secret of Secrets Manager, as its functions last read it.
pub struct TokenSecret {
    client: SignedClient,
    arn: String,
    accept_previous: bool,
    /// The present version, then the one before it if that is accepted too.
    cache: Mutex<FetchedCache<Arc<[Key]>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretValue {
    secret_string: String,
}

impl TokenSecret {
    /// The secret with this ARN; with `accept_previous` its version before the present one signs tokens too.
    pub fn new(clients: &AwsClients, arn: String, accept_previous: bool) -> Self {
        let configured = clients.endpoint("Secrets Manager");
        let endpoint = configured.unwrap_or_else(|| endpoint(&arn));
        Self {
            client: clients
                .service(&SECRETS_MANAGER, &endpoint)
                .within(&secret_timeouts()),
            arn,
            accept_previous,
            cache: Mutex::new(FetchedCache::new(FRESH_FOR)),
        }
    }

    /// The identity of a token that the secret signed.
    pub(super) async fn verify(
        &self,
        rules: &TokenRules,
        token: &str,
        now: Timestamp,
    ) -> Result<Identity, VerifyError> {
        let keys = self.keys(now, |_| true).await?;
        match verify_by_any(rules, &keys, token, now) {
            Err(TokenError::Signature) => {}
            decided => return Ok(decided?),
        }
        // A newer secret may have signed it.
        let newer = self.keys(now, |known| !Arc::ptr_eq(known, &keys)).await?;
        Ok(verify_by_any(rules, &newer, token, now)?)
    }

    /// The keys, read again if that is due; `serves` says whether those that are cached have what is needed.
    async fn keys(
        &self,
        now: Timestamp,
        serves: impl Fn(&Arc<[Key]>) -> bool,
    ) -> Result<Arc<[Key]>, VerifyError> {
        // Held while the secret is read, since all that wait for it need it too.
        let mut cache = self.cache.lock().await;
        let mut failure = anyhow::anyhow!("the secret could not be read recently");
        if cache.should_fetch(now, serves) {
            match self.read().await {
                Ok(keys) => cache.fetched(keys, now),
                Err(error) => {
                    let reason = format!("{error:#}");
                    tracing::warn!(reason, "the secret that signs tokens was not read");
                    cache.failed(now);
                    failure = error;
                }
            }
        }
        let keys = cache.get(now).cloned();
        keys.ok_or(VerifyError::NoKeys(failure))
    }

    async fn read(&self) -> Result<Arc<[Key]>> {
        let current = self.version("AWSCURRENT").await?;
        let current = current.context("the secret has no value")?;
        let previous = match self.accept_previous {
            true => self.version("AWSPREVIOUS").await?,
            false => None,
        };
        Ok([Some(current), previous].into_iter().flatten().collect())
    }

    /// A version of the secret; `None` if this stage has no version.
    async fn version(&self, stage: &str) -> Result<Option<Key>> {
        let request = json!({"SecretId": self.arn, "VersionStage": stage});
        match self.client.json("GetSecretValue", &request).await {
            Ok(response) => {
                let value = serde_json::from_slice::<SecretValue>(&response);
                // Its own error could quote the secret.
                let value = value.map_err(|_| anyhow::anyhow!("the secret is no text"))?;
                Ok(Some(Key::secret(&value.secret_string)))
            }
            Err(CallError::Refused { code, .. }) if code == "ResourceNotFoundException" => Ok(None),
            Err(error) => Err(error).context("reading the secret that signs tokens"),
        }
    }
}

/// The identity by the first of the keys that signed the token.
fn verify_by_any(
    rules: &TokenRules,
    keys: &[Key],
    token: &str,
    now: Timestamp,
) -> Result<Identity, TokenError> {
    let verified = keys.iter().map(|key| rules.verify(token, key, now));
    let mut decided = verified.filter(|result| *result != Err(TokenError::Signature));
    decided.next().unwrap_or(Err(TokenError::Signature))
}

/// The endpoint of the secret's region and partition: `arn:<partition>:secretsmanager:<region>:...`.
fn endpoint(arn: &str) -> String {
    let mut parts = arn.split(':');
    let partition = parts.nth(1).unwrap_or_default();
    let region = parts.nth(1).unwrap_or_default();
    let suffix = match partition {
        "aws-cn" => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    format!("https://secretsmanager.{region}.{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_in_its_region_and_partition() {
        for (arn, expected) in [
            (
                "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s-AbCdEf",
                "https://secretsmanager.eu-west-1.amazonaws.com",
            ),
            (
                "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:s-AbCdEf",
                "https://secretsmanager.cn-north-1.amazonaws.com.cn",
            ),
        ] {
            assert_eq!(endpoint(arn), expected);
        }
    }
}
