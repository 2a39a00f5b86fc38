//! A stack under test: `longhaul up` in a process of its own, on free ports and a temporary data folder.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::support::cli::repository_root;
use crate::support::client::Client;
use crate::support::log_secrets::{self, SECRET};
use crate::support::tokens::{token, token_with_claims};
use crate::support::wait::{MAX_WAIT, wait_until};

/// Longer than any test takes. A test that waits for ever ends when its stack is killed.
const MAX_LIFETIME: Duration = Duration::from_secs(15 * 60);

pub struct Stack {
    process: Child,
    /// Kills the process after [`MAX_LIFETIME`].
    _lifetime: JoinSet<()>,
    options: Vec<String>,
    environment: Vec<(String, String)>,
    data: TempDir,
    /// Such as `ws://127.0.0.1:40001`.
    pub gateway: String,
    /// Such as `http://127.0.0.1:40002`.
    pub aws: String,
    /// Lines that it printed before it was ready.
    pub startup_lines: Vec<String>,
}

impl Stack {
    /// Starts a stack on an empty data folder, with these options of `longhaul up`.
    pub async fn start(options: &[&str]) -> Result<Self> {
        Self::start_with_environment(options, vec![]).await
    }

    /// The same, with these variables in the environment of `longhaul up`.
    pub async fn start_with_environment(
        options: &[&str],
        environment: Vec<(String, String)>,
    ) -> Result<Self> {
        Self::start_on(tempfile::tempdir()?, options, environment).await
    }

    /// Starts a stack on a data folder that may hold something already.
    pub async fn start_on(
        data: TempDir,
        options: &[&str],
        environment: Vec<(String, String)>,
    ) -> Result<Self> {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let (process, started) = launch(data.path(), &options, &environment).await?;
        Ok(Self {
            _lifetime: kill_after_lifetime(&process),
            process,
            options,
            environment,
            data,
            gateway: started.gateway,
            aws: started.aws,
            startup_lines: started.lines,
        })
    }

    /// Ends the whole stack with kill -9.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.kill().await.context("killing the stack")
    }

    /// Ends the whole stack with SIGTERM, and waits until it has.
    pub async fn terminate(&mut self) -> Result<()> {
        let pid = self.pid().context("the stack has ended")?.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        let ended = tokio::time::timeout(MAX_WAIT, self.process.wait()).await;
        let ended = ended.context("the stack does not end")??;
        ensure!(ended.success(), "the stack ended with {ended}");
        Ok(())
    }

    /// Starts it again on the same data folder, on new ports.
    pub async fn restart(&mut self) -> Result<()> {
        let (process, started) = launch(self.data.path(), &self.options, &self.environment).await?;
        self._lifetime = kill_after_lifetime(&process);
        self.process = process;
        self.gateway = started.gateway;
        self.aws = started.aws;
        self.startup_lines = started.lines;
        Ok(())
    }

    /// Starts it again with these options in place of its own.
    pub async fn restart_with_options(&mut self, options: &[&str]) -> Result<()> {
        self.options = options.iter().map(|option| (*option).to_owned()).collect();
        self.restart().await
    }

    /// The id of its process, while that lives.
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// The data folder as an argument of a command.
    pub fn data_path(&self) -> Result<&str> {
        self.data().to_str().context("a path is text")
    }

    /// The log of a function, by its name without the project's.
    pub fn log(&self, function: &str) -> String {
        let file = format!("logs/longhaul-{function}.log");
        std::fs::read_to_string(self.data().join(file)).unwrap_or_default()
    }

    /// Waits until an index of the connections table has this number of entries.
    pub async fn wait_for_indexed_connections(&self, index: &str, count: usize) -> Result<()> {
        let scan = json!({"TableName": "longhaul-connections", "IndexName": index});
        wait_until(&format!("{count} in the index {index}"), async || {
            Ok(self.dynamodb("Scan", scan.clone()).await?["Count"] == count)
        })
        .await
    }

    /// How often a function's log has this text.
    pub fn log_count(&self, function: &str, text: &str) -> usize {
        self.log(function).matches(text).count()
    }

    /// Waits until a function's log has this text more often than before.
    pub async fn wait_for_log(&self, function: &str, text: &str, before: usize) -> Result<()> {
        wait_until(&format!("'{text}' in the log of {function}"), async || {
            Ok(self.log_count(function, text) > before)
        })
        .await
    }

    /// A client that has connected as `user`.
    pub async fn client(&self, user: &str) -> Result<Client> {
        self.connect(&token(user)).await
    }

    /// A client that has connected with these claims in its token.
    pub async fn client_with_claims(&self, claims: &Value) -> Result<Client> {
        let mut all = json!({"exp": u32::MAX});
        for (name, value) in claims.as_object().context("claims are an object")? {
            all[name] = value.clone();
        }
        self.connect(&token_with_claims(&all)).await
    }

    async fn connect(&self, token: &str) -> Result<Client> {
        let url = format!("{}/?token={token}", self.gateway);
        Client::connect(&url, None).await.map_err(Into::into)
    }
}

impl Drop for Stack {
    /// A panicking test fails by itself, so its logs are not searched.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            log_secrets::assert_absent(&self.data().join("logs"));
        }
    }
}

/// Kills the process after [`MAX_LIFETIME`], unless the result is dropped before.
fn kill_after_lifetime(process: &Child) -> JoinSet<()> {
    let mut lifetime = JoinSet::new();
    if let Some(pid) = process.id() {
        lifetime.spawn(async move {
            tokio::time::sleep(MAX_LIFETIME).await;
            eprintln!("the stack {pid} is killed, as its test does not end");
            let _ = Command::new("kill")
                .args(["-KILL", &pid.to_string()])
                .status()
                .await;
        });
    }
    lifetime
}

/// What a stack prints when it starts.
#[derive(Default)]
struct Startup {
    gateway: String,
    aws: String,
    /// All other lines.
    lines: Vec<String>,
}

async fn launch(
    data: &Path,
    options: &[String],
    environment: &[(String, String)],
) -> Result<(Child, Startup)> {
    let mut process = Command::new(env!("CARGO_BIN_EXE_longhaul"))
        .args(["up", "--port", "0", "--aws-port", "0", "--data"])
        .arg(data)
        .args(options)
        .envs(environment.iter().cloned())
        .env("LONGHAUL_JWT_SECRET", SECRET)
        .current_dir(repository_root())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("starting longhaul")?;
    let mut lines = BufReader::new(process.stdout.take().context("its output")?).lines();
    let mut startup = Startup::default();
    let ready = async {
        while let Some(line) = lines.next_line().await? {
            match line.split_once(char::is_whitespace).unwrap_or((&line, "")) {
                ("WebSocket", address) => startup.gateway = address.trim().to_owned(),
                ("AWS", address) => startup.aws = address.trim().to_owned(),
                ("READY", _) => return Ok(()),
                _ => startup.lines.push(line),
            }
        }
        bail!("the stack ended before it was ready")
    };
    tokio::time::timeout(MAX_WAIT, ready)
        .await
        .context("the stack was not ready in time")??;
    Ok((process, startup))
}
