//! DynamoDB for the small cloud: the dynoxide engine on disk, on a thread, a runtime and a port of its own.
//!
//! The engine runs blocking SQLite inside async code, so it may not share a runtime with anything
//! else; its router is private, so it listens on a port that [`crate::endpoint`] forwards to. Which
//! tables there are is the plan's business.

mod fast_path;
mod provision;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use dynoxide::{Database, server};
use tokio::sync::oneshot;

pub use self::fast_path::FastPath;
use crate::plan::Table;

/// How often expired items are removed; AWS takes up to days, and every reader filters by itself.
const TTL_SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// A sweep reads every item of the tables that have a TTL, so the next waits so many times as long as it took.
const TTL_PAUSE_FACTOR: u32 = 50;

/// A running engine.
pub struct DynamoDb {
    database: Database,
    /// Where it speaks DynamoDB's wire protocol.
    pub address: SocketAddr,
    /// The shorter way, for typed clients.
    pub fast_path: FastPath,
    /// Dropped, it ends the engine's threads.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl DynamoDb {
    /// Opens the database in `folder`, or makes it, and serves it.
    pub fn start(folder: &Path) -> Result<Self> {
        let file = folder.join("dynamodb.sqlite");
        let file = file
            .to_str()
            .context("the data folder's path is not UTF-8")?;
        let database = Database::new(file)
            .map_err(|error| anyhow!("{error}"))
            .context("opening the tables")?;
        // Commits are durable against kill -9; SQLite in WAL mode syncs at checkpoints only.
        database
            .disable_bulk_loading()
            .map_err(|error| anyhow!("{error}"))?;

        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let served = database.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("dynamodb")
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("dynamodb".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                        return;
                    };
                    let sweeper = served.clone();
                    tokio::select! {
                        () = server::serve_on(listener, served) => {}
                        () = sweep_ttl(sweeper) => {}
                        _ = stopped => {}
                    }
                });
                runtime.shutdown_timeout(Duration::from_secs(2));
            })?;
        Ok(Self {
            fast_path: FastPath::start(database.clone())?,
            database,
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Brings the tables about that a template asks for; see [`provision::provision`].
    pub fn provision(&self, tables: &[Table]) -> Result<Vec<String>> {
        provision::provision(&self.database, tables)
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the engine has been printed; there is nothing more to do for it here.
            let _ = thread.join();
        }
    }
}

async fn sweep_ttl(database: Database) {
    loop {
        let (database, begun) = (database.clone(), Instant::now());
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "expired items stay until the next sweep"),
            Err(error) => tracing::warn!(%error, "the sweep of expired items broke off"),
        }
        tokio::time::sleep(TTL_SWEEP_INTERVAL.max(TTL_PAUSE_FACTOR * begun.elapsed())).await;
    }
}
