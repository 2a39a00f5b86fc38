//! A stack with a bucket: the `aws` command line on it, raw HTTP to it, and URLs presigned by this code.

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::cli::repository_root;
use crate::support::http::{HttpResponse, http};
use crate::support::stack::Stack;

/// The template's first resource.
const BUCKET: &str = r#"Resources:
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

pub struct BucketStack {
    pub stack: Stack,
    files: TempDir,
}

impl BucketStack {
    /// Starts a stack whose template has the bucket `exports`.
    pub async fn start(options: &[&str]) -> Result<Self> {
        let files = tempfile::tempdir()?;
        let template = repository_root().join("cloudformation/template.yaml");
        let template = std::fs::read_to_string(template)?.replacen("Resources:\n", BUCKET, 1);
        let path = files.path().join("template.yaml");
        std::fs::write(&path, template)?;
        let path = path.to_str().context("a path is text")?;
        let stack = Stack::start(&[&["--template", path], options].concat()).await?;
        Ok(Self { stack, files })
    }

    /// Writes a file; its path, as the command line takes it.
    pub fn file(&self, name: &str, bytes: &[u8]) -> Result<String> {
        let path = self.files.path().join(name);
        std::fs::write(&path, bytes)?;
        Ok(path.display().to_string())
    }

    /// `aws s3api OPERATION --bucket exports ...`
    pub async fn s3api(&self, operation: &str, arguments: &[&str]) -> Result<Value> {
        let fixed = ["s3api", operation, "--bucket", "exports"];
        self.stack.aws(&[&fixed, arguments].concat()).await
    }

    pub async fn put_object(&self, key: &str, bytes: &[u8]) -> Result<Value> {
        let file = self.file("body", bytes)?;
        self.s3api("put-object", &["--key", key, "--body", &file])
            .await
    }

    /// The object's bytes, and the output of `get-object`.
    pub async fn get_object(&self, key: &str, arguments: &[&str]) -> Result<(Vec<u8>, Value)> {
        let file = self.file("object", b"")?;
        let arguments = [&["--key", key], arguments, &[&file]].concat();
        let answer = self.s3api("get-object", &arguments).await?;
        Ok((std::fs::read(file)?, answer))
    }

    /// The path and query of a GET that `aws s3 presign` has signed.
    pub async fn presign_with_cli(&self, key: &str) -> Result<String> {
        let object = format!("s3://exports/{key}");
        let url = self.stack.aws_text(&["s3", "presign", &object]).await?;
        let path = url.trim().strip_prefix(&self.stack.aws);
        Ok(path
            .with_context(|| format!("not a URL of this stack: {url}"))?
            .to_owned())
    }

    /// The path and query of a request presigned `age` ago, valid for `seconds`, with the public key.
    pub fn presign(&self, method: &str, path: &str, age: SignedDuration, seconds: u32) -> String {
        self.presign_with_key(("local", "local"), (method, path), age, seconds)
    }

    /// The path and query of a request presigned with the functions' key, as a page needs it.
    pub fn presign_as_function(&self, method: &str, path: &str) -> Result<String> {
        let file = self.stack.data().join("secrets/function-secret-access-key");
        let secret = std::fs::read_to_string(file)?;
        let key = ("local-test", &secret[..]);
        Ok(self.presign_with_key(key, (method, path), SignedDuration::ZERO, 60))
    }

    fn presign_with_key(
        &self,
        (access_key, secret): (&str, &str),
        (method, path): (&str, &str),
        age: SignedDuration,
        seconds: u32,
    ) -> String {
        let time = (Timestamp::now() - age)
            .strftime("%Y%m%dT%H%M%SZ")
            .to_string();
        let (host, day) = (self.stack.aws.trim_start_matches("http://"), &time[..8]);
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={access_key}%2F{day}%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date={time}&X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host"
        );
        let request = format!("{method}\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD");
        let request = hex(&Sha256::digest(request));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{day}/us-east-1/s3/aws4_request\n{request}");
        let mut key = format!("AWS4{secret}").into_bytes();
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
    ) -> Result<HttpResponse> {
        http(&self.stack.aws, request, headers, body).await
    }
}

/// HMAC-SHA256 (RFC 2104).
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    if key.len() > 64 {
        return hmac(&Sha256::digest(key), text);
    }
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
