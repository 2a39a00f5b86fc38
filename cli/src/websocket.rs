//! A WebSocket connection to a stack, as a front end opens it: JSON frames in both directions.

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub struct WebSocketClient {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl WebSocketClient {
    /// Connects as the user that the token names. The token goes into the subprotocol, so no proxy logs it with the URL.
    pub async fn connect(url: &str, token: &str) -> Result<Self> {
        let mut request = url
            .into_client_request()
            .context("the stack's WebSocket URL is malformed")?;
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
    ///
    /// # Errors
    /// The connection was closed, or the frame is not JSON.
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
