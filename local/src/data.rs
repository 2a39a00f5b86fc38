//! The folder that keeps a small cloud's state: one process at a time, secrets for its user's eyes only.
//!
//! Knows where things lie and not what they mean.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use uuid::Uuid;

/// A data folder that this process holds.
pub struct DataFolder {
    path: PathBuf,
    /// Held as long as the folder is; the system lets go of it even on kill -9.
    _lock: File,
}

/// What came of asking for a data folder.
pub enum Opened {
    Held(DataFolder),
    /// Another process runs a cloud on it.
    InUse,
}

impl DataFolder {
    /// Takes the folder, making it where there is none.
    pub fn open(path: &Path) -> Result<Opened> {
        let named = || format!("the data folder {}", path.display());
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(named)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .with_context(named)?;
        match lock.try_lock() {
            Ok(()) => {
                // Where the last cloud on it answered is no longer true.
                let _ = fs::remove_file(path.join(ENDPOINTS));
                Ok(Opened::Held(Self {
                    path: path.to_owned(),
                    _lock: lock,
                }))
            }
            Err(TryLockError::WouldBlock) => Ok(Opened::InUse),
            Err(TryLockError::Error(error)) => Err(error).with_context(named),
        }
    }

    /// A folder of this name in it, made where there is none.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).with_context(|| format!("the folder {}", path.display()))?;
        Ok(path)
    }

    /// The secret of this name: made at the first asking, the same ever after.
    pub fn secret(&self, name: &str) -> Result<String> {
        if let Some(secret) = read_secret(&self.path, name)? {
            return Ok(secret);
        }
        let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let folder = self.folder("secrets")?;
        // Written aside and renamed, so that neither a crash nor a reader meets half of it.
        let aside = folder.join(format!("{name}.new"));
        let mut open = OpenOptions::new();
        let open = open.create(true).truncate(true).write(true).mode(0o600);
        let written = open.open(&aside).and_then(|mut file| {
            file.write_all(secret.as_bytes())?;
            file.sync_all()?;
            fs::rename(&aside, folder.join(name))
        });
        written.context("writing a secret")?;
        Ok(secret)
    }

    /// Notes for other processes where the cloud on this folder answers.
    pub fn announce(&self, endpoints: &Endpoints) -> Result<()> {
        // Written aside and renamed, so that no reader sees half of it.
        let (aside, path) = (self.path.join("endpoints.new"), self.path.join(ENDPOINTS));
        fs::write(&aside, serde_json::to_vec(endpoints)?)?;
        fs::rename(&aside, &path).context("noting the endpoints")
    }
}

const ENDPOINTS: &str = "endpoints.json";

/// Where a running cloud answers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Endpoints {
    /// The process that runs it.
    pub process: u32,
    /// Such as `ws://127.0.0.1:3001`.
    pub gateway: String,
    /// Such as `http://127.0.0.1:4566`.
    pub aws: String,
}

/// Where the cloud that was last run on the folder answers; whether it still does, the lock tells.
pub fn endpoints(folder: &Path) -> Option<Endpoints> {
    serde_json::from_slice(&fs::read(folder.join(ENDPOINTS)).ok()?).ok()
}

/// A secret of the cloud on this folder, whoever holds it; none before its first start.
pub fn read_secret(folder: &Path, name: &str) -> Result<Option<String>> {
    match fs::read_to_string(folder.join("secrets").join(name)) {
        Ok(secret) => Ok(Some(secret)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("reading a secret"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn held(path: &Path) -> DataFolder {
        match DataFolder::open(path).unwrap() {
            Opened::Held(folder) => folder,
            Opened::InUse => panic!("the folder is in use"),
        }
    }

    #[test]
    fn one_process_holds_a_folder_and_a_secret_stays() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("data");
        assert_eq!(read_secret(&path, "Token").unwrap(), None);
        let folder = held(&path);
        assert!(matches!(DataFolder::open(&path).unwrap(), Opened::InUse));
        let secret = folder.secret("Token").unwrap();
        assert_eq!(secret.len(), 64);
        assert_eq!(folder.secret("Token").unwrap(), secret);
        assert_eq!(read_secret(&path, "Token").unwrap(), Some(secret));
        let mode = fs::metadata(path.join("secrets/Token"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(folder);
        // A process that another test is just starting may hold a copy of the lock until it runs.
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while matches!(DataFolder::open(&path).unwrap(), Opened::InUse) {
            assert!(
                std::time::Instant::now() < patience,
                "the lock is still held"
            );
            std::thread::yield_now();
        }
    }
}
