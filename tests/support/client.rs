//! A front end under test control: one socket, raw frames.

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::PATIENCE;
use crate::support::log_secrets;

pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The subprotocol that the server selected.
    pub subprotocol: Option<String>,
}

/// A handshake that was refused, with its HTTP status.
#[derive(Debug)]
pub struct Refused(pub u16);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the handshake was refused with HTTP {}", self.0)
    }
}

impl std::error::Error for Refused {}

impl Client {
    /// Connects, offering `subprotocols` if there are any.
    pub async fn connect(url: &str, subprotocols: Option<&str>) -> Result<Self, Refused> {
        let offer = subprotocols.map(|offer| ("sec-websocket-protocol", offer));
        Self::connect_with(url, offer.as_slice()).await
    }

    /// Connects with these headers in the handshake.
    pub async fn connect_with(
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Refused> {
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
            Err(Error::Http(response)) => Err(Refused(response.status().as_u16())),
            Err(error) => panic!("connecting to {url}: {error}"),
        }
    }

    pub async fn send(&mut self, frame: Value) -> Result<()> {
        log_secrets::say(&frame);
        self.send_text(&frame.to_string()).await
    }

    pub async fn send_text(&mut self, frame: &str) -> Result<()> {
        self.socket
            .send(Message::text(frame))
            .await
            .context("sending a frame")
    }

    /// The next frame, whatever it is.
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
                        return serde_json::from_str(&text).context("a frame is not JSON");
                    }
                    Message::Close(close) => bail!("the connection was closed: {close:?}"),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, frame)
            .await
            .context("no frame came")?
    }

    /// Sends a frame and waits for the next one.
    pub async fn ask(&mut self, frame: Value) -> Result<Value> {
        self.send(frame).await?;
        self.next().await
    }

    /// Frames up to and with the first of this type.
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

    /// The terminal event, pushed or in an answer.
    pub async fn until_end(&mut self) -> Result<Value> {
        let terminal = ["job_completed", "job_failed", "job_cancelled"];
        let ends = |event: &&Value| terminal.iter().any(|kind| event["type"] == *kind);
        loop {
            let frame = self.next().await?;
            let answered = frame["events"].as_array().into_iter().flatten();
            if let Some(end) = answered.chain([&frame]).find(ends) {
                return Ok(end.clone());
            }
        }
    }

    /// Submits a job and waits for its `job_queued`; its id. Events of other jobs in between are left out.
    pub async fn submit(&mut self, frame: Value) -> Result<String> {
        self.send(frame).await?;
        let queued = self.until("job_queued").await?.pop();
        let job = queued.as_ref().and_then(|queued| queued["jobId"].as_str());
        Ok(job.context("no jobId")?.to_owned())
    }

    /// The job's state by `getJob`, once it has this status; events in between are left out.
    pub async fn until_job_is(&mut self, job: &str, status: &str) -> Result<Value> {
        let wait = async {
            loop {
                self.send(serde_json::json!({"action": "getJob", "jobId": job}))
                    .await?;
                let answer = self.until("job").await?.pop().context("no answer")?["job"].clone();
                if answer["status"] == status {
                    return Ok(answer);
                }
                // Asked again no faster than the front end's own clock would.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .with_context(|| format!("job {job} did not become {status}"))?
    }
}
