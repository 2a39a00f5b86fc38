//! Roles, and the grants of the project's own functions.

use super::*;
use crate::permissions::RequiredPermission;

fn need(action: &str, resource: &str) -> RequiredPermission {
    RequiredPermission {
        action: action.into(),
        resource: resource.into(),
        prefix: None,
    }
}

#[test]
fn only_the_pieces_of_recordings_can_be_listed() {
    let spec = project_stack(&[]).unwrap();
    let bucket = "arn:aws:s3:::longhaul-results-000000000000-us-east-1";
    for (prefix, allowed) in [
        (Some("recordings/pieces/1/"), true),
        (Some("results/"), false),
        (None, false),
    ] {
        let list = RequiredPermission {
            prefix: prefix.map(str::to_owned),
            ..need("s3:ListBucket", bucket)
        };
        let expected = [false, false, false, allowed, false, false, false, false];
        assert_eq!(allowed_by_each_role(&spec, &list), expected, "{prefix:?}");
    }
}

#[test]
fn a_condition_other_than_on_the_prefix_is_rejected() {
    for (condition, problem) in [
        (
            "{StringEquals: {'aws:SourceAccount': '1'}}",
            "Condition.StringLike",
        ),
        (
            "{StringLike: {'s3:prefix': a, 's3:delimiter': b}}",
            "Condition.StringLike.s3:delimiter",
        ),
        ("{StringLike: {'s3:prefix': a}, Bool: {}}", "Condition.Bool"),
    ] {
        let role = format!(
            "Policies: [{{PolicyName: p, PolicyDocument: {{Statement: [{{Effect: Allow, \
             Action: 's3:*', Resource: '*', Condition: {condition}}}]}}}}]"
        );
        let error = stack_with_event_source(&role, "").unwrap_err();
        assert!(error.problem.contains(problem), "{error}");
    }
}

/// Whether each function's role allows this.
fn allowed_by_each_role(spec: &StackSpec, need: &RequiredPermission) -> Vec<bool> {
    let grants = spec.functions.iter().map(|f| f.grants.as_deref().unwrap());
    let allows = |grants: &[Grant]| grants.iter().any(|grant| grant.allows(need));
    grants.map(allows).collect()
}

#[test]
fn a_customer_key_is_granted_to_every_function_only_if_configured() {
    let arn = "arn:aws:kms:us-east-1:000000000000:key/k";
    let use_of_the_key = need("kms:Decrypt", arn);
    let keyed = project_stack(&[("KmsKeyArn", arn)]).unwrap();
    assert_eq!(allowed_by_each_role(&keyed, &use_of_the_key), [true; 8]);
    let default_config = project_stack(&[]).unwrap();
    assert_eq!(
        allowed_by_each_role(&default_config, &use_of_the_key),
        [false; 8]
    );
    let boundary = "arn:aws:iam::000000000000:policy/boundary";
    project_stack(&[("PermissionsBoundaryArn", boundary)]).unwrap();
}

/// A template with a queue, a function and an event source mapping; `role` is part of the function's role.
fn stack_with_event_source(
    role: &str,
    more: &str,
) -> std::result::Result<StackSpec, TemplateError> {
    let text = format!(
        "Resources:
  Jobs: {{Type: AWS::SQS::Queue}}
  Role: {{Type: AWS::IAM::Role, Properties: {{AssumeRolePolicyDocument: {{}}, {role}}}}}
  Worker:
    Type: AWS::Lambda::Function
    Properties: {{Runtime: provided.al2023, Handler: worker, Code: {{}}, Role: !GetAtt Role.Arn}}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {{EventSourceArn: !GetAtt Jobs.Arn, FunctionName: !Ref Worker}}
{more}"
    );
    resolve("t.yaml", &text, &inputs())
}

#[test]
fn an_event_source_mapping_requires_a_role_that_allows_polling() {
    let statement = |actions: &str| {
        format!(
            "Policies: [{{PolicyName: p, PolicyDocument: {{Statement: [{{Effect: Allow, Action: [{actions}], Resource: '*'}}]}}}}]"
        )
    };
    let all = "sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes";
    assert_eq!(
        stack_with_event_source(&statement(all), "")
            .unwrap()
            .event_sources
            .len(),
        1
    );
    let error = stack_with_event_source(&statement("sqs:ReceiveMessage"), "").unwrap_err();
    assert!(
        error.problem.contains("does not allow sqs:DeleteMessage"),
        "{error}"
    );
    // Grants from elsewhere are not read, so such a role is unknown and nothing is rejected.
    let managed = "ManagedPolicyArns: [arn:aws:iam::aws:policy/AmazonSQSFullAccess]";
    assert_eq!(
        stack_with_event_source(managed, "").unwrap().functions[0].grants,
        None
    );
    let policy = "  Policy: {Type: AWS::IAM::Policy, Properties: {PolicyName: p, Roles: [!Ref Role], PolicyDocument: {}}}";
    assert_eq!(
        stack_with_event_source("Path: /", policy)
            .unwrap()
            .functions[0]
            .grants,
        None
    );
}

#[test]
fn a_deny_statement_is_rejected() {
    let deny = "Policies: [{PolicyName: p, PolicyDocument: {Statement: [{Effect: Deny, Action: 'sqs:*', Resource: '*'}]}}]";
    let error = stack_with_event_source(deny, "").unwrap_err();
    assert!(error.problem.contains("Effect"), "{error}");
}

#[test]
fn only_functions_that_verify_tokens_may_read_the_token_secret() {
    assert_eq!(
        generated_secrets("template.yaml", TEMPLATE).unwrap(),
        ["TokenSecret"]
    );
    let spec = project_stack(&[]).unwrap();
    let has_value = |f: &Function| f.environment.values().any(|value| value.contains("s3cret"));
    assert!(!spec.functions.iter().any(has_value));
    let arn = &spec.secrets[0].arn;
    let read = need("secretsmanager:GetSecretValue", arn);
    let allowed = allowed_by_each_role(&spec, &read);
    let readers = spec.functions.iter().zip(allowed).filter(|(_, may)| *may);
    let names: Vec<_> = readers.map(|(f, _)| &f.handler).collect();
    assert_eq!(names, ["authorize", "message"]);
    let authorize = function(&spec, "longhaul-authorize");
    assert_eq!(&authorize.environment["TOKEN_SECRET_ARN"], arn);
}

#[test]
fn the_worker_may_invoke_only_the_configured_model_and_agent() {
    let bedrock = "arn:aws:bedrock:us-east-1";
    let model = need(
        "bedrock:InvokeModelWithResponseStream",
        &format!("{bedrock}::foundation-model/m"),
    );
    let guardrail = need(
        "bedrock:ApplyGuardrail",
        &format!("{bedrock}:000000000000:guardrail/g"),
    );
    let runtime = "arn:aws:bedrock-agentcore:us-east-1:000000000000:runtime/r";
    let agent = need("bedrock-agentcore:InvokeAgentRuntime", runtime);
    let count = |spec: &StackSpec| {
        [&model, &guardrail, &agent].map(|need| {
            allowed_by_each_role(spec, need)
                .into_iter()
                .filter(|it| *it)
                .count()
        })
    };
    let kinds = |spec: &StackSpec| function(spec, "longhaul-message").environment["KINDS"].clone();
    let none = project_stack(&[("ChatGuardrailId", "g")]).unwrap();
    assert_eq!((count(&none), kinds(&none)), ([0, 0, 0], "voice".into()));
    let by_model = project_stack(&[("ChatModelId", "m"), ("ChatGuardrailId", "g")]).unwrap();
    assert_eq!(
        (count(&by_model), kinds(&by_model)),
        ([1, 1, 0], "chat,voice".into())
    );
    let others =
        format!("{bedrock}:000000000000:inference-profile/m,{bedrock}::foundation-model/n");
    let profile = project_stack(&[("ChatModelId", "m"), ("ChatModelArns", &others)]).unwrap();
    assert_eq!(count(&profile), [0, 0, 0]);
    for arn in others.split(',') {
        let need = need("bedrock:InvokeModelWithResponseStream", arn);
        assert!(allowed_by_each_role(&profile, &need)[7], "{arn}");
    }
    let by_agent = project_stack(&[("ChatAgentRuntimeArn", runtime)]).unwrap();
    assert_eq!(
        (count(&by_agent), kinds(&by_agent)),
        ([0, 0, 1], "chat,voice".into())
    );
    let both =
        project_stack(&[("ChatAgentRuntimeArn", runtime), ("ChatModelId", "m")]).unwrap_err();
    assert!(both.problem.contains("both set"), "{}", both.problem);
}
