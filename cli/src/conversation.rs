//! One WebSocket conversation with a stack, as a front end has it.
//!
//! Speaks frames; what is asked and how the answer is shown is not known here.

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub struct Conversation {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Conversation {
    /// Connects as the user that the token names.
    pub async fn open(url: &str, token: &str) -> Result<Self> {
        let mut request = url.into_client_request().context("the stack's address")?;
        let subprotocols = format!("longhaul.v1, {token}");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", subprotocols.parse()?);
        let (socket, _) = connect_async(request)
            .await
            .with_context(|| format!("connecting to {url}"))?;
        Ok(Self { socket })
    }

    pub async fn send(&mut self, frame: &Value) -> Result<()> {
        self.socket
            .send(Message::text(frame.to_string()))
            .await
            .context("sending a frame")
    }

    /// The next frame.
    pub async fn next(&mut self) -> Result<Value> {
        loop {
            match self
                .socket
                .next()
                .await
                .context("the connection was closed")??
            {
                Message::Text(text) => {
                    return serde_json::from_str(&text)
                        .context("the stack sent a frame that is not JSON");
                }
                Message::Close(_) => bail!("the connection was closed"),
                _ => {}
            }
        }
    }
}
