//! One open socket: frames in, an ordered bounded queue out, the limits, and the end with its
//! close code. It knows no HTTP and no route.
//!
//! Frames of one client are handled at the same time, up to a bound; beyond it the socket is not
//! read, which the client feels as backpressure.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes, error::ProtocolError};

use super::event::{self, Peer};
use super::management::PostError;
use super::{Inner, integration, lock, message};

/// API Gateway's quotas for what a client sends: one frame, and a message in frames.
const FRAME_LIMIT: usize = 32 * 1024;
const MESSAGE_LIMIT: usize = 128 * 1024;
/// Frames of one client that are handled at once.
const FRAMES_AT_ONCE: usize = 64;
/// What may wait for a client that does not read: bytes, and frames however small.
const QUEUED_BYTES: usize = 1024 * 1024;
const QUEUED_FRAMES: usize = 1024;
/// How long the end may take: queued frames, the close frame, and the client's own end.
const GRACE: Duration = Duration::from_secs(5);

/// What others may do with an open connection.
pub(super) struct Connection {
    peer: Peer,
    queue: mpsc::Sender<Outbound>,
    /// A permit per byte that may still be queued.
    room: Arc<Semaphore>,
    closing: mpsc::Sender<Ending>,
    /// Epoch milliseconds.
    active: AtomicI64,
}

/// The ends of a connection's channels that only its own task holds.
pub(super) struct Ends {
    queue: mpsc::Receiver<Outbound>,
    closing: mpsc::Receiver<Ending>,
}

enum Outbound {
    /// The frame, and the room that it takes until it is written.
    Frame(Message, OwnedSemaphorePermit),
    Close(Closing),
}

/// Why a connection ends: what `$disconnect` is told, and what is still to be sent.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    status: u16,
    reason: String,
    closing: Closing,
}

#[derive(Debug, Clone)]
enum Closing {
    /// The client said goodbye: its close frame is answered.
    Answer,
    Say(CloseFrame),
    /// There is nobody to tell.
    Nothing,
}

impl Ending {
    pub(super) fn going_away() -> Ending {
        Ending::by_us(CloseCode::Away, "Going away")
    }

    /// `DELETE /@connections/{id}`.
    pub(super) fn deleted() -> Ending {
        Ending::by_us(CloseCode::Normal, "Connection Closed Normally")
    }

    fn by_us(code: CloseCode, reason: &'static str) -> Ending {
        Ending {
            status: code.into(),
            reason: reason.into(),
            closing: Closing::Say(CloseFrame {
                code,
                reason: Utf8Bytes::from_static(reason),
            }),
        }
    }

    fn by_client(frame: Option<CloseFrame>) -> Ending {
        let (status, reason) = match frame {
            Some(frame) => (frame.code.into(), frame.reason.to_string()),
            // RFC 6455's word for a close frame without a code.
            None => (1005, "Client-side close frame status not set".into()),
        };
        Ending {
            status,
            reason,
            closing: Closing::Answer,
        }
    }

    /// RFC 6455's 1006: the connection broke off without a close frame.
    fn broken() -> Ending {
        Ending {
            status: 1006,
            reason: "Connection closed abnormally".into(),
            closing: Closing::Nothing,
        }
    }

    fn by_error(error: &Error) -> Ending {
        match error {
            Error::Capacity(_) => Ending::by_us(CloseCode::Size, "Message too long"),
            Error::Utf8(_) => Ending::by_us(CloseCode::Invalid, "Invalid UTF-8"),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ending::broken(),
            Error::Protocol(_) => Ending::by_us(CloseCode::Protocol, "Protocol error"),
            _ => Ending::broken(),
        }
    }
}

impl Connection {
    pub(super) fn new(peer: Peer) -> (Arc<Connection>, Ends) {
        let (queue, outbound) = mpsc::channel(QUEUED_FRAMES);
        let (closing, endings) = mpsc::channel(1);
        let connection = Connection {
            active: AtomicI64::new(peer.connected_at.as_millisecond()),
            peer,
            queue,
            room: Arc::new(Semaphore::new(QUEUED_BYTES)),
            closing,
        };
        let ends = Ends {
            queue: outbound,
            closing: endings,
        };
        (Arc::new(connection), ends)
    }

    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(super) fn last_active(&self) -> Timestamp {
        let millis = self.active.load(Ordering::Relaxed);
        Timestamp::from_millisecond(millis).unwrap_or(self.peer.connected_at)
    }

    /// Queues a back end's frame, text if it is UTF-8, after all that was posted before.
    pub(super) fn post(&self, payload: Bytes) -> Result<(), PostError> {
        let size = u32::try_from(payload.len()).map_err(|_| PostError::Full)?;
        let room = self.room.clone().try_acquire_many_owned(size);
        let room = room.map_err(|_| PostError::Full)?;
        let frame = match Utf8Bytes::try_from(payload.clone()) {
            Ok(text) => Message::Text(text),
            Err(_) => Message::Binary(payload),
        };
        self.queue
            .try_send(Outbound::Frame(frame, room))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => PostError::Full,
                mpsc::error::TrySendError::Closed(_) => PostError::Gone,
            })
    }

    /// Queues the gateway's own answer, waiting for room; a connection that ended gets none.
    pub(super) async fn answer(&self, text: String) {
        let size = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(size);
        if let Ok(room) = room.await {
            let frame = Outbound::Frame(Message::text(text), room);
            // Only a closed connection refuses, and then nobody is there to hear.
            let _ = self.queue.send(frame).await;
        }
    }

    /// Ends the connection after what is queued; the first of several reasons counts.
    pub(super) fn close(&self, ending: Ending) {
        let _ = self.closing.try_send(ending);
    }

    fn touch(&self) {
        let now = Timestamp::now().as_millisecond();
        self.active.store(now, Ordering::Relaxed);
    }
}

/// Serves an upgraded socket until it ends, and tells `$disconnect`.
pub(super) async fn serve<S>(
    gateway: Arc<Inner>,
    connection: Arc<Connection>,
    socket: S,
    mut ends: Ends,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = WebSocketConfig::default()
        .max_frame_size(Some(FRAME_LIMIT))
        .max_message_size(Some(MESSAGE_LIMIT))
        .read_buffer_size(4096)
        .write_buffer_size(0);
    let socket = WebSocketStream::from_raw_socket(socket, Role::Server, Some(limits)).await;
    let id = connection.peer.id.clone();
    gateway.served.send_modify(|count| *count += 1);
    lock(&gateway.connections).insert(id.clone(), connection.clone());
    let (sink, mut stream) = socket.split();
    let mut writer = tokio::spawn(write(sink, ends.queue, connection.clone()));
    let ending = tokio::select! {
        ending = read(&gateway, &connection, &mut stream) => ending,
        ending = expire(&gateway, &connection) => ending,
        Some(ending) = ends.closing.recv() => ending,
    };
    lock(&gateway.connections).remove(&id);
    let farewell = async {
        let said = timeout(GRACE, async {
            let last = Outbound::Close(ending.closing.clone());
            // A writer that is gone already has nothing left to say.
            let _ = connection.queue.send(last).await;
            if let Ok(sink) = (&mut writer).await {
                leave(sink, stream).await;
            }
        });
        if said.await.is_err() {
            // The client reads nothing: the socket goes with the task.
            writer.abort();
        }
        connection.room.close();
    };
    // The function hears of the end at once, however long the client takes over it.
    let told = disconnected(&gateway, &connection.peer, ending.status, &ending.reason);
    tokio::join!(farewell, told);
    gateway.served.send_modify(|count| *count -= 1);
}

/// Tells `$disconnect`, if there is one: once, best effort, as API Gateway does.
pub(super) async fn disconnected(gateway: &Inner, peer: &Peer, status: u16, reason: &str) {
    if let Some(route) = gateway.spec.routes.get("$disconnect") {
        let event = event::disconnect(gateway, peer, status, reason);
        // What went wrong is logged there; nobody is left to be told.
        let _ = integration::ask(gateway, &route.function, event).await;
    }
}

async fn read<S>(
    gateway: &Arc<Inner>,
    connection: &Arc<Connection>,
    stream: &mut SplitStream<WebSocketStream<S>>,
) -> Ending
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let at_once = Arc::new(Semaphore::new(FRAMES_AT_ONCE));
    loop {
        let Ok(slot) = at_once.clone().acquire_owned().await else {
            return Ending::broken();
        };
        let frame = stream.next().await;
        connection.touch();
        match frame {
            Some(Ok(Message::Text(body))) => {
                let (gateway, connection) = (gateway.clone(), connection.clone());
                tokio::spawn(async move {
                    message::handle(&gateway, &connection, &body).await;
                    drop(slot);
                });
            }
            Some(Ok(Message::Binary(_))) => {
                return Ending::by_us(CloseCode::Unsupported, "Binary is not supported");
            }
            Some(Ok(Message::Close(frame))) => return Ending::by_client(frame),
            // A ping is answered by the stream itself, with the next read.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(error)) => return Ending::by_error(&error),
            None => return Ending::broken(),
        }
    }
}

/// Waits until the connection has lived, or been silent, for too long.
async fn expire(gateway: &Inner, connection: &Connection) -> Ending {
    let life = sleep(gateway.options.pace.life);
    let silence = async {
        loop {
            let now = Timestamp::now().as_millisecond();
            let silent = now - connection.active.load(Ordering::Relaxed);
            let silent = Duration::from_millis(u64::try_from(silent).unwrap_or(0));
            match gateway.options.pace.idle.checked_sub(silent) {
                Some(left) if !left.is_zero() => sleep(left).await,
                _ => return,
            }
        }
    };
    tokio::select! {
        () = life => {}
        () = silence => {}
    }
    Ending::going_away()
}

/// Writes what is queued, in order, until the close or an error; gives the sink back.
async fn write<S>(
    mut sink: SplitSink<WebSocketStream<S>, Message>,
    mut queue: mpsc::Receiver<Outbound>,
    connection: Arc<Connection>,
) -> SplitSink<WebSocketStream<S>, Message>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(next) = queue.recv().await {
        let written = match next {
            Outbound::Frame(frame, room) => {
                let written = sink.send(frame).await;
                drop(room);
                connection.touch();
                written
            }
            Outbound::Close(closing) => {
                let said = match closing {
                    Closing::Say(frame) => sink.send(Message::Close(Some(frame))).await,
                    Closing::Answer => sink.close().await,
                    Closing::Nothing => Ok(()),
                };
                if let Err(error) = said {
                    tracing::debug!(%error, "the close frame was not sent");
                }
                break;
            }
        };
        if let Err(error) = written {
            // The reader sees the same end and says how it came about.
            tracing::debug!(%error, "a frame was not written");
            break;
        }
    }
    sink
}

/// Ends our side and reads the client's to its end: a socket closed with unread bytes in it resets
/// the connection, and the client would lose the close frame. The caller bounds the time.
async fn leave<S>(
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
        let mut rest = [0; 4096];
        while matches!(raw.read(&mut rest).await, Ok(count) if count > 0) {}
    }
}
