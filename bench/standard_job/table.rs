//! Prints rounds' figures as tables in Markdown: medians, with minimum and maximum.

use std::fmt::Display;

use crate::crash;
use crate::plan::Shape;

/// The table's columns for a round, in order.
pub const COLUMNS: [&str; 8] = [
    "jobs/s",
    "p50 queued ms",
    "p50 completed ms",
    "p99 queued ms",
    "p99 completed ms",
    "CPU ms a job",
    "of it functions",
    "peak memory MB",
];

/// The columns of each shape in a summary, by index.
const SUMMARY_COLUMNS: [&[usize]; 3] = [&[0, 1, 2], &[0, 4, 5], &[0, 4, 7]];

pub fn header(first: &[&str], columns: &[&str]) {
    println!("| {} | {} |", first.join(" | "), columns.join(" | "));
    println!("|{}", " --- |".repeat(first.len() + columns.len()));
}

/// Prints a row with the figures of these rounds.
pub fn row<const N: usize>(first: &[&dyn Display], rounds: &[[f64; N]]) {
    let first = first.iter().map(ToString::to_string);
    let cells: Vec<String> = first.chain((0..N).map(|at| cell(rounds, at))).collect();
    println!("| {} |", cells.join(" | "));
}

/// A stack's figures: the rounds of each shape, and of the crash.
pub struct Measured {
    pub name: String,
    pub shapes: Vec<Vec<[f64; COLUMNS.len()]>>,
    pub crashes: Vec<[f64; crash::COLUMNS.len()]>,
}

/// Prints a table with a column for each stack.
pub fn summary(shapes: &[Shape], stacks: &[Measured]) {
    let names: Vec<&str> = stacks.iter().map(|stack| stack.name.as_str()).collect();
    header(&[""], &names);
    let line = |of: String, cells: Vec<String>| println!("| {of} | {} |", cells.join(" | "));
    for (at, (shape, places)) in shapes.iter().zip(SUMMARY_COLUMNS).enumerate() {
        for place in places {
            let cells = stacks.iter().map(|stack| cell(&stack.shapes[at], *place));
            line(format!("{shape}: {}", COLUMNS[*place]), cells.collect());
        }
    }
    for (place, column) in crash::COLUMNS.iter().enumerate() {
        let cells = stacks.iter().map(|stack| cell(&stack.crashes, place));
        line(format!("kill -9: {column}"), cells.collect());
    }
}

fn cell<const N: usize>(rounds: &[[f64; N]], at: usize) -> String {
    let mut values: Vec<f64> = rounds.iter().map(|round| round[at]).collect();
    values.sort_by(f64::total_cmp);
    let [minimum, middle, maximum] = [0.0, 0.5, 1.0].map(|part| quantile(&values, part));
    if values.iter().all(|value| value.fract() == 0.0) {
        return if minimum == maximum {
            format!("{middle}")
        } else {
            format!("{middle} ({minimum} to {maximum})")
        };
    }
    let digits = usize::from(middle < 100.0) + usize::from(middle < 10.0);
    format!("{middle:.digits$} ({minimum:.digits$} to {maximum:.digits$})")
}

/// The quantile of sorted values.
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let at = (part * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
