//! Connections that submit the standard job, so many each at once, and see that all is told of each.
//!
//! Speaks PROTOCOL 3 alone, as any front end; knows nothing of how the stack is made.

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
/// Longer than anything takes that is not lost.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a connection saw.
#[derive(Default)]
pub struct Seen {
    /// From the submit to `job_queued`, and to `job_completed`, of each job.
    pub queued: Vec<Duration>,
    pub completed: Vec<Duration>,
}

/// Open connections, which have nothing running.
pub struct Crowd {
    pub sockets: Vec<Socket>,
}

/// A connection.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The number that the next job's `requestId` has.
    next: u64,
}

/// A job that has not ended.
struct Open {
    since: Instant,
    /// How many events have come; each is the next.
    heard: u64,
    steps: u64,
}

/// A frame of the stack, as far as it matters here.
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
    result: Option<Answer<'a>>,
    #[serde(borrow)]
    job: Option<Kept<'a>>,
}

#[derive(Deserialize)]
struct Kept<'a> {
    #[serde(borrow)]
    result: Option<Answer<'a>>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    response: Cow<'a, str>,
}

impl Crowd {
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

    /// Runs this many jobs over all connections, with so many open on each; what was seen, and the
    /// connections again.
    pub async fn run(self, jobs: u64, outstanding: u64) -> Result<(Seen, Self)> {
        let left = Rc::new(std::cell::Cell::new(jobs));
        let local = LocalSet::new();
        let tasks: Vec<_> = self
            .sockets
            .into_iter()
            .map(|socket| local.spawn_local(socket.work(left.clone(), outstanding)))
            .collect();
        local
            .run_until(async {
                let (mut all, mut sockets) = (Seen::default(), vec![]);
                for task in tasks {
                    let (seen, socket) = task.await??;
                    all.queued.extend(seen.queued);
                    all.completed.extend(seen.completed);
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
    ) -> Result<(Seen, Self)> {
        let mut seen = Seen::default();
        let mut open: HashMap<u64, Open> = HashMap::new();
        let mut last_ended = None;
        loop {
            while (open.len() as u64) < outstanding && left.get() > 0 {
                left.set(left.get() - 1);
                let job = Open {
                    since: Instant::now(),
                    heard: 0,
                    steps: 0,
                };
                open.insert(self.submit().await?, job);
            }
            if open.is_empty() {
                break;
            }
            let text = self.hear().await?;
            let frame: Frame = serde_json::from_str(&text).context("reading a frame")?;
            let number = frame.request_id.as_deref().and_then(|id| id.parse().ok());
            let Some(number) = number.filter(|number| open.contains_key(number)) else {
                bail!("a frame of no open job: {text}");
            };
            let job = open.get_mut(&number).context("it is open")?;
            let taken = job.since.elapsed();
            if job
                .take(&frame)
                .with_context(|| format!("job {number}: {text}"))?
            {
                seen.completed.push(taken);
                last_ended = frame.job_id.map(Cow::into_owned);
                open.remove(&number);
            } else if job.heard == 1 {
                seen.queued.push(taken);
            }
        }
        if let Some(job) = last_ended {
            self.read_again(&job).await?;
        }
        Ok((seen, self))
    }

    /// Submits a job; its number.
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

    /// What was said is readable afterwards by the job's id.
    async fn read_again(&mut self, job: &str) -> Result<()> {
        let asked = json!({"action": "getJob", "jobId": job});
        self.stream.send(Message::text(asked.to_string())).await?;
        let text = self.hear().await?;
        let frame: Frame = serde_json::from_str(&text)?;
        let result = frame.job.and_then(|job| job.result);
        ensure!(result.is_some_and(|result| result.is_whole()), "{text}");
        Ok(())
    }

    async fn hear(&mut self) -> Result<String> {
        let heard = tokio::time::timeout(PATIENCE, self.next_text()).await;
        heard.context("nothing is said any more")?
    }

    /// The next frame, whenever it comes. If it isn't waited for to the end, none is lost.
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
    /// Takes the job's next event; whether it is the last.
    fn take(&mut self, frame: &Frame<'_>) -> Result<bool> {
        self.heard += 1;
        ensure!(
            frame.seq == Some(self.heard),
            "event {} was expected",
            self.heard
        );
        let step = format!("Step {} of {STEPS}", self.steps + 1);
        match (&*frame.kind, self.heard) {
            ("job_queued", 1) => {}
            ("progress_update", 2..) if frame.message.as_deref() == Some(&step) => self.steps += 1,
            ("progress_update", 2) => {}
            ("job_completed", EVENTS) => {
                ensure!(self.steps == STEPS, "a step is missing");
                let result = frame.result.as_ref().context("it has no result")?;
                ensure!(result.is_whole(), "the result is another");
                return Ok(true);
            }
            _ => bail!("this is not what comes next"),
        }
        Ok(false)
    }
}

impl Answer<'_> {
    fn is_whole(&self) -> bool {
        self.response.len() == BYTES && self.response.bytes().all(|byte| byte == b'x')
    }
}

/// Runs the shape's warm-up and then its jobs, between calls of `before` and `after`.
pub async fn measure<T>(
    crowd: Crowd,
    shape: &Shape,
    before: impl FnOnce() -> Result<T>,
) -> Result<(Seen, T, Crowd)> {
    let (_, crowd) = crowd.run(shape.warm_up(), shape.outstanding).await?;
    let begun = before()?;
    let (seen, crowd) = crowd.run(shape.jobs, shape.outstanding).await?;
    Ok((seen, begun, crowd))
}
