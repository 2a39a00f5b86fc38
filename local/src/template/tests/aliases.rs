//! What is called by an alias or a version, and by whose.

use super::*;

/// A function with a version and an alias, and a schedule that calls `target`.
fn called(target: &str, more: &str) -> std::result::Result<Plan, TemplateError> {
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
    read("t.yaml", &text, &settings())
}

#[test]
fn a_function_is_called_by_its_alias_its_version_or_itself() {
    for target in [
        "!Ref Live",
        "!Ref V",
        "!GetAtt F.Arn",
        "!GetAtt Live.AliasArn",
    ] {
        let plan = called(target, "").unwrap();
        assert_eq!(plan.schedules[0].function, "named", "{target}");
    }
    let plan = called("!Ref Live", "").unwrap();
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:named";
    assert_eq!(plan.outputs["Alias"], format!("{arn}:live"));
    assert_eq!(plan.outputs["Version"], format!("{arn}:1"));
    assert_eq!(function(&plan, "named").package.as_deref(), Some("f.zip"));
}

#[test]
fn an_alias_that_leads_nowhere_or_splits_its_calls_is_an_error() {
    let refused = |target: &str, more: &str| called(target, more).unwrap_err().problem;
    let nobody = "!Sub 'arn:aws:lambda:us-east-1:000000000000:function:named:gone'";
    assert!(refused(nobody, "").contains("names no function of this template"));
    let alias = |rest: &str| {
        format!("  Bad: {{Type: AWS::Lambda::Alias, Properties: {{Name: bad, {rest}}}}}")
    };
    let stray = alias("FunctionName: nobody, FunctionVersion: 1");
    assert!(refused("!Ref Live", &stray).contains("FunctionName of AWS::Lambda::Alias"));
    // The other function has no version, and this one has no second.
    for rest in [
        "FunctionName: !Ref Other, FunctionVersion: !GetAtt V.Version",
        "FunctionName: !Ref F, FunctionVersion: 2",
    ] {
        let problem = refused("!Ref Live", &alias(rest));
        assert!(
            problem.contains("is no version of its function"),
            "{problem}"
        );
    }
    let split = alias(
        "FunctionName: !Ref F, FunctionVersion: 1, RoutingConfig: {AdditionalVersionWeights: []}",
    );
    assert!(refused("!Ref Live", &split).contains("RoutingConfig"));
}
