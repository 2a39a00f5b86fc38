//! Intrinsic functions, invalid templates, and supported properties that the project's own template does not
//! use.

use super::*;

/// A template with resources and parameters for expressions to refer to.
pub(super) const TEMPLATE_HEAD: &str = r#"
Parameters:
  Word: {Type: String, Default: word}
  Words: {Type: CommaDelimitedList, Default: "a, b,c"}
  Zeros: {Type: Number, Default: 007}
Mappings:
  Map: {top: {second: found, list: [x, y]}}
Conditions:
  Yes: !Equals [!Ref Word, word]
  No: !Not [!Condition Yes]
  Both: !And [{Condition: Yes}, !Or [!Condition No, "Fn::Equals": [1, 1]]]
Resources:
  Q: {Type: AWS::SQS::Queue}
  T: {Type: AWS::DynamoDB::Table, Properties: {TableName: named}}
  Absent: {Type: AWS::SQS::Queue, Condition: No}
  R: {Type: AWS::IAM::Role}
  S: {Type: AWS::SecretsManager::Secret, Properties: {Name: n, SecretString: '{"k":"v"}'}}
  F:
    Type: AWS::Lambda::Function
    DependsOn: R
    Properties:
      Runtime: provided.al2023
      Handler: h
      Environment:
        Variables:
          WHOLE: '{{resolve:secretsmanager:n}}'
          MEMBER: !Sub '<{{resolve:secretsmanager:${S}:SecretString:k}}>'
          GONE: !Ref AWS::NoValue
          NUMBER: 0123
"#;

fn evaluate(expression: &str) -> std::result::Result<String, TemplateError> {
    let text = format!("{TEMPLATE_HEAD}Outputs:\n  Out:\n    Value: {expression}\n");
    let mut spec = resolve("t.yaml", &text, &inputs())?;
    Ok(spec.outputs.remove("Out").unwrap())
}

#[test]
fn intrinsic_functions_evaluate_as_in_cloudformation() {
    for (expression, expected) in [
        ("!Ref Word", "word"),
        ("{Ref: Word}", "word"),
        ("!Ref Zeros", "007"),
        ("!Ref AWS::Region", "us-east-1"),
        ("!Ref AWS::AccountId", "000000000000"),
        ("!Ref Q", "http://127.0.0.1:4566/000000000000/longhaul-Q"),
        ("!Ref T", "named"),
        ("!GetAtt Q.QueueName", "longhaul-Q"),
        (
            "!GetAtt [T, Arn]",
            "arn:aws:dynamodb:us-east-1:000000000000:table/named",
        ),
        (
            "{'Fn::GetAtt': [R, Arn]}",
            "arn:aws:iam::000000000000:role/longhaul-R",
        ),
        (
            "!Sub '${Word}-${T}-${Q.QueueName}-${!Word}-$connect'",
            "word-named-longhaul-Q-${Word}-$connect",
        ),
        ("{'Fn::Sub': ['${A}/${Word}', {A: !Ref T}]}", "named/word"),
        (
            "!Sub '${AWS::Partition}.${AWS::URLSuffix}'",
            "aws.amazonaws.com",
        ),
        ("!If [Yes, yes, no]", "yes"),
        ("!If [No, yes, {'Fn::If': [Both, both, no]}]", "both"),
        ("!Join ['-', [a, !Ref AWS::NoValue, !Ref Word]]", "a-word"),
        ("!Join ['+', !Ref Words]", "a+b+c"),
        ("!Select [1, !Split ['/', 'a/b/c']]", "b"),
        ("!FindInMap [Map, top, second]", "found"),
        ("!Join ['', !FindInMap [Map, !Sub 'top', list]]", "xy"),
        ("1.50", "1.50"),
        ("True", "True"),
    ] {
        assert_eq!(
            evaluate(expression).as_deref(),
            Ok(expected),
            "{expression}"
        );
    }
}

#[test]
fn secrets_and_no_value_reach_the_environment() {
    let spec = resolve("t.yaml", TEMPLATE_HEAD, &inputs()).unwrap();
    let environment = &spec.functions[0].environment;
    assert_eq!(environment["WHOLE"], r#"{"k":"v"}"#);
    assert_eq!(environment["MEMBER"], "<v>");
    assert_eq!(environment["NUMBER"], "0123");
    assert!(!environment.contains_key("GONE"));
    assert_eq!(spec.queues.len(), 1);
}

#[test]
fn an_invalid_expression_is_reported_with_its_line() {
    let line = TEMPLATE_HEAD.lines().count() + 3;
    for (expression, problem) in [
        (
            "!Ref Nothing",
            "Nothing is neither a parameter nor a resource of the template",
        ),
        (
            "!Ref Absent",
            "the resource Absent does not exist, because its condition is false",
        ),
        (
            "!GetAtt Q.Size",
            "the attribute Size of AWS::SQS::Queue (resource Q) is not supported by the embedded cloud",
        ),
        ("!GetAtt Q", "GetAtt takes a logical id and an attribute"),
        ("!Sub '${Word'", "a ${ in Sub is not closed"),
        ("!Sub '${Words}'", "${Words} in Sub is not plain text"),
        ("!If [Yes, a]", "If takes 3 arguments, but 2 were given"),
        (
            "!If [Perhaps, a, b]",
            "the condition Perhaps is not defined",
        ),
        (
            "!Select [3, !Ref Words]",
            "Select has no item 3 in a list of 3",
        ),
        (
            "!FindInMap [Map, top, third]",
            "the mapping Map.top.third is not defined",
        ),
        (
            "!ImportValue other",
            "ImportValue needs another stack, and the embedded cloud runs only one",
        ),
        (
            "!Equals [a, b]",
            "Equals returns a condition and is allowed only in Conditions",
        ),
        (
            "!Cidr [a, b]",
            "the tag !Cidr is not supported by the embedded cloud",
        ),
        (
            "{'Fn::GetAZs': ''}",
            "Fn::GetAZs is not supported by the embedded cloud",
        ),
        (
            "!Ref Words",
            "the output Out must have a Value of plain text",
        ),
    ] {
        let error = evaluate(expression).unwrap_err();
        assert_eq!(error.problem, problem);
        // The output itself is on the line before its value.
        let expected = if expression == "!Ref Words" {
            line - 1
        } else {
            line
        };
        assert_eq!(error.line, expected, "{expression}");
    }
}

#[test]
fn an_invalid_template_is_reported_with_file_and_line() {
    let queue = "Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      ";
    let cycle = "Resources:\n  A:\n    Type: AWS::SQS::Queue\n    DependsOn: B\n  B:\n    \
                  Type: AWS::SQS::Queue\n    Properties: {QueueName: !Ref A}\n";
    for (text, expected) in [
        ("", "line 1: the template is empty"),
        ("a: [", "line 2: this is not YAML"),
        ("- a", "line 1: a template must be a map of sections"),
        (
            "Transform: x",
            "line 1: the section Transform is not supported by the embedded cloud",
        ),
        (
            "a: &x 1\nb: *x",
            "line 2: CloudFormation does not support YAML function_aliases",
        ),
        (
            "a: 1\na: 2",
            "line 2: this is not YAML: duplicated key in mapping",
        ),
        ("Resources: {}", "line 1: the template has no Resources"),
        (
            "Parameters:\n  P: {Type: String}",
            "line 2: parameter P has no default, so it needs a value",
        ),
        (
            "Resources:\n  Baz:\n    Type: AWS::Foo::Bar",
            "line 3: AWS::Foo::Bar (resource Baz) is not supported by the embedded cloud",
        ),
        (
            "Resources:\n  D: {Type: AWS::ApiGatewayV2::Deployment}",
            "so set AutoDeploy: true on the stage instead",
        ),
        (
            cycle,
            "line 7: circular reference: resource A, resource B, resource A",
        ),
        (
            "Conditions:\n  A: !Condition B\n  B: !Not [!Condition A]",
            "line 3: circular reference: condition A, condition B, condition A",
        ),
        (
            &format!("{queue}Colour: red"),
            "line 5: Colour of AWS::SQS::Queue (resource Q) is not supported by the embedded cloud",
        ),
        (
            &format!("{queue}VisibilityTimeout: 43201"),
            "line 5: VisibilityTimeout of AWS::SQS::Queue (resource Q) must be a number from 0 to 43200, but is 43201",
        ),
        (
            &format!("{queue}FifoQueue: true"),
            "line 5: FifoQueue of AWS::SQS::Queue (resource Q) must not be true",
        ),
        (
            &format!(
                "{queue}RedrivePolicy:\n        maxReceiveCount: 1\n        deadLetterTargetArn: x"
            ),
            "line 7: RedrivePolicy.deadLetterTargetArn of AWS::SQS::Queue (resource Q) does not name a queue",
        ),
        (
            &format!(
                "{queue}QueueName: q\n  R: {{Type: AWS::SQS::Queue, Properties: {{QueueName: q}}}}"
            ),
            "line 6: R has the same name as Q",
        ),
    ] {
        let error = resolve("t.yaml", text, &inputs()).unwrap_err().to_string();
        assert!(
            error.starts_with("t.yaml: line ") && error.contains(expected),
            "{error}"
        );
    }
}

pub(super) fn stack_with(sections: &str) -> std::result::Result<StackSpec, TemplateError> {
    resolve("t.yaml", &format!("{TEMPLATE_HEAD}{sections}"), &inputs())
}

#[test]
fn a_schedule_has_its_input_and_a_disabled_one_is_omitted() {
    let schedule = |state: &str| {
        let text = format!(
            "  Tick:\n    Type: AWS::Scheduler::Schedule\n    Properties:\n      \
             ScheduleExpression: rate(2 hours)\n      State: {state}\n      \
             FlexibleTimeWindow: {{Mode: 'OFF'}}\n      \
             Target: {{Arn: !GetAtt F.Arn, RoleArn: !GetAtt R.Arn, Input: '{{}}'}}\n"
        );
        stack_with(&text).unwrap().schedules
    };
    let enabled = schedule("ENABLED");
    assert_eq!(
        (enabled[0].name.as_str(), enabled[0].period.as_secs()),
        ("longhaul-Tick", 7200)
    );
    assert_eq!(enabled[0].input.as_deref(), Some("{}"));
    assert_eq!(enabled[0].function, "longhaul-F");
    assert!(schedule("DISABLED").is_empty());
}

#[test]
fn an_event_source_mapping_has_aws_defaults_and_can_be_disabled() {
    let mapping = |enabled: bool| {
        let text = format!(
            "  Link:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties: \
             {{EventSourceArn: !GetAtt Q.Arn, FunctionName: !GetAtt F.Arn, Enabled: {enabled}}}\n"
        );
        stack_with(&text).unwrap().event_sources
    };
    let [source] = mapping(true).try_into().unwrap();
    assert_eq!(
        (source.batch_size, source.batching_window.as_secs()),
        (10, 0)
    );
    assert_eq!(
        (source.maximum_concurrency, source.reports_item_failures),
        (None, false)
    );
    assert!(mapping(false).is_empty());
}

#[test]
fn a_table_has_its_local_indexes_capacity_and_projected_attributes() {
    let table = r#"  L:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: a, AttributeType: S}, {AttributeName: b, AttributeType: N}]
      KeySchema: [{AttributeName: a, KeyType: HASH}]
      ProvisionedThroughput: {ReadCapacityUnits: 5, WriteCapacityUnits: 6}
      TimeToLiveSpecification: {Enabled: false}
      LocalSecondaryIndexes:
        - IndexName: i
          KeySchema: [{AttributeName: a, KeyType: HASH}, {AttributeName: b, KeyType: RANGE}]
          Projection: {ProjectionType: INCLUDE, NonKeyAttributes: [c]}
"#;
    let spec = stack_with(table).unwrap();
    let table = spec
        .tables
        .iter()
        .find(|table| table.name == "longhaul-L")
        .unwrap();
    let capacity = json!({"ReadCapacityUnits": 5, "WriteCapacityUnits": 6});
    assert_eq!(table.create_request["ProvisionedThroughput"], capacity);
    let projection = json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["c"]});
    assert_eq!(
        table.create_request["LocalSecondaryIndexes"][0]["Projection"],
        projection
    );
    assert_eq!(table.ttl_attribute, None);
}
