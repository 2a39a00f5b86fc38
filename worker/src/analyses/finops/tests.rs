//! The analysis from a file to its result.
