//! `$connect` and `$disconnect`: keeps the connection's row, and selects our subprotocol.
//!
//! Who is let in was decided by the authorizer; this writes down whom it let in, unless they have as many
//! connections as are allowed.

use aws_lambda_events::apigw::{
    ApiGatewayProxyResponse as Response, ApiGatewayWebsocketProxyRequest as Request,
};
use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::config::Config;
use longhaul_shared::connections::{Connections, Opening};
use longhaul_shared::ids::ConnectionId;
use longhaul_shared::{sdk, time};

use crate::speaker::{self, SUBPROTOCOL};

pub async fn serve(config: &Config) -> Result<(), Error> {
    let dynamo = Client::new(&sdk::config().await);
    let connections = &Connections::open(config, &dynamo)?;
    let most = config.count("CONNECTIONS_PER_USER")?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Request>| async move {
        let answered = handle(connections, most, event.payload).await;
        answered.inspect_err(|error| {
            tracing::error!(
                error = format!("{error:#}"),
                "a connection was not recorded"
            )
        })
    }))
    .await
}

async fn handle(
    connections: &Connections,
    most: u32,
    request: Request,
) -> anyhow::Result<Response> {
    let (context, now) = (request.request_context, time::now());
    let connection = ConnectionId(context.connection_id.unwrap_or_default());
    let mut response = Response::default();
    response.status_code = 200;
    if context.event_type.as_deref() == Some("DISCONNECT") {
        connections.close(&connection, now).await?;
        return Ok(response);
    }
    let opening = Opening {
        connection: connection.clone(),
        connected_at: Timestamp::from_millisecond(context.connected_at)?,
        ip_address: context.identity.source_ip,
        user_agent: context.identity.user_agent,
    };
    let identity = speaker::from_context(&context.authorizer.fields);
    connections.record(opening, identity.as_ref()).await?;
    if let Some(identity) = identity
        && !connections
            .take_room(&identity.owner, &connection, most, now)
            .await?
    {
        let user = speaker::name_for_the_log(&identity);
        tracing::info!(%connection, user, most, "a connection was refused: its user has as many as are allowed");
        connections.close(&connection, now).await?;
        response.status_code = 429;
        return Ok(response);
    }
    let offered = request
        .headers
        .get("sec-websocket-protocol")
        .and_then(|value| value.to_str().ok());
    if speaker::offered(offered).any(|offer| offer == SUBPROTOCOL) {
        response
            .headers
            .insert("sec-websocket-protocol", SUBPROTOCOL.parse()?);
    }
    Ok(response)
}
