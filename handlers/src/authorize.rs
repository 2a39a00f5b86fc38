//! The `$connect` authorizer: a token in the subprotocol or on the URL becomes an identity.
//!
//! A connection without any token is let in unknown, as it may still authenticate by a frame; one
//! with a bad token, or from a page or a network that may not connect, is refused with 403. Each verdict is
//! logged: who, from where, why. Touches no table.

use anyhow::Context;
use aws_lambda_events::apigw::ApiGatewayCustomAuthorizerRequestTypeRequest as Request;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::auth::{Identity, Verifier};
use longhaul_shared::clock;
use longhaul_shared::domain::limits;
use longhaul_shared::settings::Environment;
use longhaul_shared::telemetry;
use metrics::counter;
use serde_json::{Map, Value, json};

use crate::IdentityMode;
use crate::caller_identity::{self, SUBPROTOCOL};
use crate::connect_policy::ConnectPolicy;

struct Authorizer {
    admission: ConnectPolicy,
    verifier: Verifier,
    trust: IdentityMode,
}

/// Whom a connection is let in as, if as anybody; or why it is refused.
type Verdict = Result<Option<Identity>, String>;

pub async fn serve(config: &Environment, trust: IdentityMode) -> Result<(), Error> {
    let authorizer = &Authorizer {
        admission: ConnectPolicy::open(config)?,
        verifier: Verifier::open(config)?,
        trust,
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let judged = authorizer.policy(event.payload, clock::now());
        let policy = telemetry::observed(&event.context.request_id, judged).await;
        policy.inspect_err(|error| {
            let error = format!("{error:#}");
            tracing::error!(error, "a connection was not judged");
        })
    }))
    .await
}

impl Authorizer {
    /// The policy that API Gateway acts on.
    async fn policy(&self, event: Value, now: Timestamp) -> anyhow::Result<Value> {
        // The request's type leaves this out, as it serves REST APIs too.
        let connection = event["requestContext"]["connectionId"].as_str();
        let connection = connection.unwrap_or_default().to_owned();
        let request: Request = serde_json::from_value(event).context("reading the request")?;
        let verdict = self.verdict(&request, now).await?;
        note(&connection, &request, &verdict);
        let (effect, context, principal) = match verdict {
            Ok(Some(identity)) => (
                "Allow",
                caller_identity::to_context(&identity),
                identity.owner.user,
            ),
            Ok(None) => ("Allow", Map::new(), "unauthenticated".to_owned()),
            Err(_) => ("Deny", Map::new(), "refused".to_owned()),
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

    async fn verdict(&self, request: &Request, now: Timestamp) -> anyhow::Result<Verdict> {
        if let Err(unwelcome) = self.admission.judge(origins(request), address(request)) {
            return Ok(Err(unwelcome.reason().to_owned()));
        }
        let subprotocols = request
            .headers
            .get("sec-websocket-protocol")
            .and_then(|value| value.to_str().ok());
        let in_subprotocol =
            caller_identity::offered(subprotocols).find(|offer| *offer != SUBPROTOCOL);
        let on_url = request.query_string_parameters.first("token");
        if let Some(token) = in_subprotocol.or(on_url) {
            let verified = self.verifier.verify(token, now).await?;
            return Ok(verified.map(Some).map_err(|error| error.to_string()));
        }
        let claim = request
            .query_string_parameters
            .first("userId")
            .filter(|_| self.trust == IdentityMode::Claims);
        Ok(Ok(claim.map(|user| {
            caller_identity::claimed(user, request.query_string_parameters.first("username"), now)
        })))
    }
}

/// The audit trail of connections. The token is not in it, nor the URL.
fn note(connection: &str, request: &Request, verdict: &Verdict) {
    let (address, origin) = (address(request), origins(request).next());
    let origin = origin.map(|origin| limits::prefix(origin, 256));
    match verdict {
        Ok(identity) => {
            let user = identity.as_ref().map(caller_identity::name_for_the_log);
            tracing::info!(connection, address, origin, user, "a connection was let in");
        }
        Err(reason) => {
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

/// Every `Origin` header of the handshake; one that is no text counts as an origin that nobody has.
fn origins(request: &Request) -> impl Iterator<Item = &str> {
    let (one, all) = (&request.headers, &request.multi_value_headers);
    let values = one.get_all("origin").iter().chain(all.get_all("origin"));
    values.map(|value| value.to_str().unwrap_or("unreadable"))
}
