//! One HTTP request on a connection of its own, byte for byte as the test gives it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct HttpResponse {
    pub status: u16,
    headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl HttpResponse {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header by its lower-case name; empty where the response has none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Sends a request such as `GET /path` to a server such as `http://127.0.0.1:40001`.
pub async fn http(
    base: &str,
    request: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<HttpResponse> {
    let host = base.trim_start_matches("http://");
    let mut text = format!("{request} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        text += &format!("Host: {host}\r\n");
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("Content-Length: {}\r\n\r\n", body.len());
    let mut socket = TcpStream::connect(host).await?;
    socket.write_all(text.as_bytes()).await?;
    socket.write_all(body).await?;
    let mut response = vec![];
    socket.read_to_end(&mut response).await?;
    let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let end = end.context("a response without an end of its headers")?;
    let head = String::from_utf8(response[..end].to_vec())?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    let headers = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Ok(HttpResponse {
        status,
        headers: headers.collect(),
        body: response[end + 4..].to_vec(),
    })
}
