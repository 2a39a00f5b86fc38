//! Identifies a caller by its request headers: the function and its execution environment.
//!
//! Signatures are not verified, so the identity is not authenticated.

use http::{HeaderMap, header};

use crate::aws_call::{AwsCall, Service};

/// The prefix of a function's AWS access key; the execution environment's id follows it.
pub const ACCESS_KEY_PREFIX: &str = "local-";

/// The caller of an AWS service over HTTP.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The function's name; empty if the caller is not a function.
    pub function: String,
    /// The id of the function's execution environment.
    pub environment: Option<String>,
}

impl Caller {
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let header_text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            function: header_text(header::USER_AGENT)
                .and_then(function_name)
                .unwrap_or_default()
                .to_owned(),
            environment: header_text(header::AUTHORIZATION)
                .and_then(environment_id)
                .map(str::to_owned),
        }
    }

    /// A call by this caller.
    pub fn call<'a>(&'a self, service: Service, operation: &'a str) -> AwsCall<'a> {
        AwsCall {
            service,
            operation,
            caller: &self.function,
            environment: self.environment.as_deref(),
        }
    }
}

/// The `app/` part of a user agent, which the SDK sets from `AWS_SDK_UA_APP_ID`.
fn function_name(user_agent: &str) -> Option<&str> {
    user_agent
        .split(' ')
        .find_map(|part| part.strip_prefix("app/"))
}

/// The access key of a signature (`AWS4-HMAC-SHA256 Credential=<key>/<date>/...`) without its prefix.
fn environment_id(signature: &str) -> Option<&str> {
    let (_, credential) = signature.split_once("Credential=")?;
    let (key, _) = credential.split_once('/')?;
    key.strip_prefix(ACCESS_KEY_PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(agent: &str, signature: &str) -> Caller {
        Caller::from_headers(&HeaderMap::from_iter([
            (header::USER_AGENT, agent.parse().unwrap()),
            (header::AUTHORIZATION, signature.parse().unwrap()),
        ]))
    }

    #[test]
    fn function_and_environment_come_from_the_headers() {
        let worker = Caller {
            function: "longhaul-worker".to_owned(),
            environment: Some("0f".to_owned()),
        };
        assert_eq!(
            caller(
                "aws-sdk-rust/1.3 ua/2.1 app/longhaul-worker os/linux",
                "AWS4-HMAC-SHA256 Credential=local-0f/20260501/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00",
            ),
            worker
        );
    }

    #[test]
    fn other_callers_have_no_identity() {
        let signature = "AWS4-HMAC-SHA256 Credential=local/20260501/us-east-1/sqs/aws4_request";
        assert_eq!(caller("aws-cli/1.45", signature), Caller::default());
        assert_eq!(Caller::from_headers(&HeaderMap::new()), Caller::default());
    }
}
