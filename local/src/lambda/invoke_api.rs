//! Lambda's `Invoke` and `InvokeWithResponseStream` over HTTP.
//!
//! Only the invocation type `RequestResponse` is supported. A qualifier is checked against the caller's role,
//! but always runs the function's current code.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::request::Parts;
use http::{Method, StatusCode};

use serde::de::IgnoredAny;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::host::STOPPING;
use super::outcome::InvokeOutcome;
use super::service::Lambda;
use crate::aws_call::Service;
use crate::error_response::error_response as aws_error_response;
use crate::event_stream::{CONTENT_TYPE, event};
use crate::permissions::RequiredPermission;
use crate::stack_spec::{ACCOUNT, REGION};

/// Lambda's quota for the request of a synchronous invocation: 6 MB.
const MAX_REQUEST_BYTES: usize = 6 << 20;

/// The function that a request invokes.
#[derive(Debug, PartialEq, Eq)]
pub struct InvokeTarget {
    /// The function's name.
    pub function: String,
    /// A version or alias.
    qualifier: Option<String>,
    /// Whether the request is an `InvokeWithResponseStream`.
    streaming: bool,
}

impl InvokeTarget {
    /// The target of an `Invoke` or `InvokeWithResponseStream` request; `None` for any other request.
    pub fn of(parts: &Parts) -> Option<Self> {
        let authorization = parts.headers.get("authorization")?.to_str().ok()?;
        let is_for_lambda = authorization.contains("/lambda/aws4_request");
        let path = parts.uri.path();
        let buffered = || {
            path.strip_prefix("/2015-03-31/functions/")?
                .strip_suffix("/invocations")
        };
        let streamed = || {
            let path = path.strip_prefix("/2021-11-15/functions/")?;
            path.strip_suffix("/response-streaming-invocations")
        };
        let name_or_arn = buffered().or_else(streamed)?;
        let streaming = buffered().is_none();
        if !is_for_lambda || parts.method != Method::POST {
            return None;
        }
        let name_or_arn = name_or_arn.replace("%3A", ":");
        // In an ARN, the name follows `arn:aws:lambda:region:account:function:`, and in a partial one
        // `account:function:`.
        let qualified_name = match name_or_arn.split_once(":function:") {
            Some((_, name)) => name,
            None => &name_or_arn,
        };
        let (function, qualifier) = match qualified_name.split_once(':') {
            Some((function, qualifier)) => (function, Some(qualifier.to_owned())),
            None => (qualified_name, None),
        };
        let query = parts.uri.query().unwrap_or_default();
        let in_query =
            form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "Qualifier");
        Some(Self {
            function: function.to_owned(),
            qualifier: qualifier.or(in_query.map(|(_, qualifier)| qualifier.into_owned())),
            streaming,
        })
    }

    /// The name of the operation in Lambda's API.
    pub fn operation(&self) -> &'static str {
        match self.streaming {
            true => "InvokeWithResponseStream",
            false => "Invoke",
        }
    }

    /// What the caller's role must allow. Both operations need the same action (Service Authorization
    /// Reference of Lambda).
    pub fn needs(&self) -> Vec<RequiredPermission> {
        let qualifier = self.qualifier.as_ref().map(|name| format!(":{name}"));
        let (function, qualifier) = (&self.function, qualifier.unwrap_or_default());
        vec![RequiredPermission {
            action: "lambda:InvokeFunction".to_owned(),
            resource: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}{qualifier}"),
            prefix: None,
        }]
    }
}

/// Handles an `Invoke` or `InvokeWithResponseStream` request.
pub async fn invoke(
    lambda: &Lambda,
    target: &InvokeTarget,
    invocation_type: &str,
    payload: Bytes,
) -> Response {
    if invocation_type != "RequestResponse" {
        return error_response(
            StatusCode::BAD_REQUEST,
            "InvalidParameterValueException",
            "The embedded cloud supports only the invocation type RequestResponse.",
        );
    }
    if payload.len() > MAX_REQUEST_BYTES {
        return error_response(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTooLargeException",
            &format!("Request must be smaller than {MAX_REQUEST_BYTES} bytes."),
        );
    }
    // The payload is optional. Without one, Lambda invokes the function with an empty object.
    let payload = match payload.is_empty() {
        true => Bytes::from_static(b"{}"),
        false => payload,
    };
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(&payload) {
        return error_response(
            StatusCode::BAD_REQUEST,
            "InvalidRequestContentException",
            &format!("Could not parse request body into json: {error}"),
        );
    }
    if target.streaming {
        return invoke_streaming(lambda, target, payload).await;
    }
    let outcome = lambda.invoke(&target.function, payload, None).await;
    outcome_response(target, outcome)
}

fn outcome_response(target: &InvokeTarget, outcome: InvokeOutcome) -> Response {
    match outcome {
        InvokeOutcome::Returned(payload) => payload.into_response(),
        InvokeOutcome::Failed { payload, .. } => {
            ([("x-amz-function-error", "Unhandled")], payload).into_response()
        }
        InvokeOutcome::Throttled => error_response(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequestsException",
            "Rate Exceeded.",
        ),
        InvokeOutcome::NoSuchFunction => error_response(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            &format!("Function not found: {}", target.function),
        ),
    }
}

fn error_response(status: StatusCode, code: &str, message: &str) -> Response {
    aws_error_response(Service::Lambda, status, code, message)
}

/// An invocation whose response is forwarded as it arrives.
struct StreamingInvocation {
    chunks: mpsc::Receiver<Bytes>,
    task: JoinHandle<InvokeOutcome>,
    /// The outcome, while chunks before it still have to be forwarded.
    outcome: Option<InvokeOutcome>,
}

enum StreamItem {
    Chunk(Bytes),
    End(InvokeOutcome),
}

impl StreamingInvocation {
    async fn next(&mut self) -> StreamItem {
        let outcome = match self.outcome.take() {
            Some(outcome) => outcome,
            None => tokio::select! {
                biased;
                Some(chunk) = self.chunks.recv() => return StreamItem::Chunk(chunk),
                outcome = &mut self.task => {
                    outcome.unwrap_or_else(|_| InvokeOutcome::init_failure(STOPPING))
                }
            },
        };
        // A chunk may have arrived right before the end.
        match self.chunks.try_recv() {
            Ok(chunk) => {
                self.outcome = Some(outcome);
                StreamItem::Chunk(chunk)
            }
            Err(_) => StreamItem::End(outcome),
        }
    }
}

/// Waits for the first chunk or the end, since only then the status is known, and streams the rest.
async fn invoke_streaming(lambda: &Lambda, target: &InvokeTarget, payload: Bytes) -> Response {
    let (sender, chunks) = mpsc::channel(1);
    let (lambda, function) = (lambda.clone(), target.function.clone());
    let task =
        tokio::spawn(async move { lambda.invoke_streaming(&function, payload, sender).await });
    let mut invocation = StreamingInvocation {
        chunks,
        task,
        outcome: None,
    };
    let first = match invocation.next().await {
        StreamItem::End(rejected @ (InvokeOutcome::Throttled | InvokeOutcome::NoSuchFunction)) => {
            return outcome_response(target, rejected);
        }
        first => first,
    };
    let state = Some((Some(first), invocation));
    let frames = stream::unfold(state, |state| async {
        let (first, mut invocation) = state?;
        let item = match first {
            Some(first) => first,
            None => invocation.next().await,
        };
        let (frame, state) = match item {
            StreamItem::Chunk(chunk) => (chunk_frame(&chunk), Some((None, invocation))),
            StreamItem::End(outcome) => (end_frames(outcome), None),
        };
        Some((Ok::<_, std::convert::Infallible>(frame), state))
    });
    ([("content-type", CONTENT_TYPE)], Body::from_stream(frames)).into_response()
}

fn chunk_frame(chunk: &[u8]) -> Vec<u8> {
    event("PayloadChunk", "application/octet-stream", chunk)
}

/// The frame that ends the stream, after the response if the function did not stream it.
fn end_frames(outcome: InvokeOutcome) -> Vec<u8> {
    let (mut frames, complete) = match outcome {
        InvokeOutcome::Returned(payload) if payload.is_empty() => (vec![], json!({})),
        InvokeOutcome::Returned(payload) => (chunk_frame(&payload), json!({})),
        InvokeOutcome::Failed { payload, .. } => {
            let details = String::from_utf8_lossy(&payload);
            let complete = json!({"ErrorCode": "Unhandled", "ErrorDetails": details});
            (vec![], complete)
        }
        InvokeOutcome::Throttled | InvokeOutcome::NoSuchFunction => {
            (vec![], json!({"ErrorCode": "Unknown"}))
        }
    };
    let complete = complete.to_string();
    frames.extend(event(
        "InvokeComplete",
        "application/json",
        complete.as_bytes(),
    ));
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> Option<InvokeTarget> {
        let request = http::Request::post(path).header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=a/20261126/us-east-1/lambda/aws4_request",
        );
        InvokeTarget::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_function_is_identified_by_name_or_arn_with_an_optional_qualifier() {
        let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aecho";
        for (name, qualifier) in [
            ("echo", None),
            ("echo:live", Some("live")),
            (arn, None),
            ("000000000000:function:echo", None),
            (&format!("{arn}%3Alive"), Some("live")),
        ] {
            let target = target(&format!("/2015-03-31/functions/{name}/invocations")).unwrap();
            assert_eq!(
                (target.function.as_str(), target.qualifier.as_deref()),
                ("echo", qualifier)
            );
        }
        let streaming = "/2021-11-15/functions/echo/response-streaming-invocations";
        let operation = target(streaming).unwrap().operation();
        assert_eq!(operation, "InvokeWithResponseStream");
        let in_query = target("/2015-03-31/functions/echo/invocations?Qualifier=7").unwrap();
        assert!(in_query.needs()[0].resource.ends_with(":function:echo:7"));
        assert_eq!(target("/2015-03-31/functions/echo"), None);
    }
}
