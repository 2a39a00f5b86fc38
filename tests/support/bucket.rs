//! A stack with a bucket under test: the command line on it, raw HTTP to it, URLs presigned by hand.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::stack::Stack;

const BUCKETS: &str = r#"Resources:
  Exports:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: exports
      PublicAccessBlockConfiguration: {BlockPublicAcls: true}
      CorsConfiguration:
        CorsRules:
          - AllowedOrigins: ["https://*.example.com"]
            AllowedMethods: [GET, PUT]
            AllowedHeaders: ["content-type"]
            ExposedHeaders: [ETag]
            MaxAge: 600
      LifecycleConfiguration:
        Rules:
          - {Id: Old, Status: Enabled, Prefix: tmp/, ExpirationInDays: 7}
"#;

pub struct Bench {
    pub stack: Stack,
    files: TempDir,
}

impl Bench {
    /// A stack whose template has the bucket `exports`, and a folder for the test's files.
    pub async fn start(options: &[&str]) -> Result<Self> {
        let files = tempfile::tempdir()?;
        let own = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../cloudformation/template.yaml"
        );
        let template = std::fs::read_to_string(own)?.replacen("Resources:\n", BUCKETS, 1);
        let path = files.path().join("template.yaml");
        std::fs::write(&path, template)?;
        let path = path.to_str().context("a path is text")?;
        let stack = Stack::start(&[&["--template", path], options].concat()).await?;
        Ok(Self { stack, files })
    }

    /// A file with these bytes, as the command line takes one.
    pub fn file(&self, name: &str, bytes: &[u8]) -> Result<String> {
        let path = self.files.path().join(name);
        std::fs::write(&path, bytes)?;
        Ok(path.display().to_string())
    }

    /// `aws s3api OPERATION --bucket exports ...`
    pub async fn s3(&self, operation: &str, arguments: &[&str]) -> Result<Value> {
        let fixed = ["s3api", operation, "--bucket", "exports"];
        self.stack.aws(&[&fixed, arguments].concat()).await
    }

    pub async fn put(&self, key: &str, bytes: &[u8]) -> Result<Value> {
        let file = self.file("body", bytes)?;
        self.s3("put-object", &["--key", key, "--body", &file])
            .await
    }

    /// The object's bytes, and what `get-object` says of it.
    pub async fn get(&self, key: &str, arguments: &[&str]) -> Result<(Vec<u8>, Value)> {
        let file = self.file("got", b"")?;
        let arguments = [&["--key", key], arguments, &[&file]].concat();
        let answer = self.s3("get-object", &arguments).await?;
        Ok((std::fs::read(file)?, answer))
    }

    /// The path and query of a GET that the command line presigned.
    pub async fn presigned(&self, key: &str) -> Result<String> {
        let object = format!("s3://exports/{key}");
        let url = self.stack.aws_text(&["s3", "presign", &object]).await?;
        let path = url.trim().strip_prefix(&self.stack.aws);
        Ok(path
            .with_context(|| format!("presigned for elsewhere: {url}"))?
            .to_owned())
    }

    /// The path and query of a request that was presigned by hand `age` ago, for so many seconds.
    pub fn presign(&self, method: &str, path: &str, age: SignedDuration, seconds: u32) -> String {
        let time = (Timestamp::now() - age)
            .strftime("%Y%m%dT%H%M%SZ")
            .to_string();
        let (host, day) = (self.stack.aws.trim_start_matches("http://"), &time[..8]);
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=local%2F{day}%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date={time}&X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host"
        );
        let request = format!("{method}\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD");
        let request = hex(&Sha256::digest(request));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{day}/us-east-1/s3/aws4_request\n{request}");
        let mut key = b"AWS4local".to_vec();
        for part in [day, "us-east-1", "s3", "aws4_request", &text] {
            key = hmac(&key, part.as_bytes());
        }
        format!("{path}?{query}&X-Amz-Signature={}", hex(&key))
    }

    pub async fn http(
        &self,
        request: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer> {
        http(&self.stack.aws, request, headers, body).await
    }
}

pub struct Answer {
    pub status: u16,
    headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// One HTTP request, such as `GET /path`, on a connection of its own.
pub async fn http(
    base: &str,
    request: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer> {
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
    let mut answer = vec![];
    socket.read_to_end(&mut answer).await?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let end = end.context("an answer without an end of its headers")?;
    let head = String::from_utf8(answer[..end].to_vec())?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    let headers = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Ok(Answer {
        status,
        headers: headers.collect(),
        body: answer[end + 4..].to_vec(),
    })
}

/// HMAC-SHA256 (RFC 2104), of a key no longer than a block.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let padded = |pad: u8| {
        let mut block = vec![pad; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::digest([&padded(0x36), text].concat());
    Sha256::digest([&padded(0x5c)[..], &inner].concat()).to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
