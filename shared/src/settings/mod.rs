//! The only file that reads the environment, and typed settings made from it.
//!
//! Each function declares what it reads with [`settings!`](crate::settings!). A missing or malformed variable
//! ends the process at its start, with the variable's name.

mod variable;

use std::collections::HashMap;
use std::time::Duration;

pub use variable::{
    Group, Source, Variable, VariableReference, count, days, group, list, number, optional_text,
    seconds, split_list, switch, text,
};

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

/// The environment as it was when the process started.
pub struct Environment {
    variables: HashMap<String, String>,
}

impl Environment {
    /// Reads the process's environment and leaves out variables that are not UTF-8.
    pub fn from_env() -> Self {
        let readable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(readable).collect(),
        }
    }

    /// An environment of these variables alone.
    pub fn given<const N: usize>(variables: [(&str, String); N]) -> Self {
        Self {
            variables: variables
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
        }
    }

    /// A variable that may be left out. An empty one counts as left out, because CloudFormation can't leave
    /// out a variable by parameter.
    pub fn optional(&self, name: &'static str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A variable that must be set.
    pub fn required(&self, name: &'static str) -> Result<&str, SettingsError> {
        self.optional(name).ok_or(SettingsError::Missing(name))
    }

    /// The parts between commas, trimmed; none where it is left out.
    pub fn list(&self, name: &'static str) -> Vec<&str> {
        split_list(self.optional(name).unwrap_or_default()).collect()
    }

    /// A whole number, 0 or more.
    pub fn count(&self, name: &'static str) -> Result<u32, SettingsError> {
        count(name).read(self)
    }

    /// A whole number above zero.
    pub fn number(&self, name: &'static str) -> Result<u32, SettingsError> {
        number(name).read(self)
    }

    /// A length of time, given in whole seconds above zero.
    pub fn seconds(&self, name: &'static str) -> Result<Duration, SettingsError> {
        seconds(name).read(self)
    }

    /// A length of time, given in whole days above zero.
    pub fn days(&self, name: &'static str) -> Result<Duration, SettingsError> {
        days(name).read(self)
    }

    /// `true` or `false`; false where it is left out.
    pub fn switch(&self, name: &'static str) -> Result<bool, SettingsError> {
        switch(name).read(self)
    }
}

/// A struct of settings, as [`settings!`](crate::settings!) makes it.
pub trait Settings: Sized {
    /// Reads every field from the environment.
    fn read(environment: &Environment) -> Result<Self, SettingsError>;

    /// Every variable with its format, default and documentation, in the order of the fields.
    fn reference() -> Vec<VariableReference>;
}

/// Makes a struct whose fields are read from environment variables, and its [`Settings`]. Each field names its
/// [`Variable`], or a [`group`] of others:
///
/// ```ignore
/// settings! {
///     /// Settings of the sweep.
///     pub struct SweepSettings {
///         /// How long an ended job is stored.
///         pub retention: Duration = days("JOB_RETENTION_DAYS"),
///         /// The level of the log.
///         pub level: String = text("LOG_LEVEL").or("info"),
///         /// Tables and queues of jobs.
///         pub backend: BackendSettings = group(),
///     }
/// }
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $field_visibility:vis $field:ident: $type:ty = $source:expr,
            )+
        }
    ) => {
        $(#[$attribute])*
        $visibility struct $name {
            $($(#[doc = $doc])+ $field_visibility $field: $type,)+
        }

        impl $crate::settings::Settings for $name {
            fn read(
                environment: &$crate::settings::Environment,
            ) -> ::std::result::Result<Self, $crate::settings::SettingsError> {
                ::std::result::Result::Ok(Self {
                    $($field: $crate::settings::Source::<$type>::read(&$source, environment)?,)+
                })
            }

            fn reference() -> ::std::vec::Vec<$crate::settings::VariableReference> {
                [$($crate::settings::Source::<$type>::reference(&$source, concat!($($doc),+)),)+].concat()
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::settings! {
        /// Settings that use each kind of variable.
        struct Example {
            /// How long a job is stored.
            retention: Duration = days("JOB_RETENTION_DAYS"),
            /// How long a lease lasts
            /// without a heartbeat.
            lease: Duration = seconds("LEASE_SECONDS"),
            /// The most open jobs of a user; 0 for any number.
            open_jobs: u32 = count("OPEN_JOBS"),
            /// Settings of logs.
            log: Log = group(),
        }
    }

    crate::settings! {
        /// A group.
        struct Log {
            /// The lowest level that is logged.
            level: String = text("LOG_LEVEL").or("info"),
            /// Where traces are sent.
            traces: Option<String> = optional_text("OTLP_ENDPOINT"),
            /// Kinds of analyses.
            kinds: Vec<String> = list("KINDS"),
            /// Whether lines have colors.
            colors: bool = switch("COLORS"),
        }
    }

    fn read<const N: usize>(variables: [(&str, &str); N]) -> Result<Example, SettingsError> {
        let variables = variables.map(|(name, value)| (name, value.to_owned()));
        Example::read(&Environment::given(variables))
    }

    #[test]
    fn settings_are_read_with_their_units_and_defaults() {
        let (days, lease, jobs) = (
            ("JOB_RETENTION_DAYS", "2"),
            ("LEASE_SECONDS", "30"),
            ("OPEN_JOBS", "0"),
        );
        let given = read([
            days,
            lease,
            jobs,
            ("KINDS", "chat, ,noop"),
            ("COLORS", "true"),
        ])
        .unwrap();
        assert_eq!(given.retention, Duration::from_secs(2 * 24 * 3600));
        assert_eq!((given.lease, given.open_jobs), (Duration::from_secs(30), 0));
        assert_eq!((given.log.level.as_str(), given.log.traces), ("info", None));
        assert_eq!(given.log.kinds, ["chat", "noop"]);
        assert!(given.log.colors);
    }

    #[test]
    fn a_missing_or_malformed_variable_is_named() {
        let error = |days: &str, lease: &str, colors: &str| {
            let (days, lease) = (("JOB_RETENTION_DAYS", days), ("LEASE_SECONDS", lease));
            let result = read([days, lease, ("OPEN_JOBS", "7"), ("COLORS", colors)]);
            result.err().unwrap().to_string()
        };
        assert_eq!(
            error("", "30", ""),
            "the environment variable JOB_RETENTION_DAYS is not set"
        );
        assert!(error("1", "soon", "").contains("LEASE_SECONDS is not a whole number"));
        assert!(error("1", "0", "").contains("LEASE_SECONDS is not a whole number above zero"));
        assert!(error("1", "30", "yes").contains("COLORS is not true or false"));
    }

    #[test]
    fn the_reference_lists_every_variable_once() {
        let reference = Example::reference();
        let names: Vec<&str> = reference.iter().map(|variable| variable.name).collect();
        assert_eq!(
            names,
            [
                "JOB_RETENTION_DAYS",
                "LEASE_SECONDS",
                "OPEN_JOBS",
                "LOG_LEVEL",
                "OTLP_ENDPOINT",
                "KINDS",
                "COLORS",
            ]
        );
        assert_eq!(
            reference[1],
            VariableReference {
                name: "LEASE_SECONDS",
                format: "a whole number above zero, in seconds",
                default: None,
                doc: "How long a lease lasts without a heartbeat.",
            }
        );
        assert_eq!(reference[3].default, Some("info"));
    }
}
