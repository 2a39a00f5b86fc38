//! Calls over real sockets to a server with scripted responses, which records the requests.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use aws_lc_rs::{digest, hmac};
use serde_json::json;
use tokio::task::{JoinHandle, spawn_blocking};

use super::*;
use crate::aws::clients;

/// What the server does with a request.
#[derive(Clone, Copy)]
enum ServerAction {
    Respond(u16, &'static str),
    /// Closes the connection without a response.
    HangUp,
}

/// Starts a server that performs an action for each request, on a connection of its own. Returns its URL and the requests.
fn serve(actions: &'static [ServerAction]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = spawn_blocking(move || {
        let handle = |action: &ServerAction| {
            let (mut socket, _) = listener.accept().unwrap();
            let request = request(&mut socket);
            match action {
                ServerAction::Respond(status, body) => write!(
                    socket,
                    "HTTP/1.1 {status} X\r\nx-amzn-errortype: Kind\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                )
                .unwrap(),
                ServerAction::HangUp => {}
            }
            request
        };
        actions.iter().map(handle).collect()
    });
    (url, server)
}

fn request(socket: &mut TcpStream) -> String {
    let mut read = vec![];
    loop {
        let mut some = [0; 4096];
        let length = socket.read(&mut some).unwrap();
        read.extend_from_slice(&some[..length]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = value(head, "content-length").unwrap_or("0").to_owned();
        if body.len() >= length.parse().unwrap() {
            return text;
        }
    }
}

fn value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(named, _)| named.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

async fn service(url: &str) -> SignedClient {
    let sdk = clients::for_command("test", Some((url, "eu-west-1"))).await;
    sdk.service(&DYNAMODB, url)
}

async fn post(
    actions: &'static [ServerAction],
) -> (Result<HttpResponse, CallError>, Vec<u16>, Vec<String>) {
    let (url, server) = serve(actions);
    let statuses = Mutex::default();
    let on_response = |status| Vec::push(&mut statuses.lock().unwrap(), status);
    let service = service(&url).await;
    let response = service
        .post("X", "/path", &[], "body".into(), on_response)
        .await;
    let statuses = statuses.lock().unwrap().clone();
    (response, statuses, server.await.unwrap())
}

#[tokio::test]
async fn only_retryable_responses_are_retried() {
    let again = [
        ServerAction::Respond(503, ""),
        ServerAction::HangUp,
        ServerAction::Respond(429, ""),
        ServerAction::Respond(200, "there"),
    ];
    let (response, statuses, requests) = post(Box::leak(Box::new(again))).await;
    let response = response.unwrap();
    assert_eq!((response.status, &response.body[..]), (200, &b"there"[..]));
    assert_eq!(statuses, [503, 429, 200]);
    assert!(
        requests
            .iter()
            .all(|request| request.ends_with("\r\n\r\nbody"))
    );

    let throttled = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#;
    let again = [
        ServerAction::Respond(400, throttled),
        ServerAction::Respond(204, ""),
    ];
    let (response, statuses, _) = post(Box::leak(Box::new(again))).await;
    assert_eq!((response.unwrap().status, statuses), (204, vec![400, 204]));

    let (response, statuses, _) = post(&[ServerAction::Respond(410, "{}")]).await;
    let response = response.unwrap();
    assert_eq!((response.status, response.error.as_str()), (410, "Kind"));
    assert_eq!(statuses, [410]);
}

#[tokio::test]
async fn attempts_are_limited() {
    let (response, statuses, requests) = post(&[ServerAction::Respond(500, ""); 4]).await;
    assert_eq!(response.unwrap().status, 500);
    assert_eq!((statuses.len(), requests.len()), (4, 4));
    let (response, _, _) = post(&[ServerAction::HangUp; 4]).await;
    assert!(
        matches!(response, Err(CallError::Transport(_))),
        "{response:?}"
    );
}

#[tokio::test]
async fn a_silent_service_times_out() {
    // The system accepts connections, but nothing reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(50))
        .build();
    let service = service(&url).await.within(&timeouts);
    let response = service.post("X", "/", &[], Bytes::new(), |_| ()).await;
    assert!(
        matches!(response, Err(CallError::Timeout(_))),
        "{response:?}"
    );
}

#[tokio::test]
async fn an_error_has_the_service_s_code() {
    let body = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}"#;
    let (url, _) = serve(Box::leak(Box::new([ServerAction::Respond(400, body)])));
    let response = service(&url).await.json("X", &json!({})).await;
    let error = response.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the service answered 400 QueueDoesNotExist: no such queue"
    );
}

/// Computes the signature from the received request, like a verifier, by the steps of AWS's description of Signature
/// Version 4.
#[tokio::test]
async fn the_signature_equals_the_one_that_aws_computes() {
    let (url, server) = serve(&[ServerAction::Respond(200, "")]);
    let headers = [("content-type", "text/plain"), ("x-amz-target", "A.B")];
    let path = "/prod/@connections/a%2Fb%3D";
    let credentials = Credentials::new("local", "local", Some("passing".into()), None, "test");
    let sdk = SdkConfig::builder()
        .region(aws_config::Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    let transport = Transport::with_connect_timeout(Duration::from_secs(1));
    let caller = Arc::new(AwsCaller::of(&sdk.build(), transport));
    let service = SignedClient::new(&caller, &DYNAMODB, &url);
    let response = service
        .post("X", path, &headers, "body".into(), |_| ())
        .await;
    assert_eq!(response.unwrap().status, 200);
    let request = server.await.unwrap().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with(&format!("POST {path} HTTP/1.1\r\n")));

    let authorization = value(head, "authorization").unwrap();
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(name).unwrap();
        rest.split(',').next().unwrap()
    };
    let signed = part("SignedHeaders=");
    let all = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
    assert_eq!(signed, all);
    assert_eq!(value(head, "x-amz-security-token"), Some("passing"));
    let date = value(head, "x-amz-date").unwrap();
    let lines = signed
        .split(';')
        .map(|name| format!("{name}:{}\n", value(head, name).unwrap()));
    let canonical = format!(
        "POST\n{}\n\n{}\n{signed}\n{}",
        path.replace('@', "%40")
            .replace("%2F", "%252F")
            .replace("%3D", "%253D"),
        lines.collect::<String>(),
        hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref()),
    );
    let scope = format!("{}/eu-west-1/dynamodb/aws4_request", &date[..8]);
    assert_eq!(part("Credential="), format!("local/{scope}"));
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}");
    let mut key = b"AWS4local".to_vec();
    for step in scope.split('/') {
        key = mac(&key, step);
    }
    assert_eq!(part("Signature="), hex(&mac(&key, &to_sign)));
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn credentials_are_cached_until_shortly_before_they_expire() {
    let caller = AwsCaller {
        transport: Transport::with_connect_timeout(Duration::from_secs(1)),
        credentials: None,
        cached: RwLock::default(),
        region: None,
        user_agent: String::new(),
    };
    let (now, last) = (clock::now(), Duration::from_secs(301));
    let is_cached = |expiry: Option<Timestamp>| {
        let expiry = expiry.map(SystemTime::from);
        let credentials = Credentials::new("id", "secret", None, expiry, "test");
        *caller.cached.write().unwrap() = Some(credentials);
        caller.cached_credentials(now).is_some()
    };
    assert!(is_cached(None));
    assert!(is_cached(Some(now + last)));
    assert!(!is_cached(Some(now + last - Duration::from_secs(2))));
}
