//! `authorize`, the `$connect` authorizer: a token in the subprotocol or on the URL becomes an identity.
//!
//! A connection without a token is admitted unauthenticated, since it may still authenticate by a frame. One with
//! an invalid token, or from a page or a network that may not connect, is refused with 403. The log has each
//! decision. No table is read.

use anyhow::{Context, Result};
use aws_lambda_events::apigw::ApiGatewayCustomAuthorizerRequestTypeRequest as Request;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::auth::{Identity, Verifier, VerifyError};
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::clock::Clock;
use longhaul_shared::domain::limits;
use longhaul_shared::settings::{Environment, Settings};
use longhaul_shared::telemetry;
use metrics::counter;
use serde_json::{Map, Value, json};

use crate::IdentityMode;
use crate::caller_identity::{self, SUBPROTOCOL, claimed_identity, offered_subprotocols};
use crate::connect_policy::ConnectPolicy;
use crate::settings::AuthorizeSettings;

struct Authorizer {
    policy: ConnectPolicy,
    verifier: Verifier,
    identity_mode: IdentityMode,
}

/// Whether a connection is admitted.
enum Decision {
    /// With this identity, or unauthenticated.
    Allow(Option<Identity>),
    /// For this reason, which is logged.
    Deny(String),
}

pub async fn serve(environment: &Environment, identity_mode: IdentityMode) -> Result<(), Error> {
    let settings = AuthorizeSettings::read(environment)?;
    let clock = &Clock::system();
    let clients = AwsClients::open().await;
    let authorizer = &Authorizer {
        policy: ConnectPolicy {
            origins: settings.origins,
            networks: settings.networks,
        },
        verifier: settings.tokens.verifier(&clients)?,
        identity_mode,
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let authorized = authorizer.authorize(event.payload, clock.now());
        let response = telemetry::observed(&event.context.request_id, authorized).await;
        response.inspect_err(|error| {
            let error = format!("{error:#}");
            tracing::error!(error, "authorizing a connection failed");
        })
    }))
    .await
}

impl Authorizer {
    /// The response to API Gateway: a policy, and the identity that comes with the connection's later events.
    async fn authorize(&self, event: Value, now: Timestamp) -> Result<Value> {
        // The request's type has no such field, since it serves REST APIs too.
        let connection = event["requestContext"]["connectionId"].as_str();
        let connection = connection.unwrap_or_default().to_owned();
        let request: Request = serde_json::from_value(event).context("reading the request")?;
        let decision = self.decide(&request, now).await?;
        log_decision(&connection, &request, &decision);
        let (effect, context, principal) = match decision {
            Decision::Allow(Some(identity)) => {
                let context = caller_identity::to_context(&identity);
                ("Allow", context, identity.owner.user)
            }
            Decision::Allow(None) => ("Allow", Map::new(), "unauthenticated".to_owned()),
            Decision::Deny(_) => ("Deny", Map::new(), "refused".to_owned()),
        };
        Ok(json!({
            "principalId": principal,
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": request.method_arn}],
            },
            "context": context,
        }))
    }

    async fn decide(&self, request: &Request, now: Timestamp) -> Result<Decision> {
        if let Err(reason) = self.policy.check(origins(request), address(request)) {
            return Ok(Decision::Deny(reason.as_str().to_owned()));
        }
        let header = request.headers.get("sec-websocket-protocol");
        let header = header.and_then(|value| value.to_str().ok());
        let in_subprotocol = offered_subprotocols(header).find(|offer| *offer != SUBPROTOCOL);
        let parameters = &request.query_string_parameters;
        if let Some(token) = in_subprotocol.or(parameters.first("token")) {
            return match self.verifier.verify(token, now).await {
                Ok(identity) => Ok(Decision::Allow(Some(identity))),
                Err(VerifyError::Invalid(error)) => Ok(Decision::Deny(error.to_string())),
                Err(VerifyError::NoKeys(error)) => Err(error),
            };
        }
        let claim = match self.identity_mode {
            IdentityMode::Tokens => None,
            IdentityMode::Claims => parameters.first("userId"),
        };
        let username = parameters.first("username");
        Ok(Decision::Allow(
            claim.map(|user| claimed_identity(user, username, now)),
        ))
    }
}

/// Writes to the audit log, without the token and the URL.
fn log_decision(connection: &str, request: &Request, decision: &Decision) {
    let (address, origin) = (address(request), origins(request).next());
    let origin = origin.map(|origin| limits::prefix(origin, 256));
    match decision {
        Decision::Allow(identity) => {
            let user = identity.as_ref().map(caller_identity::name_for_logs);
            tracing::info!(
                connection,
                address,
                origin,
                user,
                "a connection was admitted"
            );
        }
        Decision::Deny(reason) => {
            counter!("ConnectionsRefused").increment(1);
            tracing::info!(
                connection,
                address,
                origin,
                reason,
                "a connection was refused"
            );
        }
    }
}

fn address(request: &Request) -> Option<&str> {
    let identity = request.request_context.identity.as_ref();
    identity.and_then(|identity| identity.source_ip.as_deref())
}

/// Every `Origin` header of the handshake. One that is no text counts as an origin that is not allowed.
fn origins(request: &Request) -> impl Iterator<Item = &str> {
    let (one, all) = (&request.headers, &request.multi_value_headers);
    let values = one.get_all("origin").iter().chain(all.get_all("origin"));
    values.map(|value| value.to_str().unwrap_or("unreadable"))
}
