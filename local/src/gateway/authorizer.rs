//! Invokes a route's REQUEST authorizer.

use bytes::Bytes;
use serde_json::Value;

use super::handshake_request::HandshakeRequest;
use super::peer::Peer;
use super::rejection::HandshakeRejection;
use super::state::GatewayState;
use super::{authorizer_policy, event, integration};
use crate::lambda::InvokeOutcome;
use crate::stack_spec::Route;

/// The authorizer's context for later events; `None` if the route has no authorizer.
///
/// # Errors
/// 401 if an identity source is missing or the function says so, 403 by policy, 500 otherwise.
pub(super) async fn authorize(
    gateway: &GatewayState,
    route: &Route,
    peer: &Peer,
    handshake: &HandshakeRequest,
) -> Result<Option<Value>, HandshakeRejection> {
    let Some(function) = &route.authorizer else {
        return Ok(None);
    };
    let mut sources = route.identity_sources.iter();
    if !sources.all(|source| handshake.has_identity_source(source)) {
        return Err(HandshakeRejection::UNAUTHORIZED);
    }
    let event = event::authorize(gateway, peer, handshake);
    match integration::invoke(gateway, function, event).await {
        Ok(InvokeOutcome::Returned(payload)) => {
            authorizer_policy::evaluate(&payload, &event::method_arn(gateway)).map(Some)
        }
        Ok(InvokeOutcome::Failed { payload, .. }) if is_unauthorized_error(&payload) => {
            Err(HandshakeRejection::UNAUTHORIZED)
        }
        _ => Err(HandshakeRejection::AUTHORIZER_FAILED),
    }
}

/// A function's only way to respond 401 is an error with exactly this message.
fn is_unauthorized_error(payload: &Bytes) -> bool {
    serde_json::from_slice::<Value>(payload)
        .is_ok_and(|error| error["errorMessage"] == "Unauthorized")
}
