//! Connections that submit the standard job, several at once on each, and check every event.
//!
//! They use the native frames, as any front end does.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::plan::Shape;

/// Reports of a standard job, and the bytes of its result.
const STEPS: u64 = 4;
const BYTES: usize = 2048;
/// `job_queued`, the start, the steps and the end.
const EVENTS: u64 = STEPS + 3;
/// An event that takes longer is lost.
pub const MAX_WAIT: Duration = Duration::from_secs(60);

/// The times that a connection measured.
#[derive(Default)]
pub struct JobTimes {
    /// From the submit to `job_queued`, and to `job_completed`, of each job.
    pub queued: Vec<Duration>,
    pub completed: Vec<Duration>,
}

/// Open connections without a running job.
pub struct ClientPool {
    pub sockets: Vec<Socket>,
}

/// A connection.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The `requestId` of the next job.
    next: u64,
}

/// A job that has not ended.
struct Open {
    since: Instant,
    /// The number of received events, which is also the last `seq`.
    received: u64,
    steps: u64,
}

/// The checked fields of a frame.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame<'a> {
    #[serde(borrow, rename = "type", default)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub request_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    job_id: Option<Cow<'a, str>>,
    pub seq: Option<u64>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    result: Option<JobResult<'a>>,
    #[serde(borrow)]
    job: Option<StoredJob<'a>>,
}

#[derive(Deserialize)]
struct StoredJob<'a> {
    #[serde(borrow)]
    result: Option<JobResult<'a>>,
}

#[derive(Deserialize)]
struct JobResult<'a> {
    #[serde(borrow)]
    response: Cow<'a, str>,
}

impl ClientPool {
    /// Connects once for each token.
    pub async fn connect(gateway: &str, tokens: &[String]) -> Result<Self> {
        let mut sockets = vec![];
        for token in tokens {
            let url = format!("{gateway}/?token={token}");
            let (stream, _) = connect_async_with_config(url, None, true)
                .await
                .context("connecting")?;
            sockets.push(Socket { stream, next: 0 });
        }
        Ok(Self { sockets })
    }

    /// Runs this number of jobs over all connections, with `outstanding` open on each. Returns the times, and the
    /// connections.
    pub async fn run(self, jobs: u64, outstanding: u64) -> Result<(JobTimes, Self)> {
        let left = Rc::new(std::cell::Cell::new(jobs));
        let local = LocalSet::new();
        let tasks: Vec<_> = self
            .sockets
            .into_iter()
            .map(|socket| local.spawn_local(socket.work(left.clone(), outstanding)))
            .collect();
        local
            .run_until(async {
                let (mut all, mut sockets) = (JobTimes::default(), vec![]);
                for task in tasks {
                    let (times, socket) = task.await??;
                    all.queued.extend(times.queued);
                    all.completed.extend(times.completed);
                    sockets.push(socket);
                }
                ensure!(all.completed.len() as u64 == jobs, "jobs are missing");
                Ok((all, Self { sockets }))
            })
            .await
    }
}

impl Socket {
    async fn work(
        mut self,
        left: Rc<std::cell::Cell<u64>>,
        outstanding: u64,
    ) -> Result<(JobTimes, Self)> {
        let mut times = JobTimes::default();
        let mut open: HashMap<u64, Open> = HashMap::new();
        let mut last_ended = None;
        loop {
            while (open.len() as u64) < outstanding && left.get() > 0 {
                left.set(left.get() - 1);
                let job = Open {
                    since: Instant::now(),
                    received: 0,
                    steps: 0,
                };
                open.insert(self.submit().await?, job);
            }
            if open.is_empty() {
                break;
            }
            let text = self.receive().await?;
            let frame: Frame = serde_json::from_str(&text).context("reading a frame")?;
            let number = frame.request_id.as_deref().and_then(|id| id.parse().ok());
            let Some(number) = number.filter(|number| open.contains_key(number)) else {
                bail!("a frame of no open job: {text}");
            };
            let job = open.get_mut(&number).context("it is open")?;
            let taken = job.since.elapsed();
            if job
                .check(&frame)
                .with_context(|| format!("job {number}: {text}"))?
            {
                times.completed.push(taken);
                last_ended = frame.job_id.map(Cow::into_owned);
                open.remove(&number);
            } else if job.received == 1 {
                times.queued.push(taken);
            }
        }
        if let Some(job) = last_ended {
            self.read_again(&job).await?;
        }
        Ok((times, self))
    }

    /// Submits a job and returns its number.
    pub async fn submit(&mut self) -> Result<u64> {
        self.next += 1;
        let frame = json!({
            "action": "query",
            "kind": "noop",
            "query": format!("{:x<100}", self.next),
            "params": {"steps": STEPS, "bytes": BYTES},
            "requestId": self.next.to_string(),
        });
        self.stream.send(Message::text(frame.to_string())).await?;
        Ok(self.next)
    }

    /// Checks that the result can be read afterwards by the job's id.
    async fn read_again(&mut self, job: &str) -> Result<()> {
        let request = json!({"action": "getJob", "jobId": job});
        self.stream.send(Message::text(request.to_string())).await?;
        let text = self.receive().await?;
        let frame: Frame = serde_json::from_str(&text)?;
        let result = frame.job.and_then(|job| job.result);
        ensure!(result.is_some_and(|result| result.is_whole()), "{text}");
        Ok(())
    }

    async fn receive(&mut self) -> Result<String> {
        let text = tokio::time::timeout(MAX_WAIT, self.next_text()).await;
        text.context("no event came in time")?
    }

    /// Waits for the next frame. Cancelling the wait loses no frame.
    pub async fn next_text(&mut self) -> Result<String> {
        loop {
            let frame = self.stream.next().await;
            match frame.context("the connection was closed")?? {
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Close(why) => bail!("the connection was closed: {why:?}"),
                _ => {}
            }
        }
    }
}

impl Open {
    /// Checks the job's next event. Returns whether it is the last.
    fn check(&mut self, frame: &Frame<'_>) -> Result<bool> {
        self.received += 1;
        ensure!(
            frame.seq == Some(self.received),
            "event {} was expected",
            self.received
        );
        let step = format!("Step {} of {STEPS}", self.steps + 1);
        match (&*frame.kind, self.received) {
            ("job_queued", 1) => {}
            ("progress_update", 2..) if frame.message.as_deref() == Some(&step) => self.steps += 1,
            ("progress_update", 2) => {}
            ("job_completed", EVENTS) => {
                ensure!(self.steps == STEPS, "a step is missing");
                let result = frame.result.as_ref().context("it has no result")?;
                ensure!(result.is_whole(), "the result is wrong");
                return Ok(true);
            }
            _ => bail!("another event was expected"),
        }
        Ok(false)
    }
}

impl JobResult<'_> {
    fn is_whole(&self) -> bool {
        self.response.len() == BYTES && self.response.bytes().all(|byte| byte == b'x')
    }
}

/// Runs the shape's warm-up and then its jobs, between calls of `before` and `after`.
pub async fn measure<T>(
    pool: ClientPool,
    shape: &Shape,
    before: impl FnOnce() -> Result<T>,
) -> Result<(JobTimes, T, ClientPool)> {
    let (_, pool) = pool.run(shape.warm_up(), shape.outstanding).await?;
    let begun = before()?;
    let (times, pool) = pool.run(shape.jobs, shape.outstanding).await?;
    Ok((times, begun, pool))
}
