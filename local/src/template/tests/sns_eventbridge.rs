//! Topics and event rules, and the dead-letter queues of what they can't deliver.

use super::language::stack_with;
use super::*;

#[test]
fn topics_and_event_rules_target_queues() {
    let rule = |pattern: &str, target: &str| {
        let text = format!(
            "  Bus:\n    Type: AWS::Events::EventBus\n    Properties: {{Name: bus}}\n  \
             Topic:\n    Type: AWS::SNS::Topic\n    Properties: {{Subscription: [{{Protocol: sqs, Endpoint: !GetAtt Q.Arn}}]}}\n  \
             Mail:\n    Type: AWS::SNS::Topic\n    Properties: {{Subscription: [{{Protocol: email, Endpoint: a@b}}]}}\n  \
             Rule:\n    Type: AWS::Events::Rule\n    Properties:\n      EventBusName: !Ref Bus\n      \
             EventPattern: {pattern}\n      Targets: [{{Id: q, Arn: !GetAtt {target}.Arn}}]\n"
        );
        stack_with(&text)
    };
    let spec = rule("{source: [x, {prefix: y}]}", "Q").unwrap();
    assert_eq!((spec.topics.len(), spec.schedules.len()), (1, 0));
    assert_eq!(spec.topics[0].targets, spec.event_rules[0].targets);
    assert_eq!(
        (
            spec.event_rules[0].bus.as_str(),
            spec.event_rules[0].pattern[0].1.len()
        ),
        ("bus", 2)
    );
    assert!(
        spec.inert
            .contains(&("Mail".to_owned(), "AWS::SNS::Topic".to_owned()))
    );
    for (pattern, target, problem) in [
        (
            "{detail: [x]}",
            "Q",
            "detail of EventPattern is not supported",
        ),
        ("{source: [{suffix: x}]}", "Q", "a text or {prefix: text}"),
        ("{source: [x]}", "F", "does not name a queue"),
    ] {
        let error = rule(pattern, target).unwrap_err();
        assert!(error.problem.contains(problem), "{error}");
    }
}

#[test]
fn what_can_not_be_delivered_has_a_dead_letter_queue_of_the_template() {
    let stack = |redrive: &str, dead_letter_config: &str| {
        let text = format!(
            "  Topic: {{Type: AWS::SNS::Topic}}\n  \
             Link:\n    Type: AWS::SNS::Subscription\n    Properties:\n      TopicArn: !Ref Topic\n      \
             Protocol: sqs\n      Endpoint: !GetAtt Q.Arn\n      RedrivePolicy: {redrive}\n  \
             Dead: {{Type: AWS::SQS::Queue}}\n  \
             Rule:\n    Type: AWS::Events::Rule\n    Properties:\n      EventPattern: {{source: [x]}}\n      \
             Targets: [{{Id: q, Arn: !GetAtt Q.Arn, DeadLetterConfig: {dead_letter_config}}}]\n"
        );
        stack_with(&text)
    };
    let (redrive, config) = (
        "{deadLetterTargetArn: !GetAtt Dead.Arn}",
        "{Arn: !GetAtt Dead.Arn}",
    );
    let spec = stack(redrive, config).unwrap();
    for target in [&spec.topics[0].targets[0], &spec.event_rules[0].targets[0]] {
        let dead_letter_queue = target.dead_letter_queue.as_deref();
        assert_eq!(dead_letter_queue, Some("longhaul-Dead"));
    }
    for (redrive, config, problem) in [
        (
            "{deadLetterTargetArn: !GetAtt F.Arn}",
            config,
            "RedrivePolicy.deadLetterTargetArn of AWS::SNS::Subscription (resource Link) does not name a queue",
        ),
        ("{}", config, "RedrivePolicy.deadLetterTargetArn"),
        (
            "{deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}",
            config,
            "RedrivePolicy.maxReceiveCount of AWS::SNS::Subscription (resource Link) is not supported",
        ),
        (redrive, "{Arn: !GetAtt F.Arn}", "DeadLetterConfig.Arn"),
        (
            redrive,
            "{Arn: !GetAtt Dead.Arn, More: 1}",
            "DeadLetterConfig.More",
        ),
    ] {
        let error = stack(redrive, config).unwrap_err();
        assert!(error.problem.contains(problem), "{error}");
    }
}

#[test]
fn what_is_published_reaches_one_queue_and_is_a_dead_letter_otherwise() {
    let spec = project_stack(&[]).unwrap();
    assert_eq!((spec.topics.len(), spec.event_rules.len()), (1, 1));
    for target in [&spec.topics[0].targets, &spec.event_rules[0].targets] {
        let [target] = target.as_slice() else {
            panic!("{target:?}")
        };
        let dead_letter_queue = target.dead_letter_queue.as_deref();
        assert_eq!(target.queue, "longhaul-publish");
        assert_eq!(dead_letter_queue, Some("longhaul-fanout-dlq"));
    }
    let rule = "arn:aws:events:us-east-1:000000000000:rule/longhaul/longhaul-publish";
    assert_eq!(spec.event_rules[0].arn, rule);
}
