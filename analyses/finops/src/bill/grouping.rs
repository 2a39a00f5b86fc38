//! How charges are grouped in an answer, and in which order the groups are listed.

/// What each line of an answer's table stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grouping {
    Service,
    Account,
    Region,
    Day,
    Month,
    /// The value of the tag with this normalized key.
    Tag(String),
}

/// The order of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupOrder {
    /// By key, so days and months are in sequence.
    Time,
    Largest,
    Smallest,
}
