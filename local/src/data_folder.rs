//! The data folder of an embedded cloud: locked by one process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::secret_folder::SecretFolder;

/// A data folder that this process has locked.
pub struct DataFolder {
    path: PathBuf,
    /// The operating system releases the lock when the process ends, even on kill -9.
    _lock: File,
}

/// The outcome of [`DataFolder::lock`].
pub enum LockOutcome {
    Locked(DataFolder),
    /// Another process runs a cloud on the folder.
    InUse,
}

impl DataFolder {
    /// Locks the folder; creates it if it does not exist.
    ///
    /// # Errors
    /// The folder or its lock file cannot be created or opened.
    pub fn lock(path: &Path) -> Result<LockOutcome> {
        let context = || format!("cannot open the data folder {}", path.display());
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(context)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .with_context(context)?;
        match lock.try_lock() {
            Ok(()) => {
                // The endpoints of the previous run are stale.
                let _ = fs::remove_file(path.join(ENDPOINTS_FILE));
                Ok(LockOutcome::Locked(Self {
                    path: path.to_owned(),
                    _lock: lock,
                }))
            }
            Err(TryLockError::WouldBlock) => Ok(LockOutcome::InUse),
            Err(TryLockError::Error(error)) => Err(error).with_context(context),
        }
    }

    /// The subfolder `name`; created if it does not exist.
    pub fn subfolder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir_all(&path)
            .with_context(|| format!("cannot create the folder {}", path.display()))?;
        Ok(path)
    }

    /// The folder's secrets.
    pub fn secrets(&self) -> SecretFolder {
        SecretFolder::of(&self.path)
    }

    /// Stores the cloud's endpoints for other processes to read with [`read_endpoints`].
    pub fn write_endpoints(&self, endpoints: &Endpoints) -> Result<()> {
        // Written to a temporary file and renamed, so that no reader sees a partial file.
        let temporary = self.path.join("endpoints.new");
        fs::write(&temporary, serde_json::to_vec(endpoints)?)?;
        fs::rename(&temporary, self.path.join(ENDPOINTS_FILE)).context("cannot write the endpoints")
    }
}

const ENDPOINTS_FILE: &str = "endpoints.json";

/// The addresses of a running cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Endpoints {
    /// The id of the process that runs the cloud.
    #[serde(rename = "process")]
    pub process_id: u32,
    /// For example `ws://127.0.0.1:3001`.
    pub gateway: String,
    /// For example `http://127.0.0.1:4566`.
    pub aws: String,
}

/// The endpoints of the cloud that was last started on the folder. Whether it still runs is known from the
/// lock.
pub fn read_endpoints(folder: &Path) -> Option<Endpoints> {
    serde_json::from_slice(&fs::read(folder.join(ENDPOINTS_FILE)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(path: &Path) -> DataFolder {
        match DataFolder::lock(path).unwrap() {
            LockOutcome::Locked(folder) => folder,
            LockOutcome::InUse => panic!("the folder is in use"),
        }
    }

    #[test]
    fn one_process_locks_a_folder() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("data");
        let folder = lock(&path);
        assert!(matches!(
            DataFolder::lock(&path).unwrap(),
            LockOutcome::InUse
        ));
        drop(folder);
        // A process that another test is starting may hold a copy of the lock until it executes.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while matches!(DataFolder::lock(&path).unwrap(), LockOutcome::InUse) {
            assert!(
                std::time::Instant::now() < deadline,
                "the lock is still held"
            );
            std::thread::yield_now();
        }
    }
}
