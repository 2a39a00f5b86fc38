//! The handle of an open connection: a bounded queue of outbound frames, and the request to close.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::close_reason::{CloseAction, CloseReason};
use super::peer::Peer;

/// The maximum size of one frame to a client (API Gateway's message quota).
pub(super) const MAX_PAYLOAD_BYTES: usize = 128 * 1024;
/// Bounds of the queue for a client that does not read: bytes, and frames of any size.
const MAX_QUEUED_BYTES: usize = 1024 * 1024;
const MAX_QUEUED_FRAMES: usize = 1024;

/// An open connection. Its socket is served by a task of its own.
pub(super) struct Connection {
    peer: Peer,
    outbound: mpsc::Sender<Outbound>,
    /// One permit per byte that can still be queued.
    queue_bytes: Arc<Semaphore>,
    close: mpsc::Sender<CloseReason>,
    /// In epoch milliseconds.
    last_active: AtomicI64,
}

/// The receiving ends of a connection's channels, for the task that serves its socket.
pub(super) struct ConnectionReceivers {
    pub(super) outbound: mpsc::Receiver<Outbound>,
    pub(super) close: mpsc::Receiver<CloseReason>,
}

pub(super) enum Outbound {
    /// A frame, with the permits of its bytes in the queue.
    Frame(Message, OwnedSemaphorePermit),
    Close(CloseAction),
}

/// Why a post was not queued.
#[derive(Debug)]
pub(super) enum PostError {
    Gone,
    /// The client reads too slowly.
    QueueFull,
}

impl Connection {
    pub(super) fn new(peer: Peer) -> (Arc<Connection>, ConnectionReceivers) {
        let (outbound, outbound_receiver) = mpsc::channel(MAX_QUEUED_FRAMES);
        let (close, close_receiver) = mpsc::channel(1);
        let connection = Connection {
            last_active: AtomicI64::new(peer.connected_at.as_millisecond()),
            peer,
            outbound,
            queue_bytes: Arc::new(Semaphore::new(MAX_QUEUED_BYTES)),
            close,
        };
        let receivers = ConnectionReceivers {
            outbound: outbound_receiver,
            close: close_receiver,
        };
        (Arc::new(connection), receivers)
    }

    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(super) fn last_active(&self) -> Timestamp {
        let millis = self.last_active.load(Ordering::Relaxed);
        Timestamp::from_millisecond(millis).unwrap_or(self.peer.connected_at)
    }

    /// Queues a frame posted through `@connections`, in order; text if it is UTF-8, else binary.
    pub(super) fn post(&self, payload: Bytes) -> Result<(), PostError> {
        let size = u32::try_from(payload.len()).map_err(|_| PostError::QueueFull)?;
        let bytes = self.queue_bytes.clone().try_acquire_many_owned(size);
        let bytes = bytes.map_err(|_| PostError::QueueFull)?;
        let frame = match Utf8Bytes::try_from(payload.clone()) {
            Ok(text) => Message::Text(text),
            Err(_) => Message::Binary(payload),
        };
        self.outbound
            .try_send(Outbound::Frame(frame, bytes))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => PostError::QueueFull,
                mpsc::error::TrySendError::Closed(_) => PostError::Gone,
            })
    }

    /// Queues a response of the gateway and waits for space in the queue. Dropped if the connection has ended.
    pub(super) async fn send_response(&self, text: String) {
        let size = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let bytes = self.queue_bytes.clone().acquire_many_owned(size);
        if let Ok(bytes) = bytes.await {
            let frame = Outbound::Frame(Message::text(text), bytes);
            // An error means that the connection has ended.
            let _ = self.outbound.send(frame).await;
        }
    }

    /// Queues the end of the connection, after all frames. An error means that it has already ended.
    pub(super) async fn send_close(&self, action: CloseAction) {
        let _ = self.outbound.send(Outbound::Close(action)).await;
    }

    /// Ends the connection after the queued frames. Only the first reason counts.
    pub(super) fn close(&self, reason: CloseReason) {
        let _ = self.close.try_send(reason);
    }

    /// Rejects all further frames.
    pub(super) fn close_queue(&self) {
        self.queue_bytes.close();
    }

    /// Resets the idle time.
    pub(super) fn touch(&self) {
        let now = Timestamp::now().as_millisecond();
        self.last_active.store(now, Ordering::Relaxed);
    }

    /// Milliseconds since the last frame in either direction.
    pub(super) fn idle_millis(&self) -> u64 {
        let now = Timestamp::now().as_millisecond();
        let idle = now - self.last_active.load(Ordering::Relaxed);
        u64::try_from(idle).unwrap_or(0)
    }
}
