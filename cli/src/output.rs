//! What commands print: `println!`, `print!` and `eprintln!` of this crate, in place of those of `std`.
//!
//! Those of `std` panic when the reader is gone (`longhaul jobs list | head -1`). These drop what no reader takes, so
//! that a command finishes its work and ends with its own exit code. Any other failure to write ends it with 2.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write, stderr, stdout};
use std::sync::OnceLock;

/// The first failure to write to standard output. Nothing is written after it.
static FAILURE: OnceLock<ErrorKind> = OnceLock::new();

macro_rules! print {
    ($($text:tt)*) => { $crate::output::print_text(format_args!($($text)*)) };
}

macro_rules! println {
    () => { $crate::output::print_text(format_args!("\n")) };
    ($($text:tt)*) => { $crate::output::print_text(format_args!("{}\n", format_args!($($text)*))) };
}

macro_rules! eprintln {
    ($($text:tt)*) => { $crate::output::print_message(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints to standard output, unless that failed before.
pub fn print_text(text: Arguments<'_>) {
    let mut out = Stdout;
    // `Stdout` keeps the failure.
    let _ = out.write_fmt(text).and_then(|()| out.flush());
}

/// Prints to standard error. A failure is dropped: there is nowhere left to report it.
pub fn print_message(text: Arguments<'_>) {
    let _ = stderr().write_fmt(text);
}

/// Whether nothing more can be printed to standard output. A command that prints without end then stops.
pub fn is_closed() -> bool {
    FAILURE.get().is_some()
}

/// Why writing to standard output failed, except that its reader is gone, which is no fault.
pub fn failure() -> Option<ErrorKind> {
    FAILURE.get().copied().filter(|kind| !is_reader_gone(*kind))
}

/// Standard output as a writer, for a command that stops at its first error.
pub struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        kept(|| stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        kept(|| stdout().flush())
    }
}

fn kept<T>(write: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if let Some(kind) = FAILURE.get() {
        return Err((*kind).into());
    }
    write().inspect_err(|error| {
        // A signal interrupts a write, which is then repeated.
        if error.kind() != ErrorKind::Interrupted {
            let _ = FAILURE.set(error.kind());
        }
    })
}

fn is_reader_gone(kind: ErrorKind) -> bool {
    kind == ErrorKind::BrokenPipe
}
