//! Open connections: the management API, stalled clients, and `$disconnect`.

use super::*;
use crate::lambda::tests::notes;

#[tokio::test]
async fn a_back_end_posts_to_describes_and_closes_a_connection() {
    let api = TestApi::start().await;
    let mut socket = api.connect("").await;
    let id = connection_id(&echo(&mut socket).await);
    for n in 0..50 {
        let (status, ..) = api
            .manage(Method::POST, &id, &format!("{{\"n\":{n}}}"))
            .await;
        assert_eq!(status, StatusCode::OK);
    }
    for n in 0..50 {
        assert_eq!(receive(&mut socket).await, json!({ "n": n }), "in order");
    }
    let (status, _, body) = api.manage(Method::GET, &id, "").await;
    assert_eq!(status, StatusCode::OK);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["identity"]["sourceIp"], "127.0.0.1");
    let time = |key: &str| {
        body[key]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    assert!(time("connectedAt") <= time("lastActiveAt"));

    let (status, headers, _) = api
        .manage(Method::POST, &id, &"x".repeat(128 * 1024 + 1))
        .await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(headers["x-amzn-errortype"], "PayloadTooLargeException");

    let (status, ..) = api.manage(Method::DELETE, &id, "").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(close_code(socket).await, 1000);
    let gone = (StatusCode::GONE, "GoneException");
    // No connection can have this id.
    let malformed = (StatusCode::BAD_REQUEST, "BadRequestException");
    for (id, (expected, error)) in [(id.as_str(), gone), ("nope%20", malformed)] {
        for method in [Method::POST, Method::GET, Method::DELETE] {
            let (status, headers, body) = api.manage(method, id, "").await;
            assert_eq!(status, expected);
            assert_eq!(headers["x-amzn-errortype"], error);
            assert!(serde_json::from_slice::<Value>(&body).unwrap()["message"].is_string());
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_connection_is_gone_until_connect_has_succeeded() {
    let api = TestApi::start().await;
    let url = format!("ws://{}/prod?connect=wait", api.address);
    let connecting = tokio::spawn(connect_async(url));
    let id = connection_id(&notes(api.folder.path(), "connects", 1).await[0]);
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let (status, headers, _) = api.manage(method, &id, "too early").await;
        assert_eq!(status, StatusCode::GONE);
        assert_eq!(headers["x-amzn-errortype"], "GoneException");
    }
    std::fs::write(api.folder.path().join("go"), "").unwrap();
    let (mut socket, _) = connecting.await.unwrap().unwrap();
    assert_eq!(
        connection_id(&echo(&mut socket).await),
        id,
        "no earlier frame arrived"
    );
    drop(socket);
    api.stop().await;
}

/// Uses a raw socket, because an SDK always signs.
#[tokio::test]
async fn an_unsigned_request_is_rejected() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let api = TestApi::start().await;
    let mut socket = api.connect("").await;
    let id = connection_id(&echo(&mut socket).await).replace('=', "%3D");
    for method in ["POST", "GET", "DELETE"] {
        let mut raw = TcpStream::connect(api.address).await.unwrap();
        let request = format!(
            "{method} /prod/@connections/{id} HTTP/1.1\r\nhost: localhost\r\n\
             connection: close\r\ncontent-length: 0\r\n\r\n"
        );
        raw.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        raw.read_to_string(&mut response).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 403 "), "{response}");
        assert!(response.contains("x-amzn-errortype: MissingAuthenticationTokenException"));
        assert!(response.ends_with(r#"{"message":"Missing Authentication Token"}"#));
    }
    echo(&mut socket).await;
    drop(socket);
    api.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_gets_no_more_frames_and_blocks_no_other() {
    let api = TestApi::start().await;
    let mut stalled = api.connect("").await;
    let id = connection_id(&echo(&mut stalled).await);
    let large = "x".repeat(128 * 1024);
    let mut posted = 0;
    let rejected = loop {
        let (status, headers, _) = api.manage(Method::POST, &id, &large).await;
        if status != StatusCode::OK {
            break (status, headers["x-amzn-errortype"].clone());
        }
        posted += 1;
        assert!(
            posted < 1000,
            "128 MB were queued for a client that does not read"
        );
    };
    assert_eq!(rejected.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(rejected.1, "LimitExceededException");
    let mut other = api.connect("").await;
    echo(&mut other).await;
    for _ in 0..posted {
        let frame = stalled.next().await.unwrap().unwrap();
        assert_eq!(frame.len(), large.len(), "every queued frame arrives");
    }
    drop(other);
    drop(stalled);
    api.stop().await;
}

#[tokio::test]
async fn disconnect_is_invoked_once_with_its_code() {
    let api = TestApi::start().await;
    let mut closing = api.connect("").await;
    closing.close(None).await.unwrap();
    while closing.next().await.is_some() {}
    drop(closing);
    let mut aborted = api.connect("").await;
    let aborted_id = connection_id(&echo(&mut aborted).await);
    drop(aborted);
    let mut open = api.connect("").await;
    let open_id = connection_id(&echo(&mut open).await);
    let close_code_of_open = tokio::spawn(async move { close_code(open).await });

    notes(api.folder.path(), "disconnects", 2).await;
    api.gateway.close_all().await;
    assert_eq!(close_code_of_open.await.unwrap(), 1001);
    let events = notes(api.folder.path(), "disconnects", 3).await;
    let mut codes = BTreeMap::new();
    for event in &events {
        assert_eq!(event["requestContext"]["routeKey"], "$disconnect");
        let code = event["requestContext"]["disconnectStatusCode"].as_u64();
        codes.insert(connection_id(event), code.unwrap());
    }
    assert_eq!((events.len(), codes.len()), (3, 3), "once each");
    assert_eq!(codes.remove(&aborted_id), Some(1006));
    assert_eq!(codes.remove(&open_id), Some(1001));
    assert_eq!(codes.into_values().collect::<Vec<_>>(), [1005]);
    api.stop().await;
}
