//! How charges are grouped in an answer.

/// What an answer's table has a line for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grouping {
    Service,
    Account,
    Region,
    Day,
    Month,
    /// By the value of the tag with this key, joined.
    Tag(String),
}

/// In which order the lines stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupOrder {
    /// By their names: days and months one after the other.
    Time,
    Largest,
    Smallest,
}
