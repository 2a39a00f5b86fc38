//! Handshakes: rejections, the authorizer, and the subprotocol.

use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::*;
use crate::lambda::tests::notes;

#[tokio::test]
async fn a_rejected_handshake_has_the_right_status() {
    let api = TestApi::start_with(Some("guard"), None, TWO_HOURS, TWO_HOURS).await;
    let cases = [
        ("/prod", 401),
        ("/prod?token=", 401),
        ("/prod?token=stranger", 401),
        ("/prod?token=deny", 403),
        ("/prod?token=error", 500),
        ("/prod?token=nested", 500),
        ("/prod?token=good&connect=403", 403),
        ("/prod?token=good&connect=503", 503),
        ("/prod?token=good&connect=fail", 502),
        ("/prod?token=good&connect=malformed", 502),
        ("/other?token=good", 403),
    ];
    for (path, status) in cases {
        assert_eq!(api.rejected_status(path).await, status, "{path}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_url_has_at_most_4096_characters_with_the_token() {
    let api = TestApi::start_with(Some("guard"), None, TWO_HOURS, TWO_HOURS).await;
    let before = format!("wss://{}", api.address).len();
    let path = |length: usize| {
        let path = "/prod?token=stranger&pad=";
        format!("{path}{}", "x".repeat(length - before - path.len()))
    };
    // The authorizer refuses the one; the other does not reach it.
    assert_eq!(api.rejected_status(&path(4096)).await, 401);
    assert_eq!(api.rejected_status(&path(4097)).await, 414);
    api.stop().await;
}

#[tokio::test]
async fn later_events_contain_the_authorizers_context() {
    let api = TestApi::start_with(Some("guard"), None, TWO_HOURS, TWO_HOURS).await;
    let mut socket = api.connect("?token=good").await;
    let event = echo(&mut socket).await;
    let context = &event["requestContext"];
    assert_eq!(
        context["authorizer"],
        json!({ "principalId": "alice", "user": "alice", "level": "3", "admin": "true" })
    );
    assert_eq!(context["routeKey"], "echo");
    assert_eq!(context["eventType"], "MESSAGE");
    assert_eq!(context["stage"], "prod");
    assert_eq!(context["domainName"], api.address.to_string());
    assert_eq!(context["identity"]["sourceIp"], "127.0.0.1");
    assert_eq!(event["body"], r#"{"action":"echo"}"#);
    assert_eq!(event["isBase64Encoded"], false);
    drop(socket);
    api.stop().await;
}

/// API Gateway caches authorizer results (`AuthorizerResultTtlInSeconds`) only for HTTP APIs.
#[tokio::test]
async fn the_authorizer_is_invoked_for_each_handshake() {
    let api = TestApi::start_with(Some("guard"), None, TWO_HOURS, TWO_HOURS).await;
    for _ in 0..3 {
        drop(api.connect("?token=good").await);
    }
    assert_eq!(api.rejected_status("/prod?token=deny").await, 403);
    let authorizations = notes(api.folder.path(), "authorizations", 4).await;
    assert_eq!(authorizations.len(), 4);
    api.stop().await;
}

#[tokio::test]
async fn only_the_functions_subprotocol_is_selected() {
    let api = TestApi::start().await;
    for (query, selected) in [("?connect=subprotocol", Some("longhaul.v1")), ("", None)] {
        let url = format!("ws://{}/{query}", api.address);
        let mut request = url.into_client_request().unwrap();
        let offer = "longhaul.v1, token".parse().unwrap();
        request
            .headers_mut()
            .insert("sec-websocket-protocol", offer);
        // The client library fails without a selected subprotocol.
        match (connect_async(request).await, selected) {
            (Ok((_, response)), Some(selected)) => {
                assert_eq!(response.headers()["sec-websocket-protocol"], selected);
            }
            (Err(Error::Protocol(_)), None) => {}
            (other, _) => panic!("{other:?}"),
        }
    }
    api.stop().await;
}
