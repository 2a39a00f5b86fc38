//! Lambda's `Invoke`, as the SDKs call it: which function is meant, and what came of it as Lambda answers.
//!
//! Of invocations only those that are waited for, and of versions none: a qualifier is part of what a role
//! must allow, and whatever it says the function as it is runs.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};

use super::{Invoked, Lambda};
use crate::faults::refusal::refused;
use crate::faults::rules::Service;
use crate::permissions::Need;
use crate::plan::{ACCOUNT, REGION};

/// What a request, and an answer, may have (Lambda's quota for an invocation that is waited for).
const LARGEST_PAYLOAD: usize = 6 << 20;

/// A function by its name or ARN, as the caller says it.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    pub function: String,
    qualifier: Option<String>,
}

impl Target {
    /// The function that a call of `Invoke` is for; `None` of any other call.
    pub fn of(parts: &Parts) -> Option<Self> {
        let authorization = parts.headers.get("authorization")?.to_str().ok()?;
        let is_for_lambda = authorization.contains("/lambda/aws4_request");
        let path = parts.uri.path().strip_prefix("/2015-03-31/functions/")?;
        let named = path.strip_suffix("/invocations")?;
        if !is_for_lambda || parts.method != Method::POST {
            return None;
        }
        let named = named.replace("%3A", ":");
        // Of an ARN what follows `arn:aws:lambda:region:account:function:`.
        let named = match named.starts_with("arn:") {
            true => named.splitn(7, ':').nth(6)?,
            false => &named,
        };
        let (function, qualifier) = match named.split_once(':') {
            Some((function, qualifier)) => (function, Some(qualifier.to_owned())),
            None => (named, None),
        };
        let query = parts.uri.query().unwrap_or_default();
        let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "Qualifier");
        Some(Self {
            function: function.to_owned(),
            qualifier: qualifier.or(asked.map(|(_, qualifier)| qualifier.into_owned())),
        })
    }

    pub fn needs(&self) -> Vec<Need> {
        let qualifier = self.qualifier.as_ref().map(|name| format!(":{name}"));
        let (function, qualifier) = (&self.function, qualifier.unwrap_or_default());
        vec![Need {
            action: "lambda:InvokeFunction".to_owned(),
            resource: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}{qualifier}"),
        }]
    }
}

/// Invokes the function and waits for it.
pub async fn invoke(lambda: &Lambda, target: &Target, kind: &str, payload: Bytes) -> Response {
    let refused = |status, code, message: &str| refused(Service::Lambda, status, code, message);
    if kind != "RequestResponse" {
        let message = "The small cloud invokes only by RequestResponse.";
        return refused(
            StatusCode::BAD_REQUEST,
            "InvalidParameterValueException",
            message,
        );
    }
    if payload.len() > LARGEST_PAYLOAD {
        let message = format!("Request must be smaller than {LARGEST_PAYLOAD} bytes.");
        return refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTooLargeException",
            &message,
        );
    }
    match lambda.invoke(&target.function, payload, None).await {
        Invoked::Returned(payload) => payload.into_response(),
        Invoked::Failed { payload, .. } => {
            ([("x-amz-function-error", "Unhandled")], payload).into_response()
        }
        Invoked::Throttled => refused(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequestsException",
            "Rate Exceeded.",
        ),
        Invoked::NoSuchFunction => {
            let message = format!("Function not found: {}", target.function);
            refused(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<Target> {
        let request = http::Request::post(path).header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=a/20261126/us-east-1/lambda/aws4_request",
        );
        Target::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_function_is_named_in_several_ways() {
        let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Ahear";
        for (name, qualifier) in [
            ("hear", None),
            ("hear:live", Some("live")),
            (arn, None),
            (&format!("{arn}%3Alive"), Some("live")),
        ] {
            let target = of(&format!("/2015-03-31/functions/{name}/invocations")).unwrap();
            assert_eq!(
                (target.function.as_str(), target.qualifier.as_deref()),
                ("hear", qualifier)
            );
        }
        let asked = of("/2015-03-31/functions/hear/invocations?Qualifier=7").unwrap();
        assert!(asked.needs()[0].resource.ends_with(":function:hear:7"));
        assert_eq!(of("/2015-03-31/functions/hear"), None);
    }
}
