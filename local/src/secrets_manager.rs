//! Secrets Manager: the present and the previous version of each secret of the template.
//!
//! A version's id lasts as long as the process. Binary secrets, rotation by a function, deletion and other stages are not supported.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::aws_call::Service;
use crate::error_response::error_response;
use crate::permissions::RequiredPermission;
use crate::secret_folder::SecretFolder;
use crate::stack_spec::Secret;

/// The stages of a secret's versions.
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
/// The limit of a secret's value (Secrets Manager's quota).
const MAX_SECRET_BYTES: usize = 65_536;

/// The secrets of one stack. Clones share them.
#[derive(Clone)]
pub struct SecretsManager {
    secrets: Arc<Mutex<BTreeMap<String, StoredSecret>>>,
    folder: SecretFolder,
}

/// A secret and its versions, newest first: one or two.
struct StoredSecret {
    spec: Secret,
    versions: Vec<Version>,
}

#[derive(Clone)]
struct Version {
    id: String,
    value: String,
    created_at: Timestamp,
}

/// The fields of all requests.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SecretRequest {
    secret_id: String,
    secret_string: Option<String>,
    version_id: Option<String>,
    version_stage: Option<String>,
    version_stages: Option<Vec<String>>,
    client_request_token: Option<String>,
    password_length: Option<usize>,
    exclude_punctuation: bool,
}

/// The code and the message of an error.
type CallError = (&'static str, String);

/// The permission that a call needs.
pub fn required_for_secret(operation: &str, body: &[u8]) -> Vec<RequiredPermission> {
    let request: SecretRequest = serde_json::from_slice(body).unwrap_or_default();
    let resource = match request.secret_id.strip_prefix("arn:") {
        Some(_) => request.secret_id,
        None if request.secret_id.is_empty() => "*".to_owned(),
        None => Secret::arn_of(&request.secret_id),
    };
    vec![RequiredPermission {
        action: format!("secretsmanager:{operation}"),
        resource,
        prefix: None,
    }]
}

impl SecretsManager {
    /// The secrets of a stack. New values are stored in the folder.
    pub fn new(secrets: &[Secret], folder: SecretFolder) -> Self {
        let stored = secrets.iter().map(|spec| {
            let values = [Some(&spec.value), spec.previous_value.as_ref()];
            let versions = values.into_iter().flatten().map(|value| Version {
                id: Uuid::new_v4().to_string(),
                value: value.clone(),
                created_at: Timestamp::now(),
            });
            let secret = StoredSecret {
                spec: spec.clone(),
                versions: versions.collect(),
            };
            (spec.name.clone(), secret)
        });
        Self {
            secrets: Arc::new(Mutex::new(stored.collect())),
            folder,
        }
    }

    pub fn call(&self, operation: &str, body: &[u8]) -> Response {
        let performed = match serde_json::from_slice(body) {
            Ok(request) => self.perform(operation, &request),
            Err(error) => Err(("SerializationException", error.to_string())),
        };
        match performed {
            Ok(response) => {
                let headers = [("content-type", "application/x-amz-json-1.1")];
                (headers, response.to_string()).into_response()
            }
            Err((code, message)) => error_response(
                Service::SecretsManager,
                StatusCode::BAD_REQUEST,
                code,
                &message,
            ),
        }
    }

    fn perform(&self, operation: &str, request: &SecretRequest) -> Result<Value, CallError> {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let secret = secrets
            .values_mut()
            .find(|secret| [&secret.spec.name, &secret.spec.arn].contains(&&request.secret_id));
        let absent = || {
            let message = "Secrets Manager can't find the specified secret.";
            ("ResourceNotFoundException", message.to_owned())
        };
        match operation {
            "GetRandomPassword" => random_password(request),
            "GetSecretValue" => secret.ok_or_else(absent)?.value(request),
            "DescribeSecret" => Ok(secret.ok_or_else(absent)?.description()),
            "PutSecretValue" => secret.ok_or_else(absent)?.put(request, &self.folder),
            _ => {
                let message = format!("The embedded Secrets Manager does not have {operation}.");
                Err(("UnknownOperationException", message))
            }
        }
    }
}

impl StoredSecret {
    fn value(&self, request: &SecretRequest) -> Result<Value, CallError> {
        let stage = request.version_stage.as_deref();
        let default_stage = request.version_id.is_none().then_some(CURRENT);
        let stage = stage.or(default_stage);
        let mut staged = self.versions.iter().zip([CURRENT, PREVIOUS]);
        let found = staged.find(|(version, of)| {
            stage.is_none_or(|stage| stage == *of)
                && request
                    .version_id
                    .as_ref()
                    .is_none_or(|id| *id == version.id)
        });
        let (version, stage) = found.ok_or_else(|| {
            let what = stage.map_or("VersionId", |_| "staging label");
            let which = stage.or(request.version_id.as_deref()).unwrap_or_default();
            let message = format!(
                "Secrets Manager can't find the specified secret value for {what}: {which}"
            );
            ("ResourceNotFoundException", message)
        })?;
        let Secret { arn, name, .. } = &self.spec;
        Ok(json!({
            "ARN": arn, "Name": name, "VersionId": version.id, "VersionStages": [stage],
            "SecretString": version.value, "CreatedDate": seconds(version.created_at),
        }))
    }

    fn description(&self) -> Value {
        let Secret { arn, name, .. } = &self.spec;
        let stages = self.versions.iter().zip([CURRENT, PREVIOUS]);
        let stages: BTreeMap<_, _> = stages
            .map(|(version, stage)| (&version.id, [stage]))
            .collect();
        let times = || {
            self.versions
                .iter()
                .map(|version| seconds(version.created_at))
        };
        json!({
            "ARN": arn, "Name": name, "VersionIdsToStages": stages,
            "CreatedDate": times().next_back(), "LastChangedDate": times().next(),
        })
    }

    /// Makes a value the present version. A request that repeats a version's id changes nothing.
    fn put(&mut self, request: &SecretRequest, folder: &SecretFolder) -> Result<Value, CallError> {
        let invalid = |message: &str| ("InvalidParameterException", message.to_owned());
        let value = request.secret_string.clone().unwrap_or_default();
        if value.is_empty() || value.len() > MAX_SECRET_BYTES {
            return Err(invalid("SecretString must be 1 to 65536 bytes."));
        }
        let stages = request.version_stages.as_deref();
        if stages.is_some_and(|stages| stages != [CURRENT]) {
            return Err(invalid(
                "The embedded Secrets Manager supports only AWSCURRENT here.",
            ));
        }
        let token = request.client_request_token.clone();
        let id = token.unwrap_or_else(|| Uuid::new_v4().to_string());
        let Secret {
            arn,
            name,
            logical_id,
            ..
        } = &self.spec;
        match self.versions.iter().find(|version| version.id == id) {
            Some(version) if version.value != value => {
                let message = "A version with this ClientRequestToken has another value.";
                return Err(("ResourceExistsException", message.to_owned()));
            }
            Some(_) => {}
            None => {
                let stored = folder.replace(logical_id, &self.versions[0].value, &value);
                stored.map_err(|error| ("InternalServiceError", format!("{error:#}")))?;
                let created_at = Timestamp::now();
                let id = id.clone();
                self.versions.insert(
                    0,
                    Version {
                        id,
                        value,
                        created_at,
                    },
                );
                self.versions.truncate(2);
            }
        }
        Ok(json!({"ARN": arn, "Name": name, "VersionId": id, "VersionStages": [CURRENT]}))
    }
}

/// A password of random characters; of its options the length and the punctuation are supported.
fn random_password(request: &SecretRequest) -> Result<Value, CallError> {
    let length = request.password_length.unwrap_or(32);
    if !(4..=4096).contains(&length) {
        let message = "PasswordLength must be 4 to 4096.";
        return Err(("InvalidParameterException", message.to_owned()));
    }
    let is_allowed = |character: &char| match request.exclude_punctuation {
        true => character.is_ascii_alphanumeric(),
        false => character.is_ascii_graphic(),
    };
    // All bytes of such an id but the seventh and the ninth are random.
    let random = std::iter::repeat_with(Uuid::new_v4);
    let random = random.flat_map(|id| id.into_bytes().into_iter().take(6));
    let characters = random
        .map(|byte| char::from(byte & 0x7f))
        .filter(is_allowed);
    Ok(json!({"RandomPassword": characters.take(length).collect::<String>()}))
}

/// The protocol's format of a time: seconds since 1970.
fn seconds(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn call(secrets: &SecretsManager, operation: &str, request: Value) -> (u16, Value) {
        let response = secrets.call(operation, request.to_string().as_bytes());
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_new_value_makes_the_present_one_the_previous_version() {
        let data = tempfile::tempdir().unwrap();
        let folder = SecretFolder::of(data.path());
        let spec = Secret {
            logical_id: "Token".into(),
            name: "n".into(),
            arn: Secret::arn_of("n"),
            value: "one".into(),
            previous_value: None,
        };
        let secrets = SecretsManager::new(&[spec], folder.clone());
        let value = async |stage: Option<&str>| {
            let request = json!({"SecretId": Secret::arn_of("n"), "VersionStage": stage});
            let (status, body) = call(&secrets, "GetSecretValue", request).await;
            body["SecretString"]
                .as_str()
                .map(str::to_owned)
                .ok_or((status, body["__type"].clone()))
        };
        assert_eq!(value(None).await, Ok("one".to_owned()));
        let absent = (400, json!("ResourceNotFoundException"));
        assert_eq!(value(Some(PREVIOUS)).await, Err(absent));

        let put = json!({"SecretId": "n", "SecretString": "two", "ClientRequestToken": "t"});
        for _ in 0..2 {
            let (status, body) = call(&secrets, "PutSecretValue", put.clone()).await;
            assert_eq!((status, &body["VersionId"]), (200, &json!("t")));
        }
        assert_eq!(value(Some(CURRENT)).await, Ok("two".to_owned()));
        assert_eq!(value(Some(PREVIOUS)).await, Ok("one".to_owned()));
        assert_eq!(folder.current("Token").unwrap().as_deref(), Some("two"));
        assert_eq!(folder.previous("Token").unwrap().as_deref(), Some("one"));
        let random = json!({"PasswordLength": 64, "ExcludePunctuation": true});
        let (_, random) = call(&secrets, "GetRandomPassword", random).await;
        let password = random["RandomPassword"].as_str().unwrap();
        assert_eq!(password.len(), 64);
        assert!(password.chars().all(|one| one.is_ascii_alphanumeric()));
        let (_, described) = call(&secrets, "DescribeSecret", json!({"SecretId": "n"})).await;
        assert_eq!(described["VersionIdsToStages"]["t"], json!([CURRENT]));
    }

    #[tokio::test]
    async fn requests_that_are_not_supported_are_refused_by_name() {
        let data = tempfile::tempdir().unwrap();
        let secrets = SecretsManager::new(&[], SecretFolder::of(data.path()));
        for (operation, expected) in [
            ("GetSecretValue", "ResourceNotFoundException"),
            ("DeleteSecret", "UnknownOperationException"),
        ] {
            let (status, body) = call(&secrets, operation, json!({"SecretId": "other"})).await;
            assert_eq!((status, &body["__type"]), (400, &json!(expected)));
        }
    }
}
