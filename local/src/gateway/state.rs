//! The state that all connections of a gateway share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::connection::Connection;
use super::options::GatewayOptions;
use super::token_bucket::TokenBucket;
use crate::lambda::Lambda;
use crate::stack_spec::WebSocketApi;

pub(super) struct GatewayState {
    pub(super) spec: WebSocketApi,
    pub(super) lambda: Lambda,
    pub(super) options: GatewayOptions,
    throttle: Option<Mutex<TokenBucket>>,
    /// The open connections (`$connect` succeeded and not yet closed), by id.
    connections: Mutex<HashMap<String, Arc<Connection>>>,
    /// The number of connections whose tasks still run, `$disconnect` included.
    served: watch::Sender<usize>,
    /// Whether the gateway accepts no more connections.
    closing: AtomicBool,
}

impl GatewayState {
    pub(super) fn new(spec: WebSocketApi, lambda: Lambda, options: GatewayOptions) -> GatewayState {
        let throttle = spec
            .throttle
            .filter(|_| options.overrides.throttling_enabled)
            .map(|throttle| TokenBucket::new(throttle.rate, throttle.burst, Instant::now()));
        GatewayState {
            spec,
            lambda,
            options,
            throttle: throttle.map(Mutex::new),
            connections: Mutex::default(),
            served: watch::Sender::new(0),
            closing: AtomicBool::new(false),
        }
    }

    /// Takes a token of the stage's throttle; false if the request must be rejected.
    pub(super) fn try_pass_throttle(&self) -> bool {
        match &self.throttle {
            Some(bucket) => lock(bucket).try_acquire(Instant::now()),
            None => true,
        }
    }

    /// From now on no connection is accepted.
    pub(super) fn set_closing(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Makes a connection reachable by its id.
    pub(super) fn add(&self, connection: &Arc<Connection>) {
        self.served.send_modify(|count| *count += 1);
        let id = connection.peer().connection_id.clone();
        lock(&self.connections).insert(id, connection.clone());
    }

    /// Makes a connection that is closing unreachable.
    pub(super) fn remove(&self, connection: &Connection) {
        lock(&self.connections).remove(&connection.peer().connection_id);
    }

    /// Counts a removed connection as completely served.
    pub(super) fn finish_serving(&self) {
        self.served.send_modify(|count| *count -= 1);
    }

    pub(super) fn find(&self, connection_id: &str) -> Option<Arc<Connection>> {
        lock(&self.connections).get(connection_id).cloned()
    }

    pub(super) fn open_connections(&self) -> Vec<Arc<Connection>> {
        lock(&self.connections).values().cloned().collect()
    }

    /// Waits until every connection has been completely served.
    pub(super) async fn wait_until_served(&self) {
        let mut served = self.served.subscribe();
        // The sender is in `self`, so this returns only when the count is zero.
        let _ = served.wait_for(|count| *count == 0).await;
    }
}

/// The locked values are consistent between any two statements, so a panic elsewhere leaves nothing
/// half-done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
