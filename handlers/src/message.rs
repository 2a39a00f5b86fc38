//! `message` (`$default`): parses a client's frame, identifies its caller, runs its action and responds.

use aws_lambda_events::apigw::{
    ApiGatewayProxyResponse as Response, ApiGatewayWebsocketProxyRequest as Event,
};
use aws_lambda_events::encodings::Body;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::auth::Identity;
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::aws::dynamo::Dynamo;
use longhaul_shared::clock::Clock;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::protocol::{ErrorCode, ErrorResponse};
use longhaul_shared::settings::{Environment, Settings};
use longhaul_shared::store::connections::Activity;
use longhaul_shared::telemetry;
use metrics::counter;

use crate::IdentityMode;
use crate::action::{ParsedAction, ParsedFrame};
use crate::actions::TABLE;
use crate::app_context::AppContext;
use crate::caller::Caller;
use crate::caller_identity;
use crate::frame::{ActionError, ActionResult, FrameContext};
use crate::settings::MessageSettings;

struct MessageHandler {
    app: AppContext,
    activity: Activity,
    clock: Clock,
}

pub async fn serve(environment: &Environment, identity_mode: IdentityMode) -> Result<(), Error> {
    let settings = MessageSettings::read(environment)?;
    let clients = AwsClients::open().await;
    let dynamo = Dynamo::open(&clients).await?;
    let handler = &MessageHandler {
        app: AppContext::new(settings, identity_mode, &clients, &dynamo)?,
        activity: Activity::default(),
        clock: Clock::system(),
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Event>| async move {
        let invocation = &event.context.request_id;
        let handled = handler.handle(event.payload, handler.clock.now(), invocation);
        let mut response = Response::default();
        response.status_code = 200;
        response.body = telemetry::observed(invocation, handled)
            .await
            .map(Body::Text);
        Ok::<_, Error>(response)
    }))
    .await
}

impl MessageHandler {
    /// The frame to respond with, if there is one. `error_id` names this invocation's log lines.
    async fn handle(&self, event: Event, now: Timestamp, error_id: &str) -> Option<String> {
        let parsed = ParsedFrame::parse(event.body.as_deref().unwrap_or_default(), TABLE);
        let action = match parsed.action {
            // Errors of these frames cost no read and no write.
            Err(error) if parsed.is_public => {
                return Some(error.frame(parsed.request_id.as_deref(), now));
            }
            action => action,
        };
        let context = event.request_context;
        let frame = FrameContext {
            connection: ConnectionId(context.connection_id.unwrap_or_default()),
            request_id: parsed.request_id,
            warnings: parsed.warnings,
            address: context.identity.source_ip,
            now,
            connected_at: Timestamp::from_millisecond(context.connected_at).unwrap_or_default(),
            authorized: caller_identity::from_context(&context.authorizer.fields),
        };
        let (result, ()) = tokio::join!(self.run(&frame, action), self.record_activity(&frame));
        let error = match result {
            Ok(response) => return response,
            Err(error) => error_response(&frame, error, error_id),
        };
        counter!("FramesRefused", "Code" => error.code.as_str()).increment(1);
        Some(error.frame(frame.request_id.as_deref(), now))
    }

    /// Runs the action. A frame that can't be parsed gets its error only if the caller is identified.
    async fn run(
        &self,
        frame: &FrameContext,
        action: Result<ParsedAction, ErrorResponse>,
    ) -> ActionResult {
        match action {
            Ok(action) => action.run(&self.app, frame).await,
            Err(error) => {
                Identity::identify(&self.app, frame).await?;
                Err(error.into())
            }
        }
    }

    /// Writes the time of the connection's last activity, at most once a minute.
    async fn record_activity(&self, frame: &FrameContext) {
        let (connection, now) = (&frame.connection, frame.now);
        if self.activity.is_due(connection, frame.connected_at, now)
            && let Err(error) = self
                .app
                .stores
                .connections
                .record_activity(connection, now)
                .await
        {
            tracing::warn!(%connection, error = format!("{error:#}"), "recording a connection's activity failed");
        }
    }
}

/// The response for an error, which is logged if operators need it.
fn error_response(frame: &FrameContext, error: ActionError, error_id: &str) -> ErrorResponse {
    match error {
        ActionError::Rejected(error) => {
            if matches!(error.code, ErrorCode::Authentication | ErrorCode::RateLimit) {
                frame.log_rejection(&error.message);
            }
            error
        }
        ActionError::InvalidToken(error) => {
            frame.log_rejection(&error.to_string());
            ErrorResponse::authentication(error.for_client())
        }
        ActionError::Internal(error) => {
            let error = format!("{error:#}");
            tracing::error!(error_id, connection = %frame.connection, error, "an action failed");
            ErrorResponse::internal(error_id)
        }
    }
}
