//! The one file that reads the environment.
//!
//! A function's settings are read once, at its start, where a missing or malformed one ends the
//! process with the variable's name. What a setting means is known where it is used.

use std::collections::HashMap;
use std::time::Duration;

/// Why a function can't start.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    #[error("the environment variable {name} is not {expected}")]
    Malformed {
        name: &'static str,
        expected: &'static str,
    },
}

/// The environment as it was at the start.
pub struct Environment {
    variables: HashMap<String, String>,
}

impl Environment {
    /// Reads the process's environment. Variables that are not UTF-8 are none of ours.
    pub fn from_env() -> Self {
        let readable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(readable).collect(),
        }
    }

    /// Environment for a process that finds them out by itself, such as a command.
    pub fn given<const N: usize>(variables: [(&str, String); N]) -> Self {
        Self {
            variables: variables
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
        }
    }

    /// A variable that may be left out; an empty one counts as left out, as CloudFormation can't
    /// leave a variable out by parameter.
    pub fn optional(&self, name: &'static str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A variable that the function can't do without.
    pub fn required(&self, name: &'static str) -> Result<&str, SettingsError> {
        self.optional(name).ok_or(SettingsError::Missing(name))
    }

    /// What stands between commas, trimmed; left out means an empty list.
    pub fn list(&self, name: &'static str) -> Vec<&str> {
        let parts = self.optional(name).unwrap_or_default().split(',');
        parts
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect()
    }

    /// A whole number, 0 or more.
    pub fn count(&self, name: &'static str) -> Result<u32, SettingsError> {
        let expected = "a whole number, 0 or more";
        let count = self.required(name)?.parse();
        count.map_err(|_| SettingsError::Malformed { name, expected })
    }

    /// A whole number above zero.
    pub fn number(&self, name: &'static str) -> Result<u32, SettingsError> {
        let expected = "a whole number above zero";
        let number: Option<u32> = self.required(name)?.parse().ok();
        number
            .filter(|n| *n > 0)
            .ok_or(SettingsError::Malformed { name, expected })
    }

    /// A length of time, given in whole seconds above zero.
    pub fn seconds(&self, name: &'static str) -> Result<Duration, SettingsError> {
        self.number(name).map(|n| Duration::from_secs(n.into()))
    }

    /// A length of time, given in whole days above zero.
    pub fn days(&self, name: &'static str) -> Result<Duration, SettingsError> {
        self.number(name)
            .map(|n| Duration::from_secs(u64::from(n) * 24 * 3600))
    }

    /// `true` or `false`; left out means `false`.
    pub fn switch(&self, name: &'static str) -> Result<bool, SettingsError> {
        match self.optional(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(SettingsError::Malformed {
                name,
                expected: "true or false",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Environment {
        Environment {
            variables: variables
                .iter()
                .map(|(n, v)| ((*n).into(), (*v).into()))
                .collect(),
        }
    }

    #[test]
    fn a_bad_setting_is_named() {
        let config = config(&[
            ("LEASE_SECONDS", "soon"),
            ("EMPTY", ""),
            ("NOOP_ENABLED", "yes"),
        ]);
        let named = |result: Result<Duration, SettingsError>| result.unwrap_err().to_string();
        assert!(
            named(config.seconds("LEASE_SECONDS")).contains("LEASE_SECONDS is not a whole number")
        );
        assert!(named(config.seconds("EMPTY")).contains("EMPTY is not set"));
        assert!(named(config.days("JOB_RETENTION_DAYS")).contains("JOB_RETENTION_DAYS is not set"));
        assert!(
            config
                .switch("NOOP_ENABLED")
                .unwrap_err()
                .to_string()
                .contains("true or false")
        );
    }
}
