//! What others do with open connections: the management API, a client that stalls, and the end.

use super::*;
use crate::lambda::tests::notes;

#[tokio::test]
async fn a_back_end_posts_asks_and_closes() {
    let api = Api::plain().await;
    let mut socket = api.connect("").await;
    let id = id_of(&echo(&mut socket).await);
    for n in 0..50 {
        let (status, ..) = api
            .manage(Method::POST, &id, &format!("{{\"n\":{n}}}"))
            .await;
        assert_eq!(status, StatusCode::OK);
    }
    for n in 0..50 {
        assert_eq!(hear(&mut socket).await, json!({ "n": n }), "in order");
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
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let (status, headers, body) = api.manage(method, &id, "").await;
        assert_eq!(status, StatusCode::GONE);
        assert_eq!(headers["x-amzn-errortype"], "GoneException");
        assert!(serde_json::from_slice::<Value>(&body).unwrap()["message"].is_string());
    }
    api.end().await;
}

#[tokio::test]
async fn who_is_still_connecting_is_gone_to_a_back_end() {
    let api = Api::plain().await;
    let url = format!("ws://{}/prod?connect=wait", api.address);
    let connecting = tokio::spawn(connect_async(url));
    let id = id_of(&notes(api.folder.path(), "connects", 1).await[0]);
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let (status, headers, _) = api.manage(method, &id, "too early").await;
        assert_eq!(status, StatusCode::GONE);
        assert_eq!(headers["x-amzn-errortype"], "GoneException");
    }
    std::fs::write(api.folder.path().join("go"), "").unwrap();
    let (mut socket, _) = connecting.await.unwrap().unwrap();
    assert_eq!(id_of(&echo(&mut socket).await), id, "and nothing was said");
    drop(socket);
    api.end().await;
}

/// The bytes as they are, since an SDK never leaves its signature out.
#[tokio::test]
async fn a_request_without_a_signature_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let api = Api::plain().await;
    let mut socket = api.connect("").await;
    let id = id_of(&echo(&mut socket).await).replace('=', "%3D");
    for method in ["POST", "GET", "DELETE"] {
        let mut raw = TcpStream::connect(api.address).await.unwrap();
        let request = format!(
            "{method} /prod/@connections/{id} HTTP/1.1\r\nhost: localhost\r\n\
             connection: close\r\ncontent-length: 0\r\n\r\n"
        );
        raw.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        raw.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(answer.contains("x-amzn-errortype: MissingAuthenticationTokenException"));
        assert!(answer.ends_with(r#"{"message":"Missing Authentication Token"}"#));
    }
    echo(&mut socket).await;
    drop(socket);
    api.end().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_refused_more_and_stops_nobody() {
    let api = Api::plain().await;
    let mut stalled = api.connect("").await;
    let id = id_of(&echo(&mut stalled).await);
    let large = "x".repeat(128 * 1024);
    let mut posted = 0;
    let refused = loop {
        let (status, headers, _) = api.manage(Method::POST, &id, &large).await;
        if status != StatusCode::OK {
            break (status, headers["x-amzn-errortype"].clone());
        }
        posted += 1;
        assert!(
            posted < 1000,
            "128 MB were taken for a client that reads nothing"
        );
    };
    assert_eq!(refused.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.1, "LimitExceededException");
    let mut other = api.connect("").await;
    echo(&mut other).await;
    for _ in 0..posted {
        let frame = stalled.next().await.unwrap().unwrap();
        assert_eq!(frame.len(), large.len(), "what was taken arrives");
    }
    drop(other);
    drop(stalled);
    api.end().await;
}

#[tokio::test]
async fn disconnect_is_told_once_with_its_code() {
    let api = Api::plain().await;
    let mut polite = api.connect("").await;
    polite.close(None).await.unwrap();
    while polite.next().await.is_some() {}
    drop(polite);
    let mut rude = api.connect("").await;
    let rude_id = id_of(&echo(&mut rude).await);
    drop(rude);
    let mut stays = api.connect("").await;
    let stays_id = id_of(&echo(&mut stays).await);
    let hears = tokio::spawn(async move { close_code(stays).await });

    notes(api.folder.path(), "disconnects", 2).await;
    api.gateway.close_all().await;
    assert_eq!(hears.await.unwrap(), 1001);
    let told = notes(api.folder.path(), "disconnects", 3).await;
    let mut codes = BTreeMap::new();
    for event in &told {
        assert_eq!(event["requestContext"]["routeKey"], "$disconnect");
        let code = event["requestContext"]["disconnectStatusCode"].as_u64();
        codes.insert(id_of(event), code.unwrap());
    }
    assert_eq!((told.len(), codes.len()), (3, 3), "once each");
    assert_eq!(codes.remove(&rude_id), Some(1006));
    assert_eq!(codes.remove(&stays_id), Some(1001));
    assert_eq!(codes.into_values().collect::<Vec<_>>(), [1005]);
    api.end().await;
}
