//! Lambda's `Invoke` and `InvokeWithResponseStream`, as the SDKs call them: which function is meant, and what
//! came of it as Lambda answers.
//!
//! Of invocations only those that are waited for, and of versions none: a qualifier is part of what a role
//! must allow, and whatever it says the function as it is runs.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::request::Parts;
use http::{Method, StatusCode};

use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Invoked, Lambda};
use crate::aws_call::Service;
use crate::error_response::error_response;
use crate::event_stream::{CONTENT_TYPE, event};
use crate::permissions::RequiredPermission;
use crate::plan::{ACCOUNT, REGION};

/// What a request, and an answer, may have (Lambda's quota for an invocation that is waited for).
const LARGEST_PAYLOAD: usize = 6 << 20;

/// A function by its name or ARN, as the caller says it.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    pub function: String,
    qualifier: Option<String>,
    /// Whether the response is wanted as it comes.
    streams: bool,
}

impl Target {
    /// The function that a call of `Invoke` is for; `None` of any other call.
    pub fn of(parts: &Parts) -> Option<Self> {
        let authorization = parts.headers.get("authorization")?.to_str().ok()?;
        let is_for_lambda = authorization.contains("/lambda/aws4_request");
        let path = parts.uri.path();
        let whole = || {
            path.strip_prefix("/2015-03-31/functions/")?
                .strip_suffix("/invocations")
        };
        let streamed = || {
            let path = path.strip_prefix("/2021-11-15/functions/")?;
            path.strip_suffix("/response-streaming-invocations")
        };
        let named = whole().or_else(streamed)?;
        let streams = whole().is_none();
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
            streams,
        })
    }

    /// Which of Lambda's calls it is.
    pub fn operation(&self) -> &'static str {
        match self.streams {
            true => "InvokeWithResponseStream",
            false => "Invoke",
        }
    }

    /// One action for both (Lambda's reference of actions).
    pub fn needs(&self) -> Vec<RequiredPermission> {
        let qualifier = self.qualifier.as_ref().map(|name| format!(":{name}"));
        let (function, qualifier) = (&self.function, qualifier.unwrap_or_default());
        vec![RequiredPermission {
            action: "lambda:InvokeFunction".to_owned(),
            resource: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}{qualifier}"),
        }]
    }
}

/// Invokes the function and waits for it.
pub async fn invoke(lambda: &Lambda, target: &Target, kind: &str, payload: Bytes) -> Response {
    let refused =
        |status, code, message: &str| error_response(Service::Lambda, status, code, message);
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
    if target.streams {
        return streamed(lambda, target, payload).await;
    }
    let invoked = lambda.invoke(&target.function, payload, None).await;
    answer(target, invoked)
}

fn answer(target: &Target, invoked: Invoked) -> Response {
    let refused =
        |status, code, message: &str| error_response(Service::Lambda, status, code, message);
    match invoked {
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

/// An invocation whose response is handed on as it comes.
struct Running {
    pieces: mpsc::Receiver<Bytes>,
    end: JoinHandle<Invoked>,
    /// Its end, while pieces before it are still to be handed on.
    ended: Option<Invoked>,
}

/// What is next of it.
enum Next {
    Piece(Bytes),
    Ended(Invoked),
}

impl Running {
    async fn next(&mut self) -> Next {
        let ended = match self.ended.take() {
            Some(ended) => ended,
            None => tokio::select! {
                biased;
                Some(piece) = self.pieces.recv() => return Next::Piece(piece),
                ended = &mut self.end => ended.unwrap_or_else(stopped),
            },
        };
        // What came last, before the end.
        match self.pieces.try_recv() {
            Ok(piece) => {
                self.ended = Some(ended);
                Next::Piece(piece)
            }
            Err(_) => Next::Ended(ended),
        }
    }
}

fn stopped(_: tokio::task::JoinError) -> Invoked {
    super::init_failure("the host is stopping")
}

/// Lambda's answer begins with the response's first piece, or with its end.
async fn streamed(lambda: &Lambda, target: &Target, payload: Bytes) -> Response {
    let (sender, pieces) = mpsc::channel(1);
    let (lambda, function) = (lambda.clone(), target.function.clone());
    let end = tokio::spawn(async move { lambda.invoke_streamed(&function, payload, sender).await });
    let mut running = Running {
        pieces,
        end,
        ended: None,
    };
    let first = match running.next().await {
        Next::Ended(refusal @ (Invoked::Throttled | Invoked::NoSuchFunction)) => {
            return answer(target, refusal);
        }
        first => first,
    };
    let state = Some((Some(first), running));
    let frames = stream::unfold(state, |state| async {
        let (first, mut running) = state?;
        let next = match first {
            Some(first) => first,
            None => running.next().await,
        };
        let (frame, state) = match next {
            Next::Piece(piece) => (chunk(&piece), Some((None, running))),
            Next::Ended(invoked) => (last(invoked), None),
        };
        Some((Ok::<_, std::convert::Infallible>(frame), state))
    });
    ([("content-type", CONTENT_TYPE)], Body::from_stream(frames)).into_response()
}

fn chunk(piece: &[u8]) -> Vec<u8> {
    event("PayloadChunk", "application/octet-stream", piece)
}

/// What ends the stream; before it, a response that was not streamed.
fn last(invoked: Invoked) -> Vec<u8> {
    let (mut frames, complete) = match invoked {
        Invoked::Returned(payload) if payload.is_empty() => (vec![], json!({})),
        Invoked::Returned(payload) => (chunk(&payload), json!({})),
        Invoked::Failed { payload, .. } => {
            let details = String::from_utf8_lossy(&payload);
            let complete = json!({"ErrorCode": "Unhandled", "ErrorDetails": details});
            (vec![], complete)
        }
        Invoked::Throttled | Invoked::NoSuchFunction => (vec![], json!({"ErrorCode": "Unknown"})),
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
        let streams = "/2021-11-15/functions/hear/response-streaming-invocations";
        let operation = of(streams).unwrap().operation();
        assert_eq!(operation, "InvokeWithResponseStream");
        let asked = of("/2015-03-31/functions/hear/invocations?Qualifier=7").unwrap();
        assert!(asked.needs()[0].resource.ends_with(":function:hear:7"));
        assert_eq!(of("/2015-03-31/functions/hear"), None);
    }
}
