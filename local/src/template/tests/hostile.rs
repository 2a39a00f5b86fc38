//! That no text, however made, panics the reader or exhausts its memory or stack.

use proptest::prelude::*;

use super::*;

#[test]
fn hostile_depth_and_growth_are_refused() {
    let blocks = "- ".repeat(100_000);
    let flows = "[".repeat(100_000);
    let mut chain = String::from("Resources:\n  Q0: {Type: AWS::SQS::Queue}\n");
    let mut growth = String::from("Resources:\n  Q0: {Type: AWS::SQS::Queue}\n");
    for n in 1..400 {
        let before = n - 1;
        chain += &format!("  Q{n}: {{Type: AWS::SQS::Queue, DependsOn: Q{before}}}\n");
        let name = format!("!Sub '${{Q{before}.QueueName}}${{Q{before}.QueueName}}'");
        growth +=
            &format!("  Q{n}: {{Type: AWS::SQS::Queue, Properties: {{QueueName: {name}}}}}\n");
    }
    chain = chain.replacen(
        "Resources:\n",
        "Resources:\n  First: {Type: AWS::SQS::Queue, DependsOn: Q399}\n",
        1,
    );
    let after_return = format!("x\r{blocks}");
    let after_mark = format!("\u{feff}{blocks}");
    let after_start = format!("--- {blocks}");
    let both = "- ".repeat(99) + &"[a: ".repeat(250);
    for (text, expected) in [
        (after_return, "indented by more than"),
        (after_mark, "indented by more than"),
        (after_start, "indented by more than"),
        (both, "this is not YAML"),
        (blocks, "indented by more than"),
        (flows, "this is not YAML"),
        (chain, "references and functions deep"),
        (growth, "the text is longer than"),
    ] {
        let error = read("t.yaml", &text, &settings()).unwrap_err();
        assert!(error.problem.contains(expected), "{error}");
    }
}

/// Never panics, and an error is about a line that is there (or the one after the last).
fn survives(text: &str) {
    if let Err(error) = read("t.yaml", text, &settings()) {
        let lines = text.split(['\n', '\r']).count();
        assert!(
            (1..=lines + 1).contains(&error.line),
            "{error} in {lines} lines"
        );
    }
}

/// A thousand cases of each, or as many more as `PROPTEST_CASES` says.
fn many_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases.max(1_000),
        ..usual
    }
}

proptest! {
    #![proptest_config(many_cases())]

    #[test]
    fn any_text_gives_a_plan_or_an_error(text in "(?s).{0,200}") {
        survives(&text);
    }

    #[test]
    fn any_run_of_yaml_words_gives_a_plan_or_an_error(
        words in prop::collection::vec(prop::sample::select(vec![
            "Resources:", "Q:", "Type:", "AWS::SQS::Queue", "\n", "\n  ", "\n    ", "- ", "? ", ": ",
            "[", "]", "{", "}", ",", "&a ", "*a", "!Ref ", "!Sub ", "!!int ", "'", "\"", "|\n", ">-",
            "${", "Fn::If: ", "Ref: ", "#", "---", "~", "\t", "Properties:", "<<: ", "%TAG ! x\n",
        ]), 0..60)
    ) {
        survives(&words.concat());
    }

    #[test]
    fn the_template_with_a_piece_cut_or_moved_gives_a_plan_or_an_error(
        from in 0..TEMPLATE.len(), length in 0..200usize, to in 0..TEMPLATE.len(),
    ) {
        let mut text: Vec<u8> = TEMPLATE.into();
        let end = (from + length).min(text.len());
        let piece: Vec<u8> = text.drain(from..end).collect();
        let to = to.min(text.len());
        text.splice(to..to, piece);
        survives(&String::from_utf8_lossy(&text));
    }
}
