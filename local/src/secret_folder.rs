//! The values of secrets in a data folder, which only its user can read.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use uuid::Uuid;

/// The secrets of one data folder, each with its present value and the one before it. They can be read while another
/// process has locked the folder.
#[derive(Debug, Clone)]
pub struct SecretFolder(PathBuf);

impl SecretFolder {
    /// The secrets of the data folder at this path.
    pub fn of(data: &Path) -> Self {
        Self(data.join("secrets"))
    }

    /// The present value of a secret; `None` before the cloud's first start.
    pub fn current(&self, name: &str) -> Result<Option<String>> {
        self.read(name)
    }

    /// The value before the present one; `None` if the secret was never replaced.
    pub fn previous(&self, name: &str) -> Result<Option<String>> {
        self.read(&previous(name))
    }

    /// The present value; generated on first use and stored.
    pub fn get_or_create(&self, name: &str) -> Result<String> {
        if let Some(secret) = self.current(name)? {
            return Ok(secret);
        }
        let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        self.write(name, &secret)?;
        Ok(secret)
    }

    /// Stores a new value; `current` becomes the one before it. A crash in between leaves `current` as both.
    pub fn replace(&self, name: &str, current: &str, new: &str) -> Result<()> {
        self.write(&previous(name), current)?;
        self.write(name, new)
    }

    fn read(&self, file: &str) -> Result<Option<String>> {
        match fs::read_to_string(self.0.join(file)) {
            Ok(secret) => Ok(Some(secret)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read the secret {file}")),
        }
    }

    /// Writes to a temporary file and renames it, so that no crash or reader sees a partial secret.
    fn write(&self, file: &str, secret: &str) -> Result<()> {
        let temporary = self.0.join(format!("{file}.new"));
        let mut folder = DirBuilder::new();
        let mut open = OpenOptions::new();
        let open = open.create(true).truncate(true).write(true).mode(0o600);
        let written = folder.recursive(true).mode(0o700).create(&self.0);
        let written = written.and_then(|()| open.open(&temporary));
        let written = written.and_then(|mut file| {
            file.write_all(secret.as_bytes())?;
            file.sync_all()
        });
        let written = written.and_then(|()| fs::rename(&temporary, self.0.join(file)));
        written.with_context(|| format!("cannot write the secret {file}"))
    }
}

fn previous(name: &str) -> String {
    format!("{name}.previous")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_stable_until_it_is_replaced_and_nobody_else_can_read_it() {
        let data = tempfile::tempdir().unwrap();
        let secrets = SecretFolder::of(data.path());
        assert_eq!(secrets.current("Token").unwrap(), None);
        let first = secrets.get_or_create("Token").unwrap();
        assert_eq!(first.len(), 64);
        assert_eq!(secrets.get_or_create("Token").unwrap(), first);
        assert_eq!(secrets.previous("Token").unwrap(), None);

        secrets.replace("Token", &first, "second").unwrap();
        assert_eq!(secrets.get_or_create("Token").unwrap(), "second");
        assert_eq!(secrets.previous("Token").unwrap(), Some(first));
        for file in ["Token", "Token.previous"] {
            let stored = fs::metadata(data.path().join("secrets").join(file));
            assert_eq!(stored.unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
