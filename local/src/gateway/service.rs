//! [`Gateway`]: serves one WebSocket API.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::task::JoinSet;

use super::close_reason::CloseReason;
use super::gateway_request::GatewayRequest;
use super::options::GatewayOptions;
use super::state::GatewayState;
use super::{handshake, management, socket};
use crate::lambda::Lambda;
use crate::stack_spec::WebSocketApi;

/// `$disconnect` invocations at a time for the connections of an earlier gateway.
const MAX_PARALLEL_ENDS: usize = 16;

/// One WebSocket API with its stage. Clones share it.
#[derive(Clone)]
pub struct Gateway {
    state: Arc<GatewayState>,
}

impl Gateway {
    /// A gateway without connections. Serve its [`Gateway::router`] to accept some.
    pub fn new(spec: WebSocketApi, lambda: Lambda, options: GatewayOptions) -> Gateway {
        Gateway {
            state: Arc::new(GatewayState::new(spec, lambda, options)),
        }
    }

    /// Handles handshakes on `/` and `/{stage}`, and requests to `/{stage}/@connections/{id}`. All other
    /// requests go to `fallback`.
    ///
    /// Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that events contain the client's
    /// address instead of the loopback address. Set TCP_NODELAY on the listener's connections, or a frame waits
    /// for the acknowledgement of the previous one.
    pub fn router(&self, fallback: Router) -> Router {
        fallback.layer(from_fn_with_state(self.state.clone(), dispatch))
    }

    /// Invokes `$disconnect` for the connections of an earlier gateway that its end has closed.
    pub async fn end_earlier_connections(&self) {
        let mut peers = self.state.options.journal.take_earlier().into_iter();
        let mut running = JoinSet::new();
        loop {
            while running.len() < MAX_PARALLEL_ENDS
                && let Some(peer) = peers.next()
            {
                let state = self.state.clone();
                running.spawn(async move {
                    let reason = CloseReason::abnormal();
                    socket::notify_disconnect(&state, &peer, reason.status, &reason.text).await;
                });
            }
            if running.join_next().await.is_none() {
                return;
            }
        }
    }

    /// Accepts no more connections, closes every one with 1001 and waits until the `$disconnect` invocations have
    /// ended.
    pub async fn close_all(&self) {
        self.state.set_closing();
        for connection in self.state.open_connections() {
            connection.close(CloseReason::going_away());
        }
        self.state.wait_until_served().await;
    }
}

async fn dispatch(
    State(gateway): State<Arc<GatewayState>>,
    request: Request,
    next: Next,
) -> Response {
    let kind = GatewayRequest::classify(request.uri().path());
    if let GatewayRequest::Management {
        stage,
        connection_id,
    } = kind
    {
        return management::handle(&gateway, &stage, &connection_id, request).await;
    }
    if handshake::is_websocket_upgrade(&request) {
        return handshake::handle(gateway, request).await;
    }
    next.run(request).await
}
