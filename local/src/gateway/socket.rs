//! Serves one upgraded socket: reads frames, writes the outbound queue, enforces API Gateway's limits, and ends
//! the connection with its close code.
//!
//! Frames of one client are handled concurrently up to a limit. Above it the socket is not read, so the client
//! experiences backpressure.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::close_reason::{CloseAction, CloseReason};
use super::connection::{Connection, ConnectionReceivers, Outbound};
use super::peer::Peer;
use super::state::GatewayState;
use super::{event, integration, message};

/// API Gateway's quotas for what a client sends: one frame, and a message in several frames.
const MAX_FRAME_BYTES: usize = 32 * 1024;
const MAX_MESSAGE_BYTES: usize = 128 * 1024;
/// Frames of one client that are handled concurrently.
const MAX_CONCURRENT_FRAMES: usize = 64;
/// The time limit for a connection's end: queued frames, the close frame, and the client's own close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves the socket until the connection ends, and invokes `$disconnect`.
pub(super) async fn serve<S>(
    gateway: Arc<GatewayState>,
    connection: Arc<Connection>,
    socket: S,
    mut receivers: ConnectionReceivers,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = WebSocketConfig::default()
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .read_buffer_size(4096)
        .write_buffer_size(0);
    let socket = WebSocketStream::from_raw_socket(socket, Role::Server, Some(limits)).await;
    gateway.add(&connection);
    if gateway.is_closing() {
        connection.close(CloseReason::going_away());
    }
    let (sink, mut stream) = socket.split();
    let mut writer = tokio::spawn(write_frames(sink, receivers.outbound, connection.clone()));
    let reason = tokio::select! {
        reason = read_frames(&gateway, &connection, &mut stream) => reason,
        reason = expire(&gateway, &connection) => reason,
        Some(reason) = receivers.close.recv() => reason,
    };
    gateway.remove(&connection);
    let close_socket = async {
        let closed = timeout(CLOSE_TIMEOUT, async {
            connection.send_close(reason.action.clone()).await;
            if let Ok(sink) = (&mut writer).await {
                shut_down(sink, stream).await;
            }
        });
        if closed.await.is_err() {
            // The client does not read. The socket is dropped with the task.
            writer.abort();
        }
        connection.close_queue();
    };
    // The function is notified at once, regardless of how long the client takes to close.
    let notify = notify_disconnect(&gateway, connection.peer(), reason.status, &reason.text);
    tokio::join!(close_socket, notify);
    gateway.finish_serving();
}

/// Invokes the `$disconnect` route, if there is one: once and best-effort, as API Gateway does. Then the connection is
/// no longer in the journal.
pub(super) async fn notify_disconnect(
    gateway: &GatewayState,
    peer: &Peer,
    status: u16,
    reason: &str,
) {
    if let Some(route) = gateway.spec.routes.get("$disconnect") {
        let event = event::disconnect(gateway, peer, status, reason);
        // Failures are logged by the integration; there is no one to report them to.
        let _ = integration::invoke_proxy(gateway, &route.function, event).await;
    }
    gateway.options.journal.closed(peer);
}

async fn read_frames<S>(
    gateway: &Arc<GatewayState>,
    connection: &Arc<Connection>,
    stream: &mut SplitStream<WebSocketStream<S>>,
) -> CloseReason
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let permits = Arc::new(Semaphore::new(MAX_CONCURRENT_FRAMES));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return CloseReason::abnormal();
        };
        let frame = stream.next().await;
        connection.touch();
        match frame {
            Some(Ok(Message::Text(body))) => {
                let (gateway, connection) = (gateway.clone(), connection.clone());
                tokio::spawn(async move {
                    message::handle(&gateway, &connection, &body).await;
                    drop(permit);
                });
            }
            Some(Ok(Message::Binary(_))) => return CloseReason::binary_frame(),
            Some(Ok(Message::Close(frame))) => return CloseReason::by_client(frame),
            // The stream itself answers a ping with the next read.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(error)) => return CloseReason::by_error(&error),
            None => return CloseReason::abnormal(),
        }
    }
}

/// Waits until the connection reaches its maximum age or idle time.
async fn expire(gateway: &GatewayState, connection: &Connection) -> CloseReason {
    let overrides = &gateway.options.overrides;
    let max_age = sleep(overrides.max_connection_age);
    let idle = async {
        loop {
            let idle = Duration::from_millis(connection.idle_millis());
            match overrides.idle_timeout.checked_sub(idle) {
                Some(remaining) if !remaining.is_zero() => sleep(remaining).await,
                _ => return,
            }
        }
    };
    tokio::select! {
        () = max_age => {}
        () = idle => {}
    }
    CloseReason::going_away()
}

/// Writes the queued frames in order until the close or an error, and returns the sink.
async fn write_frames<S>(
    mut sink: SplitSink<WebSocketStream<S>, Message>,
    mut outbound: mpsc::Receiver<Outbound>,
    connection: Arc<Connection>,
) -> SplitSink<WebSocketStream<S>, Message>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(next) = outbound.recv().await {
        let written = match next {
            Outbound::Frame(frame, queue_bytes) => {
                let written = sink.send(frame).await;
                drop(queue_bytes);
                connection.touch();
                written
            }
            Outbound::Close(action) => {
                let closed = match action {
                    CloseAction::SendClose(frame) => sink.send(Message::Close(Some(frame))).await,
                    CloseAction::EchoClose => sink.close().await,
                    CloseAction::Nothing => Ok(()),
                };
                if let Err(error) = closed {
                    tracing::debug!(%error, "cannot send the close frame");
                }
                break;
            }
        };
        if let Err(error) = written {
            // The reader detects the same end and determines its reason.
            tracing::debug!(%error, "cannot write a frame");
            break;
        }
    }
    sink
}

/// Shuts down the gateway's side and reads the client's side to its end: closing a socket with unread data
/// resets the connection, and the client would lose the close frame. The caller limits the time.
async fn shut_down<S>(
    sink: SplitSink<WebSocketStream<S>, Message>,
    stream: SplitStream<WebSocketStream<S>>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Ok(mut socket) = sink.reunite(stream) else {
        return;
    };
    let raw = socket.get_mut();
    if raw.shutdown().await.is_ok() {
        let mut discarded = [0; 4096];
        while matches!(raw.read(&mut discarded).await, Ok(count) if count > 0) {}
    }
}
