//! Calls over real sockets, to a server that answers as a test says and keeps what it was sent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use aws_lc_rs::{digest, hmac};
use serde_json::json;
use tokio::task::{JoinHandle, spawn_blocking};

use super::*;
use crate::aws::clients;

/// What becomes of a request.
#[derive(Clone, Copy)]
enum Then {
    HttpResponse(u16, &'static str),
    /// The connection ends without an answer.
    HangUp,
}

/// A server for so many requests, each on a connection of its own; and what they were.
fn answering(all: &'static [Then]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = spawn_blocking(move || {
        let one = |then: &Then| {
            let (mut socket, _) = listener.accept().unwrap();
            let request = request(&mut socket);
            match then {
                Then::HttpResponse(status, body) => write!(
                    socket,
                    "HTTP/1.1 {status} X\r\nx-amzn-errortype: Kind\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                )
                .unwrap(),
                Then::HangUp => {}
            }
            request
        };
        all.iter().map(one).collect()
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

async fn posted(all: &'static [Then]) -> (Result<HttpResponse, CallError>, Vec<u16>, Vec<String>) {
    let (url, server) = answering(all);
    let statuses = Mutex::default();
    let heard = |status| Vec::push(&mut statuses.lock().unwrap(), status);
    let service = service(&url).await;
    let answer = service.post("X", "/path", &[], "body".into(), heard).await;
    let heard = statuses.lock().unwrap().clone();
    (answer, heard, server.await.unwrap())
}

#[tokio::test]
async fn what_may_help_is_tried_again_and_nothing_else() {
    let again = [
        Then::HttpResponse(503, ""),
        Then::HangUp,
        Then::HttpResponse(429, ""),
        Then::HttpResponse(200, "there"),
    ];
    let (answer, heard, requests) = posted(Box::leak(Box::new(again))).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"there"[..]));
    assert_eq!(heard, [503, 429, 200]);
    assert!(
        requests
            .iter()
            .all(|request| request.ends_with("\r\n\r\nbody"))
    );

    let throttled = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#;
    let again = [
        Then::HttpResponse(400, throttled),
        Then::HttpResponse(204, ""),
    ];
    let (answer, heard, _) = posted(Box::leak(Box::new(again))).await;
    assert_eq!((answer.unwrap().status, heard), (204, vec![400, 204]));

    let (answer, heard, _) = posted(&[Then::HttpResponse(410, "{}")]).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.error.as_str()), (410, "Kind"));
    assert_eq!(heard, [410]);
}

#[tokio::test]
async fn tries_are_counted() {
    let (answer, heard, requests) = posted(&[Then::HttpResponse(500, ""); 4]).await;
    assert_eq!(answer.unwrap().status, 500);
    assert_eq!((heard.len(), requests.len()), (4, 4));
    let (answer, _, _) = posted(&[Then::HangUp; 4]).await;
    assert!(matches!(answer, Err(CallError::Transport(_))), "{answer:?}");
}

#[tokio::test]
async fn a_silent_service_is_given_up() {
    // Transport are taken by the system, and by nobody else.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(50))
        .build();
    let service = service(&url).await.within(&timeouts);
    let answer = service.post("X", "/", &[], Bytes::new(), |_| ()).await;
    assert!(matches!(answer, Err(CallError::Timeout(_))), "{answer:?}");
}

#[tokio::test]
async fn a_refusal_is_told_by_its_code() {
    let body = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}"#;
    let (url, _) = answering(Box::leak(Box::new([Then::HttpResponse(400, body)])));
    let answer = service(&url).await.json("X", &json!({})).await;
    let error = answer.unwrap_err();
    assert_eq!(
        error.to_string(),
        "it was answered 400 QueueDoesNotExist: no such queue"
    );
}

/// By the steps of AWS's description of Signature Version 4, as a verifier takes them: from what came.
#[tokio::test]
async fn the_signature_is_what_aws_computes() {
    let (url, server) = answering(&[Then::HttpResponse(200, "")]);
    let headers = [("content-type", "text/plain"), ("x-amz-target", "A.B")];
    let path = "/prod/@connections/a%2Fb%3D";
    let credentials = Credentials::new("local", "local", Some("passing".into()), None, "test");
    let sdk = SdkConfig::builder()
        .region(aws_config::Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    let transport = Transport::opened_within(Duration::from_secs(1));
    let wire = Arc::new(AwsCaller::of(&sdk.build(), transport));
    let service = SignedClient::new(&wire, &DYNAMODB, &url);
    let answer = service
        .post("X", path, &headers, "body".into(), |_| ())
        .await;
    assert_eq!(answer.unwrap().status, 200);
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
fn credentials_are_used_until_shortly_before_they_end() {
    let wire = AwsCaller {
        transport: Transport::opened_within(Duration::from_secs(1)),
        credentials: None,
        known: RwLock::default(),
        region: None,
        user_agent: String::new(),
        tries: 1,
    };
    let (now, last) = (clock::now(), Duration::from_secs(301));
    let known = |expiry: Option<Timestamp>| {
        let expiry = expiry.map(SystemTime::from);
        let credentials = Credentials::new("id", "secret", None, expiry, "test");
        *wire.known.write().unwrap() = Some(credentials);
        wire.known_credentials(now).is_some()
    };
    assert!(known(None));
    assert!(known(Some(now + last)));
    assert!(!known(Some(now + last - Duration::from_secs(2))));
}
