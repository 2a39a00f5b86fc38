//! `longhaul smoke`: whether a deployed stack works, asked as a front end would.
//!
//! It takes what proves who it is from standard input, knows nothing of AWS, and leaves nothing behind but
//! one `noop` job, where the stack takes those.

use std::io::Read;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{ArgGroup, Args};
use jsonwebtoken::{EncodingKey, Header, encode};
use longhaul_shared::clock;
use serde_json::{Value, json};

use crate::Ended;
use crate::conversation::Conversation;

/// A token of our own need not last longer than the smoke test.
const LIFETIME: Duration = Duration::from_secs(600);
/// A job that nobody has.
const NO_JOB: &str = "00000000-0000-7000-8000-000000000000";
/// How often a connection is tried: a new stage refuses some at first.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_secs(3);

#[derive(Args)]
#[command(group = ArgGroup::new("proof").required(true).args(["token_stdin", "secret_stdin"]))]
pub struct Smoke {
    /// Where the stack's clients connect, such as wss://example.execute-api.eu-west-1.amazonaws.com/prod.
    #[arg(long)]
    url: String,
    /// Read a token from standard input.
    #[arg(long)]
    token_stdin: bool,
    /// Read the secret that signs tokens (HS256) from standard input.
    #[arg(long)]
    secret_stdin: bool,
    /// The `iss` of a token that is signed here.
    #[arg(long, requires = "secret_stdin")]
    issuer: Option<String>,
    /// The `aud` of a token that is signed here.
    #[arg(long, requires = "secret_stdin")]
    audience: Option<String>,
    /// The `token_use` of a token that is signed here.
    #[arg(long, requires = "secret_stdin")]
    token_use: Option<String>,
    /// Leave the worker out, where the stack takes no `noop` jobs.
    #[arg(long)]
    without_job: bool,
    /// Give up after so many seconds.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

impl Smoke {
    pub async fn run(self) -> Result<Ended> {
        let token = self.token()?;
        let patience = Duration::from_secs(self.seconds);
        let tried = tokio::time::timeout(patience, self.talk(&token)).await;
        match tried.unwrap_or_else(|_| bail!("it took longer than {patience:?}")) {
            Ok(()) => Ok(Ended::Well),
            Err(error) => {
                eprintln!("longhaul: the stack does not work: {error:#}");
                Ok(Ended::JobFailed)
            }
        }
    }

    fn token(&self) -> Result<String> {
        let mut proof = String::new();
        std::io::stdin()
            .read_to_string(&mut proof)
            .context("reading standard input")?;
        let proof = proof.trim_end_matches(['\r', '\n']);
        ensure!(!proof.is_empty(), "standard input is empty");
        if self.token_stdin {
            return Ok(proof.to_owned());
        }
        let now = clock::now();
        let mut claims = json!({"sub": "longhaul-smoke", "username": "longhaul-smoke", "iat": now.as_second(), "exp": (now + LIFETIME).as_second()});
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
        let key = EncodingKey::from_secret(proof.as_bytes());
        encode(&Header::default(), &claims, &key).context("signing a token")
    }

    async fn talk(&self, token: &str) -> Result<()> {
        let mut conversation = connect(&self.url, token).await?;
        eprintln!("connected, and the token was believed");

        conversation.send(&json!({"action": "ping"})).await?;
        until(&mut conversation, "pong", |_| true).await?;
        eprintln!("a frame was answered");

        let unknown = json!({"action": "subscribe", "jobId": NO_JOB, "after": 0});
        conversation.send(&unknown).await?;
        let answer = until(&mut conversation, "subscribed", |_| true).await?;
        ensure!(
            answer["mode"] == "gone",
            "it says that it knows a job that can't be"
        );
        eprintln!("the tables were read");

        if self.without_job {
            eprintln!("the queue and the worker were not tried: the stack takes no noop jobs");
            return Ok(());
        }
        let query = json!({"action": "query", "kind": "noop", "query": "smoke test"});
        conversation.send(&query).await?;
        let queued = until(&mut conversation, "job_queued", |_| true).await?;
        let job = &queued["jobId"];
        let ended = until(&mut conversation, "job_completed", |frame| {
            frame["jobId"] == *job
        });
        ended.await?;
        eprintln!(
            "a job was run, and its end was told: {}",
            job.as_str().unwrap_or_default()
        );
        Ok(())
    }
}

async fn connect(url: &str, token: &str) -> Result<Conversation> {
    let mut tried = 1;
    loop {
        match Conversation::open(url, token).await {
            Err(error) if tried < TRIES => {
                eprintln!("not yet: {error:#}");
                tried += 1;
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
            connected => return connected,
        }
    }
}

/// The first frame of this type that is meant; an end of another kind, or an error, ends the wait.
async fn until(
    conversation: &mut Conversation,
    kind: &str,
    is_meant: impl Fn(&Value) -> bool,
) -> Result<Value> {
    loop {
        let frame = conversation
            .next()
            .await
            .with_context(|| format!("waiting for {kind}"))?;
        match frame["type"].as_str() {
            Some(heard) if heard == kind && is_meant(&frame) => return Ok(frame),
            Some("error" | "job_failed" | "job_cancelled") | None => bail!("it answered {frame}"),
            _ => {}
        }
    }
}
