//! A stack under test: `longhaul up` on free ports and a data folder of its own.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::PATIENCE;
use crate::support::client::Client;
use crate::support::log_secrets::{self, MAIL, SECRET};

/// Longer than any journey takes. A test that asks again and again for what never comes ends with its stack.
const LIFE: Duration = Duration::from_secs(15 * 60);

pub struct Stack {
    process: Child,
    /// Ends it when its time is over.
    _watch: JoinSet<()>,
    options: Vec<String>,
    environment: Vec<(String, String)>,
    data: TempDir,
    /// Such as `ws://127.0.0.1:40001`.
    pub gateway: String,
    /// Such as `http://127.0.0.1:40002`.
    pub aws: String,
    /// What it printed before it was ready.
    pub said: Vec<String>,
}

impl Stack {
    /// A fresh stack with these options of `longhaul up`.
    pub async fn start(options: &[&str]) -> Result<Self> {
        Self::start_with(options, vec![]).await
    }

    /// The same, with these variables in the environment of `longhaul up`.
    pub async fn start_with(options: &[&str], environment: Vec<(String, String)>) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let (process, gateway, aws, said) = up(data.path(), &options, &environment).await?;
        Ok(Self {
            environment,
            said,
            _watch: watch(&process),
            process,
            options,
            data,
            gateway,
            aws,
        })
    }

    /// Ends the whole stack with kill -9, as a crash of the machine's user session would.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.kill().await.context("killing the stack")
    }

    /// Starts it again on the same data folder, on new ports.
    pub async fn restart(&mut self) -> Result<()> {
        (self.process, self.gateway, self.aws, self.said) =
            up(self.data.path(), &self.options, &self.environment).await?;
        self._watch = watch(&self.process);
        Ok(())
    }

    /// Starts it again with these options in place of its own.
    pub async fn restart_with(&mut self, options: &[&str]) -> Result<()> {
        self.options = options.iter().map(|option| (*option).to_owned()).collect();
        self.restart().await
    }

    /// Its process, while that lives.
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// What a function has logged so far.
    pub fn log(&self, function: &str) -> String {
        let file = format!("logs/longhaul-{function}.log");
        std::fs::read_to_string(self.data().join(file)).unwrap_or_default()
    }

    /// Publishes this by SNS, as a back end would.
    pub async fn publish(&self, message: &Value) -> Result<Value> {
        let topic = "arn:aws:sns:us-east-1:000000000000:longhaul-publish";
        let text = message.to_string();
        self.aws(&["sns", "publish", "--topic-arn", topic, "--message", &text])
            .await
    }

    /// Waits until all that was published has been told.
    pub async fn told(&self) -> Result<()> {
        crate::until("all is told", async || {
            // In the order in which a message passes them: each is sent on before it is deleted.
            Ok(self.messages("longhaul-publish").await? == 0
                && self.messages("longhaul-fanout").await? == 0)
        })
        .await
    }

    /// A client that has connected as `user`.
    pub async fn client(&self, user: &str) -> Result<Client> {
        Client::connect(&format!("{}/?token={}", self.gateway, token(user)), None)
            .await
            .map_err(Into::into)
    }

    /// The stock `aws` command line against this stack; its answer.
    pub async fn aws(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.aws_text(arguments).await?;
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// The same for commands that print no JSON.
    pub async fn aws_text(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("aws")
            .args(arguments)
            .args([
                "--endpoint-url",
                &self.aws,
                "--region",
                "us-east-1",
                "--output",
                "json",
            ])
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .output()
            .await
            .context("the tests need the aws command line; ./scripts/test installs it")?;
        ensure!(
            output.status.success(),
            "aws {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).context("what aws printed is no text")
    }

    /// A queue's URL.
    pub async fn queue(&self, name: &str) -> Result<String> {
        let answer = self
            .aws(&["sqs", "get-queue-url", "--queue-name", name])
            .await?;
        answer["QueueUrl"]
            .as_str()
            .map(str::to_owned)
            .context("no such queue")
    }

    /// A queue's attributes, as SQS spells them.
    pub async fn attributes(&self, queue_url: &str) -> Result<Value> {
        let all = [
            "sqs",
            "get-queue-attributes",
            "--queue-url",
            queue_url,
            "--attribute-names",
            "All",
        ];
        Ok(self.aws(&all).await?["Attributes"].clone())
    }

    /// One request to the faults' admin call, with these more header lines: status and answer.
    pub async fn faults(&self, method: &str, more: &str, body: &str) -> Result<(u16, Value)> {
        self.request(method, "/_local/faults", more, body).await
    }

    /// Puts these rules of faults in place of those before.
    pub async fn set_faults(&self, rules: Value) -> Result<()> {
        let plan = json!({ "rules": rules }).to_string();
        let (status, answer) = self.faults("POST", "", &plan).await?;
        ensure!(status == 200, "{answer}");
        Ok(())
    }

    /// How many messages the queue of this name holds, in flight, delayed or neither. By a request of its
    /// own, since the `aws` command line takes most of a second to start.
    pub async fn messages(&self, queue: &str) -> Result<u64> {
        let there = ["", "NotVisible", "Delayed"];
        Ok(self.counts(queue, &there).await?.iter().sum())
    }

    /// How many of them can't be received yet.
    pub async fn delayed(&self, queue: &str) -> Result<u64> {
        Ok(self.counts(queue, &["Delayed"]).await?.iter().sum())
    }

    async fn counts(&self, queue: &str, of: &[&str]) -> Result<Vec<u64>> {
        let name = |kind: &&str| format!("ApproximateNumberOfMessages{kind}");
        let names: Vec<String> = of.iter().map(name).collect();
        let asked = json!({"AttributeNames": names});
        let answer = self.sqs("GetQueueAttributes", queue, asked).await?;
        let number = |name: &String| answer["Attributes"][name].as_str()?.parse().ok();
        let numbers: Option<Vec<u64>> = names.iter().map(number).collect();
        numbers.context("no counts")
    }

    /// Puts a message on the queue of this name that can be received only so many seconds later.
    pub async fn send_late(&self, queue: &str, message: &Value, seconds: u32) -> Result<()> {
        let about = json!({"MessageBody": message.to_string(), "DelaySeconds": seconds});
        self.sqs("SendMessage", queue, about).await.map(drop)
    }

    async fn sqs(&self, operation: &str, queue: &str, mut request: Value) -> Result<Value> {
        request["QueueUrl"] = format!("{}/000000000000/{queue}", self.aws).into();
        let target = format!(
            "x-amz-target: AmazonSQS.{operation}\r\ncontent-type: application/x-amz-json-1.0\r\n"
        );
        let (status, answer) = self
            .request("POST", "/", &target, &request.to_string())
            .await?;
        ensure!(status == 200, "{answer}");
        Ok(answer)
    }

    async fn request(
        &self,
        method: &str,
        path: &str,
        more: &str,
        body: &str,
    ) -> Result<(u16, Value)> {
        let address = self.aws.strip_prefix("http://").context("an address")?;
        let mut socket = TcpStream::connect(address).await?;
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             {more}content-length: {length}\r\n\r\n{body}"
        );
        socket.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no head")?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        Ok((status, serde_json::from_str(body)?))
    }

    /// A job's row, as an operator sees it.
    pub async fn row(&self, job: &str) -> Result<Value> {
        let key = json!({"jobId": {"S": job}}).to_string();
        let answer = self
            .aws(&[
                "dynamodb",
                "get-item",
                "--table-name",
                "longhaul-jobs",
                "--consistent-read",
                "--key",
                &key,
            ])
            .await?;
        Ok(answer["Item"].clone())
    }
}

impl Drop for Stack {
    /// A test that has failed already says more by itself.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            log_secrets::search(&self.data().join("logs"));
        }
    }
}

/// Kills the process once it has had its time, unless what this gives is dropped before.
fn watch(process: &Child) -> JoinSet<()> {
    let mut watch = JoinSet::new();
    if let Some(pid) = process.id() {
        watch.spawn(async move {
            tokio::time::sleep(LIFE).await;
            eprintln!("the stack {pid} is killed, as its test does not end");
            let _ = Command::new("kill")
                .args(["-KILL", &pid.to_string()])
                .status()
                .await;
        });
    }
    watch
}

async fn up(
    data: &Path,
    options: &[String],
    environment: &[(String, String)],
) -> Result<(Child, String, String, Vec<String>)> {
    let mut process = Command::new(env!("CARGO_BIN_EXE_longhaul"))
        .args(["up", "--port", "0", "--aws-port", "0", "--data"])
        .arg(data)
        .args(options)
        .envs(environment.iter().cloned())
        .env("LONGHAUL_JWT_SECRET", SECRET)
        .current_dir(root())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("starting longhaul")?;
    let mut lines = BufReader::new(process.stdout.take().context("its output")?).lines();
    let (mut gateway, mut aws, mut said) = (String::new(), String::new(), vec![]);
    let ready = async {
        while let Some(line) = lines.next_line().await? {
            match line.split_once(char::is_whitespace).unwrap_or((&line, "")) {
                ("WebSocket", address) => gateway = address.trim().to_owned(),
                ("AWS", address) => aws = address.trim().to_owned(),
                ("READY", _) => return Ok(()),
                _ => said.push(line),
            }
        }
        bail!("the stack ended before it was ready")
    };
    tokio::time::timeout(PATIENCE, ready)
        .await
        .context("the stack was not ready in time")??;
    Ok((process, gateway, aws, said))
}

/// One run of the command line, to its end.
pub async fn longhaul(arguments: &[&str]) -> Result<Output> {
    let run = Command::new(env!("CARGO_BIN_EXE_longhaul"))
        .args(arguments)
        .env("LONGHAUL_JWT_SECRET", SECRET)
        .current_dir(root())
        .output();
    tokio::time::timeout(PATIENCE, run)
        .await
        .context("longhaul did not end")?
        .context("running longhaul")
}

/// A token for `user`, good for an hour.
pub fn token(user: &str) -> String {
    let mail = format!("{user}{MAIL}");
    token_with(&json!({"sub": user, "username": user, "email": mail, "exp": u32::MAX}))
}

/// A token with these claims, signed as the stack expects.
pub fn token_with(claims: &Value) -> String {
    encode(
        &Header::default(),
        claims,
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )
    .expect("claims are JSON")
}

/// The folder of the whole project.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
