//! What a typed setting is made from: a variable with its format and default, or a group of other settings.

use std::time::Duration;

use super::{Environment, Settings, SettingsError};

/// One environment variable and how its text is parsed.
pub struct Variable<T> {
    name: &'static str,
    format: &'static str,
    default: Option<&'static str>,
    parse: fn(&str) -> Option<T>,
}

impl<T> Variable<T> {
    /// A variable that must be set. `format` says what its text is, with its unit, such as `a whole number
    /// above zero, in seconds`; `parse` returns `None` for any other text.
    pub const fn new(
        name: &'static str,
        format: &'static str,
        parse: fn(&str) -> Option<T>,
    ) -> Self {
        Self {
            name,
            format,
            default: None,
            parse,
        }
    }

    /// The same variable, with the text that counts where it is left out.
    pub const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }
}

/// Text of any form.
pub const fn text(name: &'static str) -> Variable<String> {
    Variable::new(name, "text", |text| Some(text.to_owned()))
}

/// Text of any form; `None` where it is left out.
pub const fn optional_text(name: &'static str) -> Variable<Option<String>> {
    let parse = |text: &str| Some(Some(text.to_owned()).filter(|text| !text.is_empty()));
    Variable::new(name, "text", parse).or("")
}

/// Texts with commas between them, trimmed; none where it is left out.
pub const fn list(name: &'static str) -> Variable<Vec<String>> {
    let parse = |text: &str| Some(split_list(text).map(str::to_owned).collect());
    Variable::new(name, "texts with commas between them", parse).or("")
}

/// A whole number, 0 or more.
pub const fn count(name: &'static str) -> Variable<u32> {
    Variable::new(name, "a whole number, 0 or more", |text| text.parse().ok())
}

/// A whole number above zero.
pub const fn number(name: &'static str) -> Variable<u32> {
    Variable::new(name, "a whole number above zero", above_zero)
}

/// A length of time, given in whole seconds above zero.
pub const fn seconds(name: &'static str) -> Variable<Duration> {
    let parse = |text: &str| above_zero(text).map(|n| Duration::from_secs(n.into()));
    Variable::new(name, "a whole number above zero, in seconds", parse)
}

/// A length of time, given in whole days above zero.
pub const fn days(name: &'static str) -> Variable<Duration> {
    let parse =
        |text: &str| above_zero(text).map(|n| Duration::from_secs(u64::from(n) * 24 * 3600));
    Variable::new(name, "a whole number above zero, in days", parse)
}

/// `true` or `false`; false where it is left out.
pub const fn switch(name: &'static str) -> Variable<bool> {
    Variable::new(name, "true or false", |text| text.parse().ok()).or("false")
}

/// The parts of a text between commas, trimmed, without empty ones.
pub fn split_list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

fn above_zero(text: &str) -> Option<u32> {
    text.parse().ok().filter(|n| *n > 0)
}

/// All settings of another struct.
pub struct Group<T>(std::marker::PhantomData<T>);

/// A field that is a struct of settings itself, whose variables count as the outer one's.
pub const fn group<T: Settings>() -> Group<T> {
    Group(std::marker::PhantomData)
}

/// Where the value of a field comes from.
pub trait Source<T> {
    /// Reads and parses the value.
    fn read(&self, environment: &Environment) -> Result<T, SettingsError>;

    /// The variables it is read from; `doc` is the field's documentation.
    fn reference(&self, doc: &'static str) -> Vec<VariableReference>;
}

/// An entry of the reference of all variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableReference {
    pub name: &'static str,
    /// What its text is, with its unit.
    pub format: &'static str,
    /// The text that counts where it is left out; `None` where it must be set.
    pub default: Option<&'static str>,
    pub doc: &'static str,
}

impl<T> Source<T> for Variable<T> {
    fn read(&self, environment: &Environment) -> Result<T, SettingsError> {
        let name = self.name;
        let text = environment.optional(name).or(self.default);
        let value = (self.parse)(text.ok_or(SettingsError::Missing(name))?);
        value.ok_or(SettingsError::Malformed {
            name,
            expected: self.format,
        })
    }

    fn reference(&self, doc: &'static str) -> Vec<VariableReference> {
        vec![VariableReference {
            name: self.name,
            format: self.format,
            default: self.default,
            doc: doc.trim(),
        }]
    }
}

impl<T: Settings> Source<T> for Group<T> {
    fn read(&self, environment: &Environment) -> Result<T, SettingsError> {
        T::read(environment)
    }

    fn reference(&self, _doc: &'static str) -> Vec<VariableReference> {
        T::reference()
    }
}
