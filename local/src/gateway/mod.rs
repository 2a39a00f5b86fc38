//! A WebSocket API as API Gateway runs it: routes, authorizer, events, limits and close codes, and
//! the `@connections` API. It knows no function's meaning and no listener: the caller serves it.

mod authorizer;
mod connect;
mod connection;
mod event;
mod integration;
mod management;
mod message;
mod request;
#[cfg(test)]
mod tests;
mod throttle;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::sync::watch;

use crate::lambda::Lambda;
use crate::plan;
use connection::{Connection, Ending};
use throttle::Bucket;

/// What a deployment of API Gateway fixes and a test may hasten or hold up.
#[derive(Debug, Clone)]
pub struct Pace {
    /// After so long without a frame either way the connection is closed with 1001.
    pub idle: Duration,
    /// The longest life of a connection, closed with 1001.
    pub life: Duration,
    /// Whether the stage's throttle applies.
    pub throttled: bool,
    /// Frames that are handled later than they came, so that those after them overtake.
    pub delays: Vec<Delay>,
}

impl Default for Pace {
    /// As AWS: ten minutes idle and two hours of life (API Gateway's quotas for WebSocket APIs).
    fn default() -> Pace {
        Pace {
            idle: Duration::from_secs(10 * 60),
            life: Duration::from_secs(2 * 3600),
            throttled: true,
            delays: Vec::new(),
        }
    }
}

/// Holds up each frame that contains `text`.
#[derive(Debug, Clone)]
pub struct Delay {
    pub text: String,
    pub by: Duration,
}

/// How a gateway is run.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    pub pace: Pace,
    /// `host:port`, what events carry as `domainName`.
    pub domain: String,
}

/// One WebSocket API with its stage. Clones share it.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    spec: plan::Gateway,
    lambda: Lambda,
    options: GatewayOptions,
    throttle: Option<Mutex<Bucket>>,
    /// Those that are past `$connect` and not yet closed, by id.
    connections: Mutex<HashMap<String, Arc<Connection>>>,
    /// How many sockets are still served, `$disconnect` included.
    served: watch::Sender<usize>,
}

impl Gateway {
    /// A gateway without connections; it answers once its router is served.
    pub fn new(spec: plan::Gateway, lambda: Lambda, options: GatewayOptions) -> Gateway {
        let throttle = spec
            .throttle
            .filter(|_| options.pace.throttled)
            .map(|(rate, burst)| Mutex::new(Bucket::new(rate, burst, Instant::now())));
        Gateway {
            inner: Arc::new(Inner {
                spec,
                lambda,
                options,
                throttle,
                connections: Mutex::default(),
                served: watch::Sender::new(0),
            }),
        }
    }

    /// Handshakes on `/` and `/{stage}`, and `/{stage}/@connections/{id}`; every other request
    /// goes to `otherwise`. Served with `into_make_service_with_connect_info::<SocketAddr>()`,
    /// events carry the client's address; without, the loopback's. The listener should set
    /// TCP_NODELAY, or a frame waits for the acknowledgement of the one before.
    pub fn router(&self, otherwise: Router) -> Router {
        otherwise.layer(from_fn_with_state(self.inner.clone(), door))
    }

    /// Closes every connection with 1001 and waits until their `$disconnect` has been told.
    pub async fn close_all(&self) {
        let open: Vec<_> = lock(&self.inner.connections).values().cloned().collect();
        for connection in open {
            connection.close(Ending::going_away());
        }
        let mut served = self.inner.served.subscribe();
        // The sender lives in `self`, so this ends only when the count is zero.
        let _ = served.wait_for(|count| *count == 0).await;
    }
}

impl Inner {
    /// Takes a token of the stage's throttle.
    fn admits(&self) -> bool {
        match &self.throttle {
            Some(bucket) => lock(bucket).take(Instant::now()),
            None => true,
        }
    }

    fn find(&self, id: &str) -> Option<Arc<Connection>> {
        lock(&self.connections).get(id).cloned()
    }
}

async fn door(State(gateway): State<Arc<Inner>>, request: Request, next: Next) -> Response {
    if let Some((stage, id)) = management::target(request.uri().path()) {
        return management::answer(&gateway, &stage, &id, request).await;
    }
    if connect::is_handshake(&request) {
        return connect::answer(gateway, request).await;
    }
    next.run(request).await
}

/// Each of these locks guards a value that is whole between any two statements, so a panic
/// elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
