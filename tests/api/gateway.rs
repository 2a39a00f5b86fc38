//! The embedded gateway: loopback policy by raw HTTP, time limits, throttle and delayed frames.

use anyhow::{Context, Result};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::stack::Stack;

/// The whole response to the bytes of one request.
async fn raw(address: &str, request: &str) -> Result<String> {
    let (_, authority) = address.split_once("://").context("an address")?;
    let mut socket = TcpStream::connect(authority).await?;
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn another_origin_cannot_reach_the_embedded_cloud() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let console = stack.gateway.replace("ws://", "http://");
    let status_of = async |address: &str, path: &str, headers: &str| {
        let body = "{}";
        let request = format!(
            "POST {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n\
             content-type: application/x-amz-json-1.0\r\n\
             x-amz-target: DynamoDB_20120810.ListTables\r\n\
             x-amz-date: 20260101T000000Z\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=0\r\n\
             {headers}\r\n{body}",
            body.len()
        );
        let answer = raw(address, &request).await?;
        anyhow::Ok(answer.split(' ').nth(1).context("no status")?.to_owned())
    };
    let own = format!("host: localhost\r\norigin: {console}\r\n");
    let connections_path = "/prod/@connections/bm9ib2R5aGVyZQ%3D%3D";
    let token = "/_local/token?user=alice";
    for (address, path, admitted) in [
        (&stack.aws, "/", "200"),
        (&stack.gateway, connections_path, "410"),
        (&stack.gateway, token, "200"),
    ] {
        for headers in ["host: localhost:4566\r\n", "host: [::1]\r\n", &own] {
            assert_eq!(
                status_of(address, path, headers).await?,
                admitted,
                "{headers}"
            );
        }
        for headers in [
            "host: rebound.example\r\n",
            "host: localhost\r\norigin: https://example.com\r\n",
            "host: localhost\r\norigin: null\r\n",
        ] {
            assert_eq!(status_of(address, path, headers).await?, "403", "{headers}");
        }
    }
    let handshake = "GET / HTTP/1.1\r\nhost: rebound.example\r\nupgrade: websocket\r\n\
                     connection: upgrade, close\r\nsec-websocket-version: 13\r\n\
                     sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    let answer = raw(&stack.gateway, handshake).await?;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    Ok(())
}

#[tokio::test]
async fn idle_and_old_connections_are_closed_with_1001() -> Result<()> {
    for option in ["--idle-seconds", "--life-seconds"] {
        let stack = Stack::start(&[option, "1"]).await?;
        let mut client = stack.client("alice").await?;
        let end = client.next().await.unwrap_err().to_string();
        assert!(end.contains("Away"), "{option}: {end}");
    }
    Ok(())
}

#[tokio::test]
async fn no_throttle_lifts_the_stages_throttle() -> Result<()> {
    let stack = Stack::start(&["--no-throttle"]).await?;
    let mut client = stack.client("alice").await?;
    // Three times the stage's burst, faster than its rate refills the bucket.
    for n in 0..300 {
        client
            .send(json!({"action": "ping", "requestId": n.to_string()}))
            .await?;
    }
    for _ in 0..300 {
        let answer = client.next().await?;
        assert_eq!(answer["message"], json!(null), "{answer}");
    }
    Ok(())
}

#[tokio::test]
async fn delay_frames_delays_frames_by_request_id() -> Result<()> {
    let stack = Stack::start(&["--delay-frames", "slow=1000"]).await?;
    let mut client = stack.client("alice").await?;
    for id in ["slow", "fast"] {
        client
            .send(json!({"action": "listJobs", "requestId": id}))
            .await?;
    }
    assert_eq!(client.next().await?["requestId"], "fast");
    assert_eq!(client.next().await?["requestId"], "slow");
    Ok(())
}
