//! Hostile input neither panics the reader nor exhausts memory or stack.

use proptest::prelude::*;

use super::*;

#[test]
fn hostile_depth_and_growth_are_rejected() {
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
        (chain, "references and functions"),
        (growth, "the text is longer than"),
    ] {
        let error = resolve("t.yaml", &text, &inputs()).unwrap_err();
        assert!(error.problem.contains(expected), "{error}");
    }
}

/// Does not panic, and an error names an existing line (or the one after the last).
fn resolve_without_panic(text: &str) {
    if let Err(error) = resolve("t.yaml", text, &inputs()) {
        let lines = text.split(['\n', '\r']).count();
        assert!(
            (1..=lines + 1).contains(&error.line),
            "{error} in {lines} lines"
        );
    }
}

/// At least 1,000 cases; more if `PROPTEST_CASES` says so.
fn proptest_config() -> ProptestConfig {
    let default_config = ProptestConfig::default();
    ProptestConfig {
        cases: default_config.cases.max(1_000),
        ..default_config
    }
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn any_text_gives_a_spec_or_an_error(text in "(?s).{0,200}") {
        resolve_without_panic(&text);
    }

    #[test]
    fn any_sequence_of_yaml_tokens_gives_a_spec_or_an_error(
        tokens in prop::collection::vec(prop::sample::select(vec![
            "Resources:", "Q:", "Type:", "AWS::SQS::Queue", "\n", "\n  ", "\n    ", "- ", "? ", ": ",
            "[", "]", "{", "}", ",", "&a ", "*a", "!Ref ", "!Sub ", "!!int ", "'", "\"", "|\n", ">-",
            "${", "Fn::If: ", "Ref: ", "#", "---", "~", "\t", "Properties:", "<<: ", "%TAG ! x\n",
        ]), 0..60)
    ) {
        resolve_without_panic(&tokens.concat());
    }

    #[test]
    fn the_template_with_a_piece_moved_gives_a_spec_or_an_error(
        from in 0..TEMPLATE.len(), length in 0..200usize, to in 0..TEMPLATE.len(),
    ) {
        let mut text: Vec<u8> = TEMPLATE.into();
        let end = (from + length).min(text.len());
        let piece: Vec<u8> = text.drain(from..end).collect();
        let to = to.min(text.len());
        text.splice(to..to, piece);
        resolve_without_panic(&String::from_utf8_lossy(&text));
    }
}
