//! Resolving function aliases and versions.

use super::*;

/// A function with a version and an alias, and a schedule that invokes `target`.
fn stack_with_schedule_target(
    target: &str,
    more: &str,
) -> std::result::Result<StackSpec, TemplateError> {
    let text = format!(
        r#"
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties: {{Runtime: provided.al2023, Handler: h, FunctionName: named, Code: {{S3Key: f.zip}}}}
  Other:
    Type: AWS::Lambda::Function
    Properties: {{Runtime: provided.al2023, Handler: o}}
  V:
    Type: AWS::Lambda::Version
    Properties: {{FunctionName: !Ref F, Description: first}}
  Live:
    Type: AWS::Lambda::Alias
    Properties: {{Name: live, FunctionName: !GetAtt F.Arn, FunctionVersion: !GetAtt V.Version}}
{more}
  Tick:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: rate(1 minute)
      Targets: [{{Id: t, Arn: {target}}}]
Outputs:
  Alias: {{Value: !Ref Live}}
  Version: {{Value: !Ref V}}
"#
    );
    resolve("t.yaml", &text, &inputs())
}

#[test]
fn an_alias_a_version_and_the_function_itself_resolve_to_the_function() {
    for target in [
        "!Ref Live",
        "!Ref V",
        "!GetAtt F.Arn",
        "!GetAtt Live.AliasArn",
    ] {
        let spec = stack_with_schedule_target(target, "").unwrap();
        assert_eq!(spec.schedules[0].function, "named", "{target}");
    }
    let spec = stack_with_schedule_target("!Ref Live", "").unwrap();
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:named";
    assert_eq!(spec.outputs["Alias"], format!("{arn}:live"));
    assert_eq!(spec.outputs["Version"], format!("{arn}:1"));
    assert_eq!(function(&spec, "named").package.as_deref(), Some("f.zip"));
}

#[test]
fn an_unresolvable_or_weighted_alias_is_an_error() {
    let error_for = |target: &str, more: &str| {
        stack_with_schedule_target(target, more)
            .unwrap_err()
            .problem
    };
    let missing_alias = "!Sub 'arn:aws:lambda:us-east-1:000000000000:function:named:gone'";
    assert!(error_for(missing_alias, "").contains("does not name a function of this template"));
    let alias = |rest: &str| {
        format!("  Bad: {{Type: AWS::Lambda::Alias, Properties: {{Name: bad, {rest}}}}}")
    };
    let unknown_function = alias("FunctionName: nobody, FunctionVersion: 1");
    assert!(
        error_for("!Ref Live", &unknown_function).contains("FunctionName of AWS::Lambda::Alias")
    );
    // The other function has no version, and this one has no second.
    for rest in [
        "FunctionName: !Ref Other, FunctionVersion: !GetAtt V.Version",
        "FunctionName: !Ref F, FunctionVersion: 2",
    ] {
        let problem = error_for("!Ref Live", &alias(rest));
        assert!(
            problem.contains("is not a version of its function"),
            "{problem}"
        );
    }
    let weighted = alias(
        "FunctionName: !Ref F, FunctionVersion: 1, RoutingConfig: {AdditionalVersionWeights: []}",
    );
    assert!(error_for("!Ref Live", &weighted).contains("RoutingConfig"));
}
