//! The identity of a connection: proved by a token, and bound to one user for the connection's life.

use longhaul_shared::auth::{Identity, VerifyError};
use longhaul_shared::protocol::ErrorResponse;
use longhaul_shared::store::connections::BindOutcome;

use crate::app_context::AppContext;
use crate::caller_identity::name_for_logs;
use crate::frame::{ActionError, FrameContext};
use crate::quota;

/// The identity that a token proves.
pub async fn verify(
    app: &AppContext,
    frame: &FrameContext,
    token: &str,
) -> Result<Identity, ActionError> {
    let verified = app.verifier.verify(token, frame.now).await;
    verified.map_err(|error| match error {
        VerifyError::Invalid(error) => ActionError::InvalidToken(error),
        VerifyError::NoKeys(error) => ActionError::Internal(error),
    })
}

/// Binds the identity to the frame's connection, unless another user's is bound to it. A first binding, and one
/// after the token had expired, requests the delivery of the user's inbox.
pub async fn bind(
    app: &AppContext,
    frame: &FrameContext,
    identity: &Identity,
) -> Result<(), ActionError> {
    quota::admit_connection(app, frame, &identity.owner).await?;
    let connections = &app.stores.connections;
    let bound = connections.bind(&frame.connection, identity, frame.now);
    let message = match bound.await? {
        BindOutcome::Bound => {
            let user = name_for_logs(identity);
            tracing::info!(connection = %frame.connection, user, "a connection was authenticated");
            request_delivery(app, frame, identity).await;
            return Ok(());
        }
        // What was sent to the user in the meantime is in the inbox.
        BindOutcome::Renewed { had_expired: true } => {
            request_delivery(app, frame, identity).await;
            return Ok(());
        }
        BindOutcome::Renewed { had_expired: false } => return Ok(()),
        BindOutcome::OtherOwner => "This connection belongs to another user.",
        BindOutcome::Gone => "This connection is closed.",
    };
    Err(ErrorResponse::authentication(message).into())
}

async fn request_delivery(app: &AppContext, frame: &FrameContext, identity: &Identity) {
    let deliveries = &app.queues.deliveries;
    deliveries
        .request_delivery(&identity.owner, &frame.connection)
        .await;
}
