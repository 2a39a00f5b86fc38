//! Rounds' figures as tables in Markdown: the median of each, with the least and the most.

use std::fmt::Display;

use crate::crash;
use crate::plan::Shape;

/// What the table shows of a round, in its order.
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

/// What a summary shows of each shape: the columns, by their places.
const OF_EACH: [&[usize]; 3] = [&[0, 1, 2], &[0, 4, 5], &[0, 4, 7]];

pub fn header(first: &[&str], columns: &[&str]) {
    println!("| {} | {} |", first.join(" | "), columns.join(" | "));
    println!("|{}", " --- |".repeat(first.len() + columns.len()));
}

/// A row of what was measured in some rounds.
pub fn row<const N: usize>(first: &[&dyn Display], rounds: &[[f64; N]]) {
    let first = first.iter().map(ToString::to_string);
    let cells: Vec<String> = first.chain((0..N).map(|at| cell(rounds, at))).collect();
    println!("| {} |", cells.join(" | "));
}

/// The heads of a summary of these shapes and of a crash.
pub fn summary_header(shapes: &[Shape]) {
    let mut columns = vec![];
    for (shape, places) in shapes.iter().zip(OF_EACH) {
        for place in places {
            let Shape {
                connections,
                outstanding,
                ..
            } = shape;
            columns.push(format!(
                "{connections} x {outstanding}: {}",
                COLUMNS[*place]
            ));
        }
    }
    columns.extend(crash::COLUMNS.map(|column| format!("kill -9: {column}")));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    header(&["stack"], &columns);
}

/// A stack's row of a summary: the rounds of each shape, and of the crash.
pub fn summary_row(
    name: &str,
    shapes: &[Vec<[f64; COLUMNS.len()]>],
    crashes: &[[f64; crash::COLUMNS.len()]],
) {
    let mut cells = vec![name.to_owned()];
    for (rounds, places) in shapes.iter().zip(OF_EACH) {
        cells.extend(places.iter().map(|place| cell(rounds, *place)));
    }
    cells.extend((0..crash::COLUMNS.len()).map(|place| cell(crashes, place)));
    println!("| {} |", cells.join(" | "));
}

fn cell<const N: usize>(rounds: &[[f64; N]], at: usize) -> String {
    let mut values: Vec<f64> = rounds.iter().map(|round| round[at]).collect();
    values.sort_by(f64::total_cmp);
    let [least, middle, most] = [0.0, 0.5, 1.0].map(|part| quantile(&values, part));
    if values.iter().all(|value| value.fract() == 0.0) {
        return if least == most {
            format!("{middle}")
        } else {
            format!("{middle} ({least} to {most})")
        };
    }
    let digits = usize::from(middle < 100.0) + usize::from(middle < 10.0);
    format!("{middle:.digits$} ({least:.digits$} to {most:.digits$})")
}

/// Of sorted values.
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let at = (part * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
