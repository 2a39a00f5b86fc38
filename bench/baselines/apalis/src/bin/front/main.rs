//! The front end: accepts jobs over WebSockets and pushes their events from a channel of Redis.

mod followers;
mod frames;

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Result, bail};
use apalis::prelude::TaskSink;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Router, serve};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use longhaul_baseline_apalis::{EVENTS, Event, Queue, Store, client, queue, variable};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use uuid::Uuid;

use crate::followers::{Followers, Outbox};
use crate::frames::{Job, Refused, Request, job_frame};

const MAX_MESSAGE_BYTES: usize = 128 * 1024;
/// The WebSocket's close code for an unsupported kind of data.
const UNSUPPORTED: u16 = 1003;

struct Front {
    store: Store,
    queue: Queue,
    followers: Followers,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let client = client()?;
    let front = Arc::new(Front {
        store: Store::open(&client).await?,
        queue: queue(&client).await?,
        followers: Followers::default(),
        key: DecodingKey::from_secret(variable("LONGHAUL_JWT_SECRET")?.as_bytes()),
    });
    let mut events = client.get_async_pubsub().await?;
    events.subscribe(EVENTS).await?;
    let address = (Ipv4Addr::LOCALHOST, variable("PORT")?.parse()?);
    let listener = TcpListener::bind(address).await?.tap_io(|stream| {
        // Without it a frame may wait for the acknowledgement of the previous one. It works without the option too.
        let _ = stream.set_nodelay(true);
    });
    let router = Router::new()
        .fallback(get(upgrade))
        .with_state(front.clone());
    let events = async {
        let mut events = events.into_on_message();
        while let Some(event) = events.next().await {
            front.followers.send_event(event.get_payload()?);
        }
        bail!("the connection to Redis has ended")
    };
    tokio::select! {
        served = async { serve(listener, router).await } => Ok(served?),
        ended = events => ended,
    }
}

async fn upgrade(
    State(front): State<Arc<Front>>,
    Query(Token { token }): Query<Token>,
    socket: WebSocketUpgrade,
) -> Response {
    let claims = decode::<Claims>(&token, &front.key, &Validation::new(Algorithm::HS256));
    match claims {
        Ok(token) => socket
            .max_message_size(MAX_MESSAGE_BYTES)
            .on_upgrade(|socket| front.connection(socket, token.claims.sub)),
        Err(_) => (StatusCode::UNAUTHORIZED, "No valid token.\n").into_response(),
    }
}

impl Front {
    async fn connection(self: Arc<Self>, socket: WebSocket, owner: String) {
        let (sink, mut frames) = socket.split();
        let (sender, receiver) = unbounded_channel();
        tokio::spawn(write(sink, receiver));
        let outbox = Outbox::new(sender);
        let owner: Arc<str> = owner.into();
        while let Some(Ok(frame)) = frames.next().await {
            match frame {
                Message::Text(text) => {
                    let (front, outbox, owner) = (self.clone(), outbox.clone(), owner.clone());
                    tokio::spawn(async move { front.handle(&outbox, &owner, &text).await });
                }
                Message::Binary(_) => {
                    let (code, reason) = (UNSUPPORTED, "".into());
                    outbox.send(Message::Close(Some(CloseFrame { code, reason })));
                }
                _ => {}
            }
        }
        self.followers.forget(&outbox);
    }

    async fn handle(&self, outbox: &Outbox, owner: &str, text: &str) {
        let (request_id, request) = frames::read(text);
        let done = match request {
            Ok(Request::Query(job)) => self.query(outbox, owner, &request_id, &job).await,
            Ok(Request::GetJob(id)) => self
                .find(owner, &id)
                .await
                .map(|frame| outbox.answer(frame, &request_id)),
            Ok(Request::Ping) => {
                outbox.answer(json!({"type": "pong"}), &request_id);
                Ok(())
            }
            Err(refused) => {
                outbox.answer(refused.frame(), &request_id);
                Ok(())
            }
        };
        if let Err(error) = done {
            eprintln!("a frame: {error:#}");
            let refused = Refused::new("INTERNAL_ERROR", "Something went wrong.", json!({}));
            outbox.answer(refused.frame(), &request_id);
        }
    }

    async fn query(
        &self,
        outbox: &Outbox,
        owner: &str,
        request_id: &Value,
        job: &Job,
    ) -> Result<()> {
        let id = Uuid::new_v4().to_string();
        self.followers.follow(&id, outbox, request_id);
        let queued = self.submit(&id, owner, job).await;
        if queued.is_err() {
            self.followers.leave(&id);
        } else {
            self.followers.release(&id);
        }
        queued
    }

    async fn submit(&self, id: &str, owner: &str, job: &Job) -> Result<()> {
        let event = Event::JobQueued {
            message: "Queued",
            query: &job.query,
            progress: 5,
        };
        let fields = [
            ("owner", owner),
            ("kind", &job.kind),
            ("query", &job.query),
            ("steps", &job.steps.to_string()),
            ("bytes", &job.bytes.to_string()),
            ("status", "queued"),
            ("progress", "5"),
            ("step", "0"),
        ];
        self.store.append(id, 1, &event, &fields).await?;
        self.queue.clone().push(id.to_owned()).await?;
        self.store.wake_workers(id).await
    }

    async fn find(&self, owner: &str, id: &str) -> Result<Value> {
        let job = self.store.find(id).await?;
        if job.get("owner").is_none_or(|whose| whose != owner) {
            return Ok(json!({"type": "gone", "jobId": id}));
        }
        job_frame(id, &job)
    }
}

/// Writes frames, all waiting ones in one flush.
async fn write(mut sink: SplitSink<WebSocket, Message>, mut frames: UnboundedReceiver<Message>) {
    while let Some(frame) = frames.recv().await {
        let mut written = sink.feed(frame).await;
        while let (Ok(()), Ok(frame)) = (&written, frames.try_recv()) {
            written = sink.feed(frame).await;
        }
        if written.is_err() || sink.flush().await.is_err() {
            return;
        }
    }
}
