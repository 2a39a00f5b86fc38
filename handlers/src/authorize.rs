//! The `$connect` authorizer: a token in the subprotocol or on the URL becomes an identity.
//!
//! A connection without any token is let in unknown, as it may still authenticate by a frame; one
//! with a bad token is refused with 403. Touches no table.

use aws_lambda_events::apigw::ApiGatewayCustomAuthorizerRequestTypeRequest as Request;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::auth::{Identity, TokenError, Verifier};
use longhaul_shared::config::Config;
use longhaul_shared::time;
use serde_json::{Map, Value, json};

use crate::Trust;
use crate::speaker::{self, SUBPROTOCOL};

struct Authorizer {
    verifier: Verifier,
    trust: Trust,
}

pub async fn serve(config: &Config, trust: Trust) -> Result<(), Error> {
    let authorizer = &Authorizer {
        verifier: Verifier::hs256(config.required("LONGHAUL_JWT_SECRET")?),
        trust,
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Request>| async move {
        Ok::<_, Error>(authorizer.verdict(&event.payload, time::now()))
    }))
    .await
}

impl Authorizer {
    /// The policy that API Gateway acts on.
    fn verdict(&self, request: &Request, now: Timestamp) -> Value {
        let address = request
            .request_context
            .identity
            .as_ref()
            .and_then(|identity| identity.source_ip.as_deref());
        let (effect, context, principal) = match self.identity(request, now) {
            Ok(Some(identity)) => ("Allow", speaker::to_context(&identity), identity.owner.user),
            Ok(None) => ("Allow", Map::new(), "unauthenticated".to_owned()),
            Err(reason) => {
                tracing::info!(address, %reason, "a connection was refused");
                ("Deny", Map::new(), "refused".to_owned())
            }
        };
        json!({
            "principalId": principal,
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": request.method_arn}],
            },
            "context": context,
        })
    }

    fn identity(&self, request: &Request, now: Timestamp) -> Result<Option<Identity>, TokenError> {
        let subprotocols = request
            .headers
            .get("sec-websocket-protocol")
            .and_then(|value| value.to_str().ok());
        let in_subprotocol = speaker::offered(subprotocols).find(|offer| *offer != SUBPROTOCOL);
        let on_url = request.query_string_parameters.first("token");
        if let Some(token) = in_subprotocol.or(on_url) {
            return self.verifier.verify(token, now).map(Some);
        }
        let claim = request
            .query_string_parameters
            .first("userId")
            .filter(|_| self.trust == Trust::Claims);
        Ok(claim.map(|user| {
            speaker::claimed(user, request.query_string_parameters.first("username"), now)
        }))
    }
}
