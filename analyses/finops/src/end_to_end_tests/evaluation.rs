//! The evaluation set in `evaluation.jsonl`: questions with exact expected answers for the sample bill, which
//! `scripts/check-evaluation` computed without this code. The share that is answered correctly is printed by area and
//! must not fall. A question that is answered in part, or not at all, is a failure as a wrong figure is; each has its
//! own count, since a wrong figure is the worst of them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::answer::compose;
use crate::cost_data::CostData;
use crate::read::bill_reader::BillReader;
use crate::sample::write_sample;
use crate::text::tokens::Tokens;

/// Questions answered correctly when this was last updated.
const RECORDED: usize = 422;
/// Questions answered with a figure for another question, without a word about it, when this was last updated.
const RECORDED_WRONG: usize = 1;

struct EvaluationCase {
    query: String,
    area: String,
    turns: Vec<Tokens>,
    expected: Value,
}

/// How an answer is graded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    Right,
    /// Not right, and the answer begins with what it leaves out.
    Flagged,
    Unanswered,
    Wrong,
}

fn evaluation_set() -> Vec<EvaluationCase> {
    let case = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        let query = text("ask");
        let before = line["after"].as_array().into_iter().flatten();
        let before = before.map(|turn| Tokens::of(turn.as_str().unwrap()));
        EvaluationCase {
            turns: before.chain([Tokens::of(&query)]).collect(),
            area: text("area"),
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
        // Of long lists the first twenty are compared.
        (Value::Array(actual), Value::Array(expected))
            if actual.len() == expected.len() || (expected.len() == 20 && actual.len() > 20) =>
        {
            for (at, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                missing(actual, expected, &format!("{path}/{at}"), found);
            }
        }
        _ if actual == expected => {}
        _ => {
            let shown = |value: &Value| value.to_string().chars().take(160).collect::<String>();
            found.push(format!(
                "{path}: {}, expected {}",
                shown(actual),
                shown(expected)
            ));
        }
    }
}

fn grade(analysis: &Value, missing: &[String]) -> Grade {
    match analysis["status"].as_str() {
        _ if missing.is_empty() => Grade::Right,
        Some("unanswered") => Grade::Unanswered,
        Some("partial") => Grade::Flagged,
        _ => Grade::Wrong,
    }
}

/// The plan in an answer, sent in place of the question, gives the same figures.
fn assert_same_by_plan(cost_data: &CostData, case: &EvaluationCase, analysis: &Value) {
    let plan = Tokens::of_plan(&analysis["plan"].to_string());
    let (sent, _) = compose::answer(cost_data, &case.query, &[plan], true).unwrap();
    let sent = &sent["cost_analysis"];
    let family = analysis["question"].as_str().unwrap();
    for field in [
        "total",
        "rows",
        "groups",
        "others",
        "average",
        "sharePercent",
        "plan",
        family,
    ] {
        assert_eq!(
            sent[field], analysis[field],
            "{field} of {}: {}",
            case.query, analysis["plan"]
        );
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
    let mut areas: BTreeMap<&str, BTreeMap<Grade, usize>> = BTreeMap::new();
    let mut grades: BTreeMap<Grade, usize> = BTreeMap::new();
    for case in &set {
        let (answer, _) = compose::answer(&cost_data, &case.query, &case.turns, true).unwrap();
        let mut lacks = vec![];
        missing(&answer["cost_analysis"], &case.expected, "", &mut lacks);
        let grade = grade(&answer["cost_analysis"], &lacks);
        if grade == Grade::Right && answer["cost_analysis"]["status"] != "unanswered" {
            assert_same_by_plan(&cost_data, case, &answer["cost_analysis"]);
        }
        *areas
            .entry(&case.area)
            .or_default()
            .entry(grade)
            .or_default() += 1;
        *grades.entry(grade).or_default() += 1;
        if grade != Grade::Right {
            let response = answer["response"].as_str().unwrap();
            let first = response.lines().next().unwrap_or_default();
            println!(
                "{grade:?}: {}\n  {first}\n  {}",
                case.query,
                lacks.join("\n  ")
            );
        }
    }
    for (area, grades) in &areas {
        println!("{area}: {grades:?}");
    }
    println!("{} questions: {grades:?}", set.len());
    let count = |grade| grades.get(&grade).copied().unwrap_or_default();
    assert!(count(Grade::Right) >= RECORDED, "{grades:?}");
    assert!(count(Grade::Wrong) <= RECORDED_WRONG, "{grades:?}");
}
