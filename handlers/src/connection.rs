//! `connection` (`$connect` and `$disconnect`): writes the connection's row, and selects our subprotocol.
//!
//! The authorizer has decided who may connect. A user who has the most connections already is refused here.

use anyhow::Result;
use aws_lambda_events::apigw::{
    ApiGatewayProxyResponse as Response, ApiGatewayWebsocketProxyRequest as Request,
};
use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::auth::Identity;
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::clock::Clock;
use longhaul_shared::domain::ids::{ConnectionId, SessionId};
use longhaul_shared::messaging::delivery_queue::DeliveryQueue;
use longhaul_shared::messaging::push::ConnectionPusher;
use longhaul_shared::random::Random;
use longhaul_shared::settings::{Environment, Settings};
use longhaul_shared::store::connections::{Connections, NewConnection};
use longhaul_shared::store::inbox::Inbox;
use longhaul_shared::store::sessions::Sessions;
use longhaul_shared::store::subscriptions::Subscriptions;
use longhaul_shared::telemetry;
use metrics::counter;

use crate::caller_identity::{self, SUBPROTOCOL, offered_subprotocols};
use crate::closed_connections;
use crate::connection_end::{ConnectionEnder, EndReport};
use crate::settings::ConnectionSettings;

struct ConnectionHandler {
    connections: Connections,
    pusher: ConnectionPusher,
    ender: ConnectionEnder,
    deliveries: DeliveryQueue,
    /// The most connections of one user; 0 for any number.
    connections_per_user: u32,
    clock: Clock,
    random: Random,
}

pub async fn serve(environment: &Environment) -> Result<(), Error> {
    let settings = ConnectionSettings::read(environment)?;
    let clients = AwsClients::open().await;
    let dynamo = Client::new(&clients);
    let inbox = Inbox::new(&dynamo, settings.inbox_table);
    let connections = Connections::new(&dynamo, settings.connections_table);
    let endpoint = &settings.connections_endpoint;
    let handler = &ConnectionHandler {
        pusher: ConnectionPusher::new(&clients, endpoint, connections.clone()),
        ender: ConnectionEnder {
            connections: connections.clone(),
            sessions: Sessions::new(&dynamo, settings.sessions_table),
            subscriptions: Subscriptions::new(&dynamo, settings.subscriptions_table),
        },
        connections,
        deliveries: DeliveryQueue::new(&clients, settings.deliveries_queue_url, inbox),
        connections_per_user: settings.connections_per_user,
        clock: Clock::system(),
        random: Random::system(),
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Request>| async move {
        let handled = handler.handle(event.payload);
        let response = telemetry::observed(&event.context.request_id, handled).await;
        response.inspect_err(|error| {
            let error = format!("{error:#}");
            tracing::error!(error, "handling a connection's event failed");
        })
    }))
    .await
}

impl ConnectionHandler {
    async fn handle(&self, request: Request) -> Result<Response> {
        let connection = request.request_context.connection_id.clone();
        let connection = ConnectionId(connection.unwrap_or_default());
        let event = request.request_context.event_type.as_deref();
        let now = self.clock.now();
        match event == Some("DISCONNECT") {
            true => self.disconnect(&connection, request, now).await,
            false => self.connect(&connection, request, now).await,
        }
    }

    async fn disconnect(
        &self,
        connection: &ConnectionId,
        request: Request,
        now: Timestamp,
    ) -> Result<Response> {
        let context = request.request_context;
        let report = EndReport {
            identity: caller_identity::from_context(&context.authorizer.fields),
            connected_at: Some(Timestamp::from_millisecond(context.connected_at)?),
            code: context.disconnect_status_code,
            reason: context.disconnect_reason.filter(|text| !text.is_empty()),
        };
        self.ender.end(connection, report, now).await?;
        Ok(response(200))
    }

    async fn connect(
        &self,
        connection: &ConnectionId,
        request: Request,
        now: Timestamp,
    ) -> Result<Response> {
        let context = request.request_context;
        let new_connection = NewConnection {
            connection: connection.clone(),
            session: SessionId::new(now, &self.random.id_bytes()),
            connected_at: Timestamp::from_millisecond(context.connected_at)?,
            ip_address: context.identity.source_ip,
            user_agent: context.identity.user_agent,
        };
        let identity = caller_identity::from_context(&context.authorizer.fields);
        self.connections
            .record(new_connection, identity.as_ref())
            .await?;
        if let Some(identity) = &identity {
            if !self.admit(connection, identity, now).await? {
                self.connections.close(connection, now).await?;
                return Ok(response(429));
            }
            self.deliveries
                .request_delivery(&identity.owner, connection)
                .await;
        }
        counter!("ConnectionsOpened").increment(1);
        let mut response = response(200);
        let header = request.headers.get("sec-websocket-protocol");
        let header = header.and_then(|value| value.to_str().ok());
        if offered_subprotocols(header).any(|offer| offer == SUBPROTOCOL) {
            let selected = SUBPROTOCOL.parse()?;
            response.headers.insert("sec-websocket-protocol", selected);
        }
        Ok(response)
    }

    /// Whether the user may have one more connection.
    async fn admit(
        &self,
        connection: &ConnectionId,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<bool> {
        let max = self.connections_per_user;
        let place = (&identity.owner, connection);
        let admitted =
            closed_connections::admit(&self.ender, &self.pusher, place, max, now).await?;
        if !admitted {
            let user = caller_identity::name_for_logs(identity);
            tracing::info!(%connection, user, max, "a connection was refused: its user has the most connections already");
            counter!("LimitsHit", "Limit" => "connections").increment(1);
        }
        Ok(admitted)
    }
}

fn response(status: i64) -> Response {
    let mut response = Response::default();
    response.status_code = status;
    response
}
