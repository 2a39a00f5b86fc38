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
use longhaul_shared::aws::clients;
use longhaul_shared::clock;
use longhaul_shared::domain::ids::{ConnectionId, SessionId};
use longhaul_shared::messaging::delivery_queue::DeliveryQueue;
use longhaul_shared::settings::Environment;
use longhaul_shared::store::connections::{Connections, NewConnection};
use longhaul_shared::store::sessions::Sessions;
use longhaul_shared::store::subscriptions::Subscriptions;
use longhaul_shared::telemetry;
use metrics::counter;

use uuid::Uuid;

use crate::caller_identity::{self, SUBPROTOCOL};

pub async fn serve(config: &Environment) -> Result<(), Error> {
    let sdk = clients::config().await;
    let dynamo = Client::new(&sdk);
    let deliveries = &DeliveryQueue::open(config, &sdk, &dynamo)?;
    let connections = &Connections::open(config, &dynamo)?;
    let sessions = &Sessions::open(config, &dynamo)?;
    let subscriptions = &Subscriptions::open(config, &dynamo)?;
    let most = config.count("CONNECTIONS_PER_USER")?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Request>| async move {
        let handled = handle(
            connections,
            sessions,
            deliveries,
            subscriptions,
            most,
            event.payload,
        );
        let answered = telemetry::observed(&event.context.request_id, handled).await;
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
    sessions: &Sessions,
    deliveries: &DeliveryQueue,
    subscriptions: &Subscriptions,
    most: u32,
    request: Request,
) -> anyhow::Result<Response> {
    let (context, now) = (request.request_context, clock::now());
    let connection = ConnectionId(context.connection_id.unwrap_or_default());
    let mut response = Response::default();
    response.status_code = 200;
    if context.event_type.as_deref() == Some("DISCONNECT") {
        if let Some(session) = connections.close(&connection, now).await? {
            sessions
                .end_for_connection(&connection, session, now)
                .await?;
        }
        subscriptions.remove_all(&connection).await?;
        counter!("ConnectionsClosed").increment(1);
        return Ok(response);
    }
    let opening = NewConnection {
        connection: connection.clone(),
        session: SessionId::new(
            now,
            Uuid::new_v4()
                .as_bytes()
                .first_chunk()
                .expect("16 bytes have ten"),
        ),
        connected_at: Timestamp::from_millisecond(context.connected_at)?,
        ip_address: context.identity.source_ip,
        user_agent: context.identity.user_agent,
    };
    let identity = caller_identity::from_context(&context.authorizer.fields);
    connections.record(opening, identity.as_ref()).await?;
    if let Some(identity) = &identity
        && !connections
            .admit(&identity.owner, &connection, most, now)
            .await?
    {
        let user = caller_identity::name_for_the_log(identity);
        tracing::info!(%connection, user, most, "a connection was refused: its user has as many as are allowed");
        counter!("LimitsHit", "Limit" => "connections").increment(1);
        connections.close(&connection, now).await?;
        response.status_code = 429;
        return Ok(response);
    }
    if let Some(identity) = &identity {
        deliveries
            .request_delivery(&identity.owner, &connection)
            .await;
    }
    counter!("ConnectionsOpened").increment(1);
    let offered = request
        .headers
        .get("sec-websocket-protocol")
        .and_then(|value| value.to_str().ok());
    if caller_identity::offered(offered).any(|offer| offer == SUBPROTOCOL) {
        response
            .headers
            .insert("sec-websocket-protocol", SUBPROTOCOL.parse()?);
    }
    Ok(response)
}
