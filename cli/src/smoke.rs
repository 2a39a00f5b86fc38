//! `longhaul smoke`: tests a deployed stack as a front end uses it.
//!
//! It reads its credential from standard input, uses only the WebSocket API, and leaves one `noop` job behind
//! (none with `--without-job`).

use std::io::Read;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{ArgGroup, Args};
use jsonwebtoken::{EncodingKey, Header, encode};
use longhaul_shared::clock;
use serde_json::{Value, json};

use crate::exit_status::ExitStatus;
use crate::websocket::WebSocketClient;

/// The lifetime of a token that is signed here: longer than the test takes.
const TOKEN_LIFETIME: Duration = Duration::from_secs(600);
/// The id of a job that does not exist.
const UNKNOWN_JOB: &str = "00000000-0000-7000-8000-000000000000";
/// Attempts to connect: a new stage refuses some connections at first.
const CONNECT_ATTEMPTS: u32 = 5;
const CONNECT_RETRY_INTERVAL: Duration = Duration::from_secs(3);

#[derive(Args)]
#[command(group = ArgGroup::new("proof").required(true).args(["token_stdin", "secret_stdin"]))]
pub struct Smoke {
    /// WebSocket URL of the stack, such as wss://example.execute-api.eu-west-1.amazonaws.com/prod.
    #[arg(long)]
    url: String,
    /// Read a token from standard input.
    #[arg(long)]
    token_stdin: bool,
    /// Read the secret that signs tokens (HS256) from standard input.
    #[arg(long)]
    secret_stdin: bool,
    /// `iss` claim of the token that is signed with the secret.
    #[arg(long, requires = "secret_stdin")]
    issuer: Option<String>,
    /// `aud` claim of the token that is signed with the secret.
    #[arg(long, requires = "secret_stdin")]
    audience: Option<String>,
    /// `token_use` claim of the token that is signed with the secret.
    #[arg(long, requires = "secret_stdin")]
    token_use: Option<String>,
    /// Do not test the queue and the worker, for a stack that accepts no `noop` jobs.
    #[arg(long)]
    without_job: bool,
    /// Seconds until the test gives up.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

impl Smoke {
    pub async fn run(self) -> Result<ExitStatus> {
        let token = self.token()?;
        let timeout = Duration::from_secs(self.seconds);
        let tested = tokio::time::timeout(timeout, self.test(&token)).await;
        match tested.unwrap_or_else(|_| bail!("it took longer than {timeout:?}")) {
            Ok(()) => Ok(ExitStatus::Success),
            Err(error) => {
                eprintln!("longhaul: the stack does not work: {error:#}");
                Ok(ExitStatus::JobFailed)
            }
        }
    }

    fn token(&self) -> Result<String> {
        let mut input = String::new();
        std::io::stdin()
            .read_to_string(&mut input)
            .context("reading standard input")?;
        let input = input.trim_end_matches(['\r', '\n']);
        ensure!(!input.is_empty(), "standard input is empty");
        if self.token_stdin {
            return Ok(input.to_owned());
        }
        let now = clock::now();
        let mut claims = json!({"sub": "longhaul-smoke", "username": "longhaul-smoke", "iat": now.as_second(), "exp": (now + TOKEN_LIFETIME).as_second()});
        let configured = [
            ("iss", &self.issuer),
            ("aud", &self.audience),
            ("token_use", &self.token_use),
        ];
        for (claim, value) in configured {
            if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                claims[claim] = value.into();
            }
        }
        let key = EncodingKey::from_secret(input.as_bytes());
        encode(&Header::default(), &claims, &key).context("signing a token")
    }

    async fn test(&self, token: &str) -> Result<()> {
        let mut client = connect(&self.url, token).await?;
        eprintln!("connected: the token was accepted");

        client.send(&json!({"action": "ping"})).await?;
        wait_for(&mut client, "pong", |_| true).await?;
        eprintln!("message: a frame was answered");

        let unknown = json!({"action": "subscribe", "jobId": UNKNOWN_JOB, "after": 0});
        client.send(&unknown).await?;
        let response = wait_for(&mut client, "subscribed", |_| true).await?;
        ensure!(
            response["mode"] == "gone",
            "subscribing to a job that does not exist did not answer 'gone'"
        );
        eprintln!("tables: a job was looked up");

        if self.without_job {
            eprintln!("the queue and the worker were not tested: the stack accepts no noop jobs");
            return Ok(());
        }
        let query = json!({"action": "query", "kind": "noop", "query": "smoke test"});
        client.send(&query).await?;
        let queued = wait_for(&mut client, "job_queued", |_| true).await?;
        let job = &queued["jobId"];
        let end = wait_for(&mut client, "job_completed", |frame| frame["jobId"] == *job);
        end.await?;
        eprintln!(
            "queue and worker: job {} ran, and its end was pushed",
            job.as_str().unwrap_or_default()
        );
        Ok(())
    }
}

async fn connect(url: &str, token: &str) -> Result<WebSocketClient> {
    let mut attempt = 1;
    loop {
        match WebSocketClient::connect(url, token).await {
            Err(error) if attempt < CONNECT_ATTEMPTS => {
                eprintln!("retrying: {error:#}");
                attempt += 1;
                tokio::time::sleep(CONNECT_RETRY_INTERVAL).await;
            }
            result => return result,
        }
    }
}

/// Waits for the first frame of this type that `matches`.
///
/// # Errors
/// An error frame, a job that failed or was cancelled, or a closed connection.
async fn wait_for(
    client: &mut WebSocketClient,
    kind: &str,
    matches: impl Fn(&Value) -> bool,
) -> Result<Value> {
    loop {
        let frame = client
            .next()
            .await
            .with_context(|| format!("waiting for {kind}"))?;
        match frame["type"].as_str() {
            Some(received) if received == kind && matches(&frame) => return Ok(frame),
            Some("error" | "job_failed" | "job_cancelled") | None => {
                bail!("waiting for {kind}: received {frame}")
            }
            _ => {}
        }
    }
}
