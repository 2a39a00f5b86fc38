//! The gateway with real sockets and a real function: frames, limits and routing.

mod connections;
mod handshakes;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::*;
use crate::lambda::Lambda;
use crate::lambda::tests::{function, start_lambda};
use crate::stack_spec::{Route, Throttle, WebSocketApi};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const TWO_HOURS: Duration = Duration::from_secs(2 * 60 * 60);

/// A served API: `echo` responds with its event, `mute` has no route response, and there is no `$default`.
struct TestApi {
    address: SocketAddr,
    gateway: Gateway,
    lambda: Lambda,
    folder: TempDir,
}

impl TestApi {
    async fn start() -> TestApi {
        TestApi::start_with(None, None, TWO_HOURS, TWO_HOURS).await
    }

    async fn start_with(
        authorizer: Option<&str>,
        throttle: Option<Throttle>,
        idle_timeout: Duration,
        max_connection_age: Duration,
    ) -> TestApi {
        let folder = tempfile::tempdir().unwrap();
        let functions = vec![function("socket", "socket"), function("guard", "authorize")];
        let lambda = start_lambda(folder.path(), functions).await;
        let route = |has_route_response| Route {
            function: "socket".into(),
            authorizer: None,
            identity_sources: Vec::new(),
            has_route_response,
        };
        let connect = Route {
            authorizer: authorizer.map(String::from),
            identity_sources: vec!["route.request.querystring.token".into()],
            ..route(false)
        };
        let spec = WebSocketApi {
            api_id: "local".into(),
            stage: "prod".into(),
            route_selection: "$request.body.action".into(),
            routes: BTreeMap::from([
                ("$connect".into(), connect),
                ("$disconnect".into(), route(false)),
                ("echo".into(), route(true)),
                ("mute".into(), route(false)),
            ]),
            throttle,
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let listener = listener.tap_io(|socket| socket.set_nodelay(true).unwrap());
        let domain = address.to_string();
        let overrides = GatewayOverrides {
            idle_timeout,
            max_connection_age,
            frame_delays: vec![FrameDelay {
                text: "delayed".into(),
                delay: Duration::from_millis(500),
            }],
            ..GatewayOverrides::default()
        };
        let options = GatewayOptions {
            overrides,
            domain,
            journal: OpenJournal::default(),
        };
        let gateway = Gateway::new(spec, lambda.clone(), options);
        let fallback = Router::new().route("/", get(|| async { "fallback" }));
        let app = gateway.router(fallback);
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        TestApi {
            address,
            gateway,
            lambda,
            folder,
        }
    }

    async fn connect(&self, query: &str) -> Socket {
        let url = format!("ws://{}/prod{query}", self.address);
        connect_async(url).await.unwrap().0
    }

    async fn rejected_status(&self, path: &str) -> u16 {
        match connect_async(format!("ws://{}{path}", self.address)).await {
            Err(Error::Http(response)) => response.status().as_u16(),
            other => panic!("{path}: {other:?}"),
        }
    }

    async fn http(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> (StatusCode, HeaderMap, Bytes) {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("authorization", "AWS4-HMAC-SHA256 Credential=local")
            .body(Full::new(body))
            .unwrap();
        let client = HttpClient::builder(TokioExecutor::new()).build_http();
        let (parts, body) = client.request(request).await.unwrap().into_parts();
        (
            parts.status,
            parts.headers,
            body.collect().await.unwrap().to_bytes(),
        )
    }

    async fn manage(&self, method: Method, id: &str, body: &str) -> (StatusCode, HeaderMap, Bytes) {
        let path = format!("/prod/@connections/{}", id.replace('=', "%3D"));
        self.http(method, &path, Bytes::copy_from_slice(body.as_bytes()))
            .await
    }

    async fn stop(self) {
        self.gateway.close_all().await;
        self.lambda.stop().await;
    }
}

async fn send(socket: &mut Socket, frame: Value) {
    socket.send(Message::text(frame.to_string())).await.unwrap();
}

async fn receive(socket: &mut Socket) -> Value {
    match socket.next().await.unwrap().unwrap() {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Sends an `echo` frame and returns its event, which contains the connection's id.
async fn echo(socket: &mut Socket) -> Value {
    send(socket, json!({ "action": "echo" })).await;
    receive(socket).await
}

fn connection_id(event: &Value) -> String {
    event["requestContext"]["connectionId"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Drops the socket at the end, because the gateway waits some time for the client to close.
async fn close_code(mut socket: Socket) -> u16 {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Close(Some(frame)) => return frame.code.into(),
            Message::Close(None) => panic!("a close frame without a code"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn frames_of_one_client_are_handled_concurrently() {
    let api = TestApi::start().await;
    let mut socket = api.connect("").await;
    for (me, other) in [("a", "b"), ("b", "a")] {
        let frame = json!({ "action": "echo", "do": "meet", "me": me, "other": other });
        send(&mut socket, frame).await;
    }
    receive(&mut socket).await;
    receive(&mut socket).await;
    drop(socket);
    api.stop().await;
}

#[tokio::test]
async fn a_later_frame_overtakes_a_delayed_one() {
    let api = TestApi::start().await;
    let mut socket = api.connect("").await;
    send(&mut socket, json!({ "action": "echo", "n": "delayed" })).await;
    send(&mut socket, json!({ "action": "echo", "n": "second" })).await;
    for n in ["second", "delayed"] {
        let body = receive(&mut socket).await["body"].to_string();
        assert!(body.contains(n), "{body}");
    }
    drop(socket);
    api.stop().await;
}

#[tokio::test]
async fn a_client_receives_only_route_responses_and_gateway_errors() {
    let api = TestApi::start().await;
    let mut socket = api.connect("").await;
    let id = connection_id(&echo(&mut socket).await);

    send(&mut socket, json!({ "action": "nowhere" })).await;
    let error = receive(&mut socket).await;
    assert_eq!(error["message"], "Forbidden");
    assert_eq!(error["connectionId"], id.as_str());
    assert!(error["requestId"].is_string());
    send(&mut socket, json!({ "action": "$connect" })).await;
    assert_eq!(receive(&mut socket).await["message"], "Forbidden");
    send(&mut socket, json!({ "action": "mute", "do": "fail" })).await;
    assert_eq!(
        receive(&mut socket).await["message"],
        "Internal server error"
    );

    send(&mut socket, json!({ "action": "mute" })).await;
    send(&mut socket, json!({ "action": "echo", "do": "silent" })).await;
    socket
        .send(Message::Ping(Bytes::from_static(b"hi")))
        .await
        .unwrap();
    let pong = socket.next().await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong(Bytes::from_static(b"hi")));
    let (status, ..) = api.manage(Method::DELETE, &id, "").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(
        close_code(socket).await,
        1000,
        "no frame precedes the close"
    );
    api.stop().await;
}

#[tokio::test]
async fn each_limit_has_its_close_code() {
    let api = TestApi::start().await;
    let mut socket = api.connect("").await;
    let fits = json!({ "action": "mute", "pad": "x".repeat(32_000) });
    send(&mut socket, fits).await;
    socket
        .send(Message::text("x".repeat(32 * 1024 + 1)))
        .await
        .unwrap();
    assert_eq!(close_code(socket).await, 1009, "one frame");

    let mut socket = api.connect("").await;
    for part in 0..5 {
        let kind = if part == 0 {
            Data::Text
        } else {
            Data::Continue
        };
        let frame = Frame::message(vec![b'x'; 30_000], OpCode::Data(kind), part == 4);
        socket.send(Message::Frame(frame)).await.unwrap();
    }
    assert_eq!(
        close_code(socket).await,
        1009,
        "a message in several frames"
    );

    let mut socket = api.connect("").await;
    socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(close_code(socket).await, 1003);

    let mut socket = api.connect("").await;
    let frame = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    socket.send(Message::Frame(frame)).await.unwrap();
    assert_eq!(close_code(socket).await, 1007);
    api.stop().await;

    let brief = Duration::from_millis(50);
    for (idle_timeout, max_age) in [(brief, TWO_HOURS), (TWO_HOURS, brief)] {
        let api = TestApi::start_with(None, None, idle_timeout, max_age).await;
        let socket = api.connect("").await;
        assert_eq!(close_code(socket).await, 1001);
        api.stop().await;
    }
}

#[tokio::test]
async fn the_stage_throttle_applies_to_frames_and_handshakes() {
    let throttle = Throttle {
        rate: 1e-6,
        burst: 2,
    };
    let api = TestApi::start_with(None, Some(throttle), TWO_HOURS, TWO_HOURS).await;
    let mut socket = api.connect("").await;
    echo(&mut socket).await;
    send(&mut socket, json!({ "action": "echo" })).await;
    assert_eq!(receive(&mut socket).await["message"], "Too Many Requests");
    assert_eq!(api.rejected_status("/prod").await, 429);
    drop(socket);
    api.stop().await;
}

#[tokio::test]
async fn other_requests_go_to_the_fallback() {
    let api = TestApi::start().await;
    let (status, _, body) = api.http(Method::GET, "/", Bytes::new()).await;
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"fallback"[..]));
    let (status, ..) = api.http(Method::GET, "/nothing", Bytes::new()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, ..) = api
        .http(Method::POST, "/dev/@connections/x", Bytes::new())
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    api.stop().await;
}
