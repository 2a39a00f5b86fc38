//! DynamoDB: the dynoxide engine on disk, with its own thread, runtime and port.
//!
//! The engine runs blocking SQLite inside async code, so it must not share a runtime. Its router is
//! private, so it listens on a port to which [`crate::endpoint`] forwards.

mod fast_path;
mod provision;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use dynoxide::{Database, server};
use tokio::sync::oneshot;
use uuid::Uuid;

pub use self::fast_path::FastPath;
use crate::stack_spec::Table;

/// Interval at which expired items are deleted. AWS takes up to days, so readers filter them anyway.
const TTL_SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// A sweep reads every item of tables with a TTL, so the pause is at least this many times its duration.
const TTL_PAUSE_FACTOR: u32 = 50;

/// A running engine.
pub struct DynamoDb {
    database: Database,
    /// The address of its HTTP server.
    pub address: SocketAddr,
    /// Direct calls for typed clients.
    pub fast_path: FastPath,
    /// Dropping it stops the engine's threads.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl DynamoDb {
    /// Opens or creates the database in `folder` and serves it.
    pub fn start(folder: &Path) -> Result<Self> {
        let file = folder.join("dynamodb.sqlite");
        let file = file
            .to_str()
            .context("the data folder's path is not UTF-8")?;
        let database = Database::new(file)
            .map_err(|error| anyhow!("{error}"))
            .context("opening the DynamoDB database")?;
        // Commits survive kill -9; SQLite in WAL mode syncs only at checkpoints.
        database
            .disable_bulk_loading()
            .map_err(|error| anyhow!("{error}"))?;

        let listener = listen_unguessably()?;
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

    /// Creates or updates the template's tables; see [`provision::provision`].
    pub fn provision(&self, tables: &[Table]) -> Result<Vec<String>> {
        provision::provision(&self.database, tables)
    }
}

/// Listens on an address of 127.0.0.0/8 that no web page can guess: the engine's own server answers every origin. A
/// system that has only 127.0.0.1 gets that.
fn listen_unguessably() -> std::io::Result<TcpListener> {
    let [.., a, b, c] = *Uuid::new_v4().as_bytes();
    TcpListener::bind((Ipv4Addr::new(127, a, b, c), 0))
        .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the engine has already been printed.
            let _ = thread.join();
        }
    }
}

async fn sweep_ttl(database: Database) {
    loop {
        let (database, begun) = (database.clone(), Instant::now());
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "deleting expired items failed; the next sweep retries")
            }
            Err(error) => {
                tracing::warn!(%error, "the sweep of expired items panicked or was cancelled")
            }
        }
        tokio::time::sleep(TTL_SWEEP_INTERVAL.max(TTL_PAUSE_FACTOR * begun.elapsed())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every address of 127.0.0.0/8 is on the loopback interface of Linux.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_engines_own_server_is_where_no_page_can_guess() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (listen_unguessably().unwrap(), listen_unguessably().unwrap());
        let addresses = [first, second].map(|listener| listener.local_addr().unwrap().ip());
        assert_ne!(addresses[0], addresses[1]);
        let engine = DynamoDb::start(folder.path()).unwrap();
        assert!(engine.address.ip().is_loopback());
        assert_ne!(engine.address.ip(), Ipv4Addr::LOCALHOST);
    }
}
