//! A Lambda function for this crate's tests, with the real Runtime API client. `_HANDLER` selects its
//! behaviour.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match std::env::var("_HANDLER")?.as_str() {
        "exit-at-init" => std::process::exit(3),
        "post-init-error" => post_init_error().await,
        "batch" => lambda_runtime::run(service_fn(batch)).await,
        "authorize" => lambda_runtime::run(service_fn(authorize)).await,
        "socket" => lambda_runtime::run(service_fn(socket)).await,
        "tick" => lambda_runtime::run(service_fn(record_event)).await,
        _ => lambda_runtime::run(service_fn(run_command)).await,
    }
}

/// Runs the event's command: `{"do": "echo" | "fail" | "exit" | "hang" | "hold" | "print" | "grow"}`.
async fn run_command(event: LambdaEvent<Value>) -> Result<Value, Error> {
    match event.payload["do"].as_str() {
        Some("fail") => Err("as asked".into()),
        Some("exit") => std::process::exit(7),
        Some("hang") => std::future::pending().await,
        Some("hold") => hold_lock().await,
        Some("grow") => allocate(event.payload["mib"].as_u64().unwrap_or_default()).await,
        Some("print") => {
            println!("printed by {}", event.context.request_id);
            Ok(Value::Null)
        }
        _ => Ok(json!({
            "pid": std::process::id(),
            "event": event.payload,
            "deadline": event.context.deadline,
            "trace": event.context.xray_trace_id,
            "environment": std::env::vars().collect::<std::collections::BTreeMap<_, _>>(),
        })),
    }
}

/// Holds a file lock until the process ends: only then the kernel releases it.
async fn hold_lock() -> Result<Value, Error> {
    let file = std::fs::File::create(notes_folder().join("held"))?;
    file.lock()?;
    std::future::pending().await
}

/// Allocates this many MiB one by one and touches every page.
async fn allocate(mib: u64) -> Result<Value, Error> {
    let mut held = Vec::new();
    for _ in 0..mib {
        held.push(vec![1_u8; 1 << 20]);
        // Slow enough to be stopped far below this machine's memory.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(json!(held.len()))
}

/// Processes a batch. A record's body is `ok`, `fail`, `throw`, `exit`, `wait` (until the file `go` exists), or
/// `answer <JSON>`, which is the response for the whole batch.
async fn batch(event: LambdaEvent<Value>) -> Result<Value, Error> {
    append_line("batches", &event.payload)?;
    let records = event.payload["Records"].as_array().ok_or("no Records")?;
    let mut failures = Vec::new();
    for record in records {
        match record["body"].as_str().ok_or("no body")? {
            "fail" => failures.push(json!({ "itemIdentifier": record["messageId"] })),
            "throw" => return Err("as asked".into()),
            "exit" => std::process::exit(7),
            "wait" => wait_for_file(&notes_folder().join("go")).await,
            body => {
                if let Some(answer) = body.strip_prefix("answer ") {
                    return Ok(serde_json::from_str(answer)?);
                }
            }
        }
    }
    Ok(json!({ "batchItemFailures": failures }))
}

/// Authorizes as `?token=` says, and records each event.
async fn authorize(event: LambdaEvent<Value>) -> Result<Value, Error> {
    append_line("authorizations", &event.payload)?;
    let token = event.payload["queryStringParameters"]["token"].as_str();
    let (effect, context) = match token {
        Some("deny") => ("Deny", json!({})),
        Some("stranger") => return Err("Unauthorized".into()),
        Some("error") => return Err("something else".into()),
        Some("nested") => ("Allow", json!({ "deep": { "not": "allowed" } })),
        _ => (
            "Allow",
            json!({ "user": "alice", "level": 3, "admin": true }),
        ),
    };
    Ok(json!({
        "principalId": "alice",
        "policyDocument": { "Version": "2012-10-17", "Statement": [{
            "Action": "execute-api:Invoke", "Effect": effect, "Resource": event.payload["methodArn"],
        }]},
        "context": context,
    }))
}

/// Connects as `?connect=` says, returns a frame's event, and records a disconnect.
async fn socket(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let event = event.payload;
    match event["requestContext"]["eventType"].as_str() {
        Some("CONNECT") => match event["queryStringParameters"]["connect"].as_str() {
            Some("fail") => Err("as asked".into()),
            Some("wait") => {
                append_line("connects", &event)?;
                wait_for_file(&notes_folder().join("go")).await;
                Ok(json!({ "statusCode": 200 }))
            }
            Some("malformed") => Ok(json!("no status")),
            Some("subprotocol") => Ok(json!({
                "statusCode": 200, "headers": { "Sec-WebSocket-Protocol": "longhaul.v1" },
            })),
            status => Ok(json!({ "statusCode": status.unwrap_or("200").parse::<u16>()? })),
        },
        Some("DISCONNECT") => {
            append_line("disconnects", &event)?;
            Ok(json!({ "statusCode": 200 }))
        }
        _ => {
            let body = event["body"].as_str().unwrap_or_default();
            let frame: Value = serde_json::from_str(body).unwrap_or_default();
            match frame["do"].as_str() {
                Some("meet") => rendezvous(&frame).await?,
                Some("fail") => return Err("as asked".into()),
                Some("silent") => return Ok(json!({ "statusCode": 200 })),
                _ => {}
            }
            Ok(json!({ "statusCode": 200, "body": event.to_string() }))
        }
    }
}

/// Waits for another frame that does the same: both return only if they run concurrently.
async fn rendezvous(frame: &Value) -> Result<(), Error> {
    let name = |key: &str| frame[key].as_str().map(|name| notes_folder().join(name));
    std::fs::write(name("me").ok_or("no me")?, "")?;
    let other = name("other").ok_or("no other")?;
    wait_for_file(&other).await;
    Ok(())
}

async fn wait_for_file(path: &Path) {
    while !path.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Records each event.
async fn record_event(event: LambdaEvent<Value>) -> Result<Value, Error> {
    append_line("ticks", &event.payload)?;
    Ok(Value::Null)
}

async fn post_init_error() -> Result<(), Error> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API")?;
    let mut socket = tokio::net::TcpStream::connect(&api).await?;
    let body = r#"{"errorType":"Config.Missing","errorMessage":"no table named"}"#;
    let request = format!(
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await?;
    std::process::exit(1)
}

fn notes_folder() -> PathBuf {
    PathBuf::from(std::env::var("NOTES").unwrap_or_default())
}

/// Appends one line of JSON to a file that the test reads.
fn append_line(name: &str, event: &Value) -> Result<(), Error> {
    let path = notes_folder().join(name);
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(path)?;
    file.write_all(format!("{event}\n").as_bytes())?;
    Ok(())
}
