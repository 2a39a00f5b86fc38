//! What the reader makes of roles, and of the project's own ones.

use super::*;
use crate::permissions::RequiredPermission;

fn need(action: &str, resource: &str) -> RequiredPermission {
    RequiredPermission {
        action: action.into(),
        resource: resource.into(),
    }
}

/// Whether each function's role allows this.
fn allowed(plan: &Plan, need: &RequiredPermission) -> Vec<bool> {
    let grants = plan.functions.iter().map(|f| f.grants.as_deref().unwrap());
    let allows = |grants: &[Grant]| grants.iter().any(|grant| grant.allows(need));
    grants.map(allows).collect()
}

#[test]
fn a_key_of_the_users_is_for_every_function_to_use_and_none_without_it() {
    let arn = "arn:aws:kms:us-east-1:000000000000:key/k";
    let use_of_the_key = need("kms:Decrypt", arn);
    let keyed = own(&[("KmsKeyArn", arn)]).unwrap();
    assert_eq!(allowed(&keyed, &use_of_the_key), [true; 8]);
    let usual = own(&[]).unwrap();
    assert_eq!(allowed(&usual, &use_of_the_key), [false; 8]);
    let boundary = "arn:aws:iam::000000000000:policy/boundary";
    own(&[("PermissionsBoundaryArn", boundary)]).unwrap();
}

/// A template with a queue, a function and its mapping, the role's policies as given.
fn polling(role: &str, more: &str) -> std::result::Result<Plan, TemplateError> {
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
    read("t.yaml", &text, &settings())
}

#[test]
fn a_mapping_needs_a_role_that_allows_the_polling() {
    let statement = |actions: &str| {
        format!(
            "Policies: [{{PolicyName: p, PolicyDocument: {{Statement: [{{Effect: Allow, Action: [{actions}], Resource: '*'}}]}}}}]"
        )
    };
    let all = "sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes";
    assert_eq!(polling(&statement(all), "").unwrap().event_sources.len(), 1);
    let refused = polling(&statement("sqs:ReceiveMessage"), "").unwrap_err();
    assert!(
        refused.problem.contains("does not allow sqs:DeleteMessage"),
        "{refused}"
    );
    // What a role gets from elsewhere is not read, so that nothing is known of it, and nothing refused.
    let managed = "ManagedPolicyArns: [arn:aws:iam::aws:policy/AmazonSQSFullAccess]";
    assert_eq!(polling(managed, "").unwrap().functions[0].grants, None);
    let policy = "  Policy: {Type: AWS::IAM::Policy, Properties: {PolicyName: p, Roles: [!Ref Role], PolicyDocument: {}}}";
    assert_eq!(
        polling("Path: /", policy).unwrap().functions[0].grants,
        None
    );
}

#[test]
fn a_denial_is_not_passed_over() {
    let deny = "Policies: [{PolicyName: p, PolicyDocument: {Statement: [{Effect: Deny, Action: 'sqs:*', Resource: '*'}]}}]";
    let refused = polling(deny, "").unwrap_err();
    assert!(refused.problem.contains("Effect"), "{refused}");
}

#[test]
fn only_who_reads_tokens_gets_their_secret() {
    assert_eq!(secrets("template.yaml", TEMPLATE).unwrap(), ["TokenSecret"]);
    let plan = own(&[]).unwrap();
    let knows = |f: &&Function| f.environment.values().any(|value| value.contains("s3cret"));
    let names: Vec<_> = plan
        .functions
        .iter()
        .filter(knows)
        .map(|f| &f.handler)
        .collect();
    assert_eq!(names, ["authorize", "message"]);
    let authorize = function(&plan, "longhaul-authorize");
    assert_eq!(authorize.environment["LONGHAUL_JWT_SECRET"], "s3cret");
}

#[test]
fn the_worker_may_ask_the_model_and_the_agent_that_are_configured_and_no_other() {
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
    let count = |plan: &Plan| {
        [&model, &guardrail, &agent]
            .map(|need| allowed(plan, need).into_iter().filter(|it| *it).count())
    };
    let kinds = |plan: &Plan| function(plan, "longhaul-message").environment["KINDS"].clone();
    let none = own(&[("ChatGuardrailId", "g")]).unwrap();
    assert_eq!((count(&none), kinds(&none)), ([0, 0, 0], "voice".into()));
    let by_model = own(&[("ChatModelId", "m"), ("ChatGuardrailId", "g")]).unwrap();
    assert_eq!(
        (count(&by_model), kinds(&by_model)),
        ([1, 1, 0], "chat,voice".into())
    );
    let others =
        format!("{bedrock}:000000000000:inference-profile/m,{bedrock}::foundation-model/n");
    let profile = own(&[("ChatModelId", "m"), ("ChatModelArns", &others)]).unwrap();
    assert_eq!(count(&profile), [0, 0, 0]);
    for arn in others.split(',') {
        let need = need("bedrock:InvokeModelWithResponseStream", arn);
        assert!(allowed(&profile, &need)[7], "{arn}");
    }
    let by_agent = own(&[("ChatAgentRuntimeArn", runtime)]).unwrap();
    assert_eq!(
        (count(&by_agent), kinds(&by_agent)),
        ([0, 0, 1], "chat,voice".into())
    );
    let both = own(&[("ChatAgentRuntimeArn", runtime), ("ChatModelId", "m")]).unwrap_err();
    assert!(both.problem.contains("both set"), "{}", both.problem);
}
