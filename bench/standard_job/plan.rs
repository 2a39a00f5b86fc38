//! The shape of the load, and the stack, which it starts and stops.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jsonwebtoken::{EncodingKey, Header, encode};
use longhaul_shared::clock;
use serde_json::json;
use tempfile::TempDir;

const SECRET: &str = "a secret of this measurement alone";
/// The highest throttles and limits that the template allows.
const LIFTED: [&str; 6] = [
    "ThrottleRate=10000",
    "ThrottleBurst=5000",
    "SubmitsPerSecond=0",
    "OpenJobs=0",
    "ConnectionsPerUser=0",
    "AccessLogs=none",
];

/// Connections, open jobs on each, and the total number of jobs: `64x4:10000`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub connections: u64,
    pub outstanding: u64,
    pub jobs: u64,
}

impl Shape {
    /// The number of jobs before the measurement, which start the functions and warm the stack.
    pub fn warm_up(&self) -> u64 {
        (4 * self.connections * self.outstanding).max(100)
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (load, jobs) = text.split_once(':')?;
            let (connections, outstanding) = load.split_once('x')?;
            Some(Self {
                connections: connections.parse().ok()?,
                outstanding: outstanding.parse().ok()?,
                jobs: jobs.parse().ok()?,
            })
        };
        read().ok_or_else(|| "expected CONNECTIONSxOUTSTANDING:JOBS".to_owned())
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} x {}, {} jobs",
            self.connections, self.outstanding, self.jobs
        )
    }
}

/// A kind of stack: `NAME=PATH` of the program, or `NAME=PATH,PACKAGES`. The program is longhaul, or starts a peer
/// (`bench/baselines/*/start`).
#[derive(Clone)]
pub struct Kind {
    pub name: String,
    program: PathBuf,
    packages: Option<PathBuf>,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, paths) = text.split_once('=').ok_or("expected NAME=PATH")?;
        let (program, packages) = match paths.split_once(',') {
            Some((program, packages)) => (program, Some(packages.into())),
            None => (paths, None),
        };
        Ok(Self {
            name: name.to_owned(),
            program: program.into(),
            packages,
        })
    }
}

/// A running stack with its own data folder.
pub struct Stack {
    process: Child,
    pub gateway: String,
    _data: TempDir,
}

impl Stack {
    /// Starts `longhaul up` with these options, or a peer's `start`, which has the same options.
    pub fn start(kind: &Kind, folder: Option<&PathBuf>, options: &[String]) -> Result<Self> {
        let data = match folder {
            Some(folder) => tempfile::tempdir_in(folder),
            None => tempfile::tempdir(),
        }?;
        let mut up = Command::new(&kind.program);
        up.args(["up", "--port", "0", "--aws-port", "0", "--data"])
            .arg(data.path())
            .env("LONGHAUL_JWT_SECRET", SECRET)
            .stdout(Stdio::piped());
        if let Some(packages) = &kind.packages {
            up.arg("--packages").arg(packages);
        }
        for parameter in LIFTED {
            up.args(["--parameter", parameter]);
        }
        let mut process = up
            .args(options)
            .spawn()
            .with_context(|| format!("starting {}", kind.name))?;
        let output = process.stdout.take().context("it has an output")?;
        let mut gateway = String::new();
        for line in BufReader::new(output).lines() {
            let line = line?;
            if let Some(url) = line.strip_prefix("WebSocket") {
                gateway = url.trim().to_owned();
            }
            if line == "READY" {
                return Ok(Self {
                    process,
                    gateway,
                    _data: data,
                });
            }
        }
        ensure!(
            process.wait()?.success(),
            "{} ended before it was ready",
            kind.name
        );
        anyhow::bail!("{} closed its output before it was ready", kind.name)
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Its processes end with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A token for each connection's user.
pub fn tokens(shape: &Shape) -> Result<Vec<String>> {
    let expires = (clock::now() + Duration::from_secs(24 * 3600)).as_second();
    let sign = |user| {
        let user = format!("user-{user}");
        let claims = json!({"sub": user, "username": user, "exp": expires});
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        encode(&Header::default(), &claims, &key).context("signing a token")
    };
    (0..shape.connections).map(sign).collect()
}
