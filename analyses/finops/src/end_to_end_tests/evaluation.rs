//! The evaluation set in `evaluation.jsonl`: questions with exact expected answers for the sample bill, which
//! `scripts/check-evaluation` computed without this code. The share that is answered correctly is printed and must
//! not fall.

use serde_json::Value;

use crate::answer::compose;
use crate::cost_data::CostData;
use crate::read::bill_reader::BillReader;
use crate::sample::write_sample;
use crate::text::tokens::Tokens;

/// Questions answered correctly when this was last updated.
const RECORDED: usize = 230;

struct EvaluationCase {
    query: String,
    turns: Vec<Tokens>,
    expected: Value,
}

fn evaluation_set() -> Vec<EvaluationCase> {
    let case = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let query = line["ask"].as_str().unwrap().to_owned();
        let before = line["after"].as_array().into_iter().flatten();
        let before = before.map(|turn| Tokens::of(turn.as_str().unwrap()));
        EvaluationCase {
            turns: before.chain([Tokens::of(&query)]).collect(),
            expected: line["expect"].clone(),
            query,
        }
    };
    include_str!("../evaluation.jsonl")
        .lines()
        .map(case)
        .collect()
}

/// Adds the paths at which the actual value lacks the expected one. An object may have more fields than expected.
fn missing(actual: &Value, expected: &Value, path: &str, found: &mut Vec<String>) {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            for (name, expected) in expected {
                let actual = actual.get(name).unwrap_or(&Value::Null);
                missing(actual, expected, &format!("{path}/{name}"), found);
            }
        }
        (Value::Array(actual), Value::Array(expected)) if actual.len() == expected.len() => {
            for (at, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                missing(actual, expected, &format!("{path}/{at}"), found);
            }
        }
        _ if actual == expected => {}
        _ => found.push(format!("{path}: {actual}, expected {expected}")),
    }
}

#[test]
fn the_evaluation_set_is_answered_no_worse_than_recorded() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write_sample(20_000, 1, &mut file).unwrap();
    let set = evaluation_set();
    // The bill is read once for all questions. What it keeps for other questions changes no figure.
    let every: Vec<Tokens> = set.iter().flat_map(|case| case.turns.clone()).collect();
    let mut cost_data = CostData::new(&every);
    let mut bill = BillReader::open(file.path()).unwrap();
    while let Some(row) = bill.next_row().unwrap() {
        cost_data.add(&row).unwrap();
    }
    let mut right = 0;
    for EvaluationCase {
        query,
        turns,
        expected,
    } in &set
    {
        let (answer, _) = compose::answer(&cost_data, query, turns, true).unwrap();
        let mut wrong = vec![];
        missing(&answer["cost_analysis"], expected, "", &mut wrong);
        right += usize::from(wrong.is_empty());
        if !wrong.is_empty() {
            println!(
                "{query}\n  {}\n  {}",
                answer["response"].as_str().unwrap().lines().next().unwrap(),
                wrong.join("\n  ")
            );
        }
    }
    println!("{right} of {} questions answered right", set.len());
    assert!(set.len() >= 150);
    assert!(
        right >= RECORDED,
        "{right} were answered right, {RECORDED} before"
    );
}
