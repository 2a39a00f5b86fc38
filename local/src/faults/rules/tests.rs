//! Rules against sequences of calls.

use serde_json::{Value, json};

use super::*;

fn rules(seed: u64, rules: Value) -> Rules {
    let text = json!({ "seed": seed, "rules": rules }).to_string();
    Rules::new(FaultPlan::parse(text.as_bytes()).unwrap())
}

fn parse_error(text: &Value) -> String {
    format!(
        "{:#}",
        FaultPlan::parse(text.to_string().as_bytes()).unwrap_err()
    )
}

const UPDATE: AwsCall<'_> = AwsCall {
    service: Service::DynamoDb,
    operation: "UpdateItem",
    caller: "worker",
    environment: Some("e1"),
};

/// The numbers of the calls that fail, among `count` calls.
fn failing_calls(rules: &mut Rules, count: u64) -> Vec<u64> {
    (1..=count)
        .filter(|_| rules.decide(&UPDATE).fail.is_some())
        .collect()
}

fn fail_effect() -> Value {
    json!({"fail": {"code": "ThrottlingException"}})
}

#[test]
fn a_rule_matches_only_calls_with_all_its_fields() {
    let mut rules = rules(
        0,
        json!([{"service": "dynamodb", "operation": "UpdateItem", "caller": "worker", "effect": {"delayMs": 5}}]),
    );
    for other in [
        AwsCall {
            service: Service::Sqs,
            ..UPDATE
        },
        AwsCall {
            operation: "PutItem",
            ..UPDATE
        },
        AwsCall {
            caller: "message",
            ..UPDATE
        },
    ] {
        assert_eq!(rules.decide(&other), Effects::default(), "{other:?}");
    }
    assert_eq!(rules.decide(&UPDATE).delay, Duration::from_millis(5));
    assert_eq!(
        rules.hit_counts()[0].1,
        HitCount {
            matched: 1,
            fired: 1
        }
    );
}

#[test]
fn number_every_and_limit_select_by_count() {
    let of = |pick: &str, value: u64| {
        rules(
            0,
            json!([{"service": "dynamodb", pick: value, "effect": fail_effect()}]),
        )
    };
    assert_eq!(failing_calls(&mut of("number", 3), 9), [3]);
    assert_eq!(failing_calls(&mut of("every", 3), 9), [3, 6, 9]);
    assert_eq!(failing_calls(&mut of("limit", 3), 9), [1, 2, 3]);
    let mut both = rules(
        0,
        json!([{"service": "dynamodb", "every": 2, "limit": 2, "effect": fail_effect()}]),
    );
    assert_eq!(failing_calls(&mut both, 9), [2, 4]);
}

#[test]
fn probability_depends_on_the_seed_only() {
    let by = |seed| {
        rules(
            seed,
            json!([{"service": "dynamodb", "probability": 0.25, "effect": fail_effect()}]),
        )
    };
    let first = failing_calls(&mut by(7), 4000);
    assert_eq!(failing_calls(&mut by(7), 4000), first);
    assert_ne!(failing_calls(&mut by(8), 4000), first);
    assert!((800..1200).contains(&first.len()), "{}", first.len());

    // Calls of other services in between do not change the result.
    let mut mixed = by(7);
    let mut found = vec![];
    for number in 1..=4000 {
        mixed.decide(&AwsCall {
            service: Service::Sqs,
            ..UPDATE
        });
        if mixed.decide(&UPDATE).fail.is_some() {
            found.push(number);
        }
    }
    assert_eq!(found, first);
}

#[test]
fn effects_of_several_rules_are_combined() {
    let mut rules = rules(
        0,
        json!([
            {"service": "dynamodb", "effect": {"delayMs": 5}},
            {"service": "dynamodb", "effect": {"delayMs": 7}},
            {"service": "dynamodb", "effect": {"repeat": 2}},
            {"service": "dynamodb", "effect": {"kill": "after"}},
            {"service": "dynamodb", "effect": {"fail": {"code": "First", "status": 500}}},
            {"service": "dynamodb", "effect": {"fail": {"code": "Second"}}},
        ]),
    );
    let effects = Effects {
        delay: Duration::from_millis(12),
        kill: Some(KillPoint::After),
        fail: Some(InjectedError {
            code: "First".to_owned(),
            status: 500,
        }),
        repeat: 2,
        cut_after: None,
    };
    assert_eq!(rules.decide(&UPDATE), effects);
}

#[test]
fn only_a_function_can_be_killed() {
    let mut rules = rules(
        0,
        json!([{"service": "dynamodb", "number": 1, "effect": {"kill": "before"}}]),
    );
    assert_eq!(
        rules
            .decide(&AwsCall {
                environment: None,
                ..UPDATE
            })
            .kill,
        None
    );
    assert_eq!(rules.decide(&UPDATE).kill, Some(KillPoint::Before));
    assert_eq!(rules.decide(&UPDATE).kill, None);
}

#[test]
fn only_receives_of_event_sources_are_delivered_twice() {
    let mut rules = rules(
        0,
        json!([{"service": "sqs", "number": 2, "effect": {"deliverTwice": true}}]),
    );
    let receive = AwsCall {
        service: Service::Sqs,
        operation: "ReceiveMessage",
        caller: EVENT_SOURCE,
        environment: None,
    };
    assert!(!rules.delivers_twice(&receive));
    assert_eq!(rules.decide(&receive), Effects::default());
    assert!(!rules.delivers_twice(&AwsCall {
        caller: "worker",
        ..receive
    }));
    assert!(rules.delivers_twice(&receive));
    assert!(!rules.delivers_twice(&receive));
}

#[test]
fn an_invalid_plan_is_rejected_with_the_field() {
    let with = |field: &str, value: Value| {
        let mut rule = json!({"service": "dynamodb", "effect": {"repeat": 1}});
        rule[field] = value;
        parse_error(&json!({ "rules": [rule] }))
    };
    for (field, value, expected) in [
        ("service", json!("dynamo"), "unknown variant `dynamo`"),
        ("operations", json!("PutItem"), "unknown field `operations`"),
        ("number", json!(0), "rules[0]: number must be at least 1"),
        ("every", json!(0), "every must be at least 1"),
        ("limit", json!(0), "limit must be at least 1"),
        ("probability", json!(1.5), "probability must be from 0 to 1"),
        ("effect", json!({"repeat": 0}), "effect.repeat"),
        (
            "effect",
            json!({"kill": "during"}),
            "unknown variant `during`",
        ),
        (
            "effect",
            json!({"deliverTwice": false}),
            "deliverTwice can only be true",
        ),
        (
            "effect",
            json!({"deliverTwice": true}),
            "needs the service sqs",
        ),
        (
            "effect",
            json!({"cutAfter": 1}),
            "effect.cutAfter needs the service s3",
        ),
        (
            "effect",
            json!({"fail": {"code": "A", "status": 200}}),
            "effect.fail.status",
        ),
        (
            "effect",
            json!({"fail": {"code": "A\r\nB"}}),
            "effect.fail.code",
        ),
    ] {
        let error = with(field, value);
        assert!(error.contains(expected), "{field}: {error}");
    }
    let both =
        json!({"rules": [{"service": "sqs", "number": 1, "every": 2, "effect": {"repeat": 1}}]});
    assert!(parse_error(&both).contains("mutually exclusive"));
    assert!(parse_error(&json!({})).contains("missing field `rules`"));
}
