//! A front end: one WebSocket that sends and receives raw frames.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::wait::MAX_WAIT;
use crate::support::{contract, log_secrets};

pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The subprotocol that the server selected.
    pub subprotocol: Option<String>,
}

/// A handshake that was refused, with its HTTP status.
#[derive(Debug)]
pub struct HandshakeRefused(pub u16);

impl std::fmt::Display for HandshakeRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the handshake was refused with HTTP {}", self.0)
    }
}

impl std::error::Error for HandshakeRefused {}

impl Client {
    /// Connects; offers `subprotocols` where they are given.
    pub async fn connect(url: &str, subprotocols: Option<&str>) -> Result<Self, HandshakeRefused> {
        let offer = subprotocols.map(|offer| ("sec-websocket-protocol", offer));
        Self::connect_with_headers(url, offer.as_slice()).await
    }

    /// Connects with these headers in the handshake.
    pub async fn connect_with_headers(
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, HandshakeRefused> {
        let mut request = url
            .into_client_request()
            .expect("the stack's address is a URL");
        for (name, value) in headers {
            let value = value.parse().expect("a header's value");
            request.headers_mut().append(*name, value);
        }
        match connect_async(request).await {
            Ok((socket, response)) => {
                let selected = response.headers().get("sec-websocket-protocol");
                let subprotocol = selected
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned);
                Ok(Self {
                    socket,
                    subprotocol,
                })
            }
            Err(Error::Http(response)) => Err(HandshakeRefused(response.status().as_u16())),
            Err(error) => panic!("connecting to {url}: {error}"),
        }
    }

    pub async fn send(&mut self, frame: Value) -> Result<()> {
        log_secrets::remember(&frame);
        self.send_text(&frame.to_string()).await
    }

    pub async fn send_text(&mut self, frame: &str) -> Result<()> {
        self.socket
            .send(Message::text(frame))
            .await
            .context("sending a frame")
    }

    /// The next frame of any type.
    pub async fn next(&mut self) -> Result<Value> {
        let frame = async {
            loop {
                match self
                    .socket
                    .next()
                    .await
                    .context("the connection was closed")??
                {
                    Message::Text(text) => {
                        let frame = serde_json::from_str(&text).context("a frame is not JSON")?;
                        contract::check_received(&frame);
                        return Ok(frame);
                    }
                    Message::Close(close) => bail!("the connection was closed: {close:?}"),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(MAX_WAIT, frame)
            .await
            .context("no frame came")?
    }

    /// Sends a frame and returns the next one.
    pub async fn request(&mut self, frame: Value) -> Result<Value> {
        self.send(frame.clone()).await?;
        let response = self.next().await?;
        if response["type"].is_string() && response["type"] != "error" {
            contract::check_accepted(&frame);
        }
        Ok(response)
    }

    /// All frames up to and including the first of this type.
    pub async fn until(&mut self, kind: &str) -> Result<Vec<Value>> {
        let mut frames = vec![];
        loop {
            let frame = self
                .next()
                .await
                .with_context(|| format!("waiting for {kind} after {frames:?}"))?;
            let found = frame["type"] == kind;
            frames.push(frame);
            if found {
                return Ok(frames);
            }
        }
    }

    /// The next terminal event, pushed or in the answer to `subscribe`.
    pub async fn until_end(&mut self) -> Result<Value> {
        let terminal = ["job_completed", "job_failed", "job_cancelled"];
        let is_terminal = |event: &&Value| terminal.iter().any(|kind| event["type"] == *kind);
        loop {
            let frame = self.next().await?;
            let caught_up = frame["events"].as_array().into_iter().flatten();
            if let Some(end) = caught_up.chain([&frame]).find(is_terminal) {
                return Ok(end.clone());
            }
        }
    }

    /// Submits a job and waits for its `job_queued`; returns its id. Frames in between are dropped.
    pub async fn submit(&mut self, frame: Value) -> Result<String> {
        self.send(frame.clone()).await?;
        let queued = self.until("job_queued").await?.pop();
        contract::check_accepted(&frame);
        let job = queued.as_ref().and_then(|queued| queued["jobId"].as_str());
        Ok(job.context("no jobId")?.to_owned())
    }

    /// Polls `getJob` until the job has this status. Frames in between are dropped.
    pub async fn until_job_is(&mut self, job: &str, status: &str) -> Result<Value> {
        let wait = async {
            loop {
                self.send(json!({"action": "getJob", "jobId": job})).await?;
                let answer = self.until("job").await?.pop().context("no answer")?["job"].clone();
                if answer["status"] == status {
                    return Ok(answer);
                }
                // A front end polls no faster than this.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(MAX_WAIT, wait)
            .await
            .with_context(|| format!("job {job} did not become {status}"))?
    }

    /// Asks until the answer is that the token has expired.
    pub async fn until_token_expired(&mut self) -> Result<()> {
        loop {
            let answer = self.list_jobs_or_error().await?;
            if answer["type"] == "error" {
                anyhow::ensure!(answer["data"]["code"] == "AUTHENTICATION_ERROR", "{answer}");
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn list_jobs_or_error(&mut self) -> Result<Value> {
        self.send(json!({"action": "listJobs"})).await?;
        loop {
            let frame = self.next().await?;
            if frame["type"] == "jobs" || frame["type"] == "error" {
                return Ok(frame);
            }
        }
    }

    /// Sends a frame that is refused; returns the error's code.
    pub async fn error_code(&mut self, frame: Value) -> Result<Value> {
        self.send(frame).await?;
        let error = self.until("error").await?.pop();
        Ok(error.context("no error")?["data"]["code"].clone())
    }

    /// Polls `getSession` until the session has `count` turns and all have ended; returns the turns.
    pub async fn until_turns_ended(&mut self, session: &Value, count: usize) -> Result<Vec<Value>> {
        let wait = async {
            loop {
                self.send(json!({"action": "getSession", "sessionId": session}))
                    .await?;
                let answer = self.until("session").await?.pop().context("no answer")?;
                let turns = answer["turns"].as_array().cloned().unwrap_or_default();
                if turns.len() == count && turns.iter().all(|turn| turn["status"] != "open") {
                    return Ok(turns);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(MAX_WAIT, wait)
            .await
            .context("the turns do not end")?
    }
}
