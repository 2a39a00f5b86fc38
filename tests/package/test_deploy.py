"""The template and the scripts that deploy it, against an emulator of AWS that is not ours (moto's server).

moto has no WebSocket APIs, aliases and alarms. What it leaves out is listed here, so that a change is noticed.
In place of an alias's ARN it gets the function's, and the dashboard has the alarms' ids in place of ARNs. The smoke test
runs against the embedded cloud. Tests run in this order, on one stack.
"""

import re

import pytest

from conftest import HOST, PACKAGES, ROOT, aws, run, token

STACK = ["--stack", "longhaul"]
# Resources of the template that moto does not make; it reports CREATE_COMPLETE without a name.
LEFT_OUT = {
    "AWS::ApiGateway::Account",
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::RouteResponse",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Lambda::Alias",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SecretsManager::Secret",
}
MADE = {
    "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
}


def counted(kinds):
    kinds = list(kinds)
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


@pytest.fixture(scope="module")
def deploy(emulator, template):
    """scripts/deploy, with what all of these tests give it."""

    def deploy(*options, **more):
        packages = str(PACKAGES / HOST)
        given = ["--template", template, "--packages", packages, *STACK, *options]
        return run("deploy", emulator | more, *given)

    return deploy


def parameters(environment):
    stack = aws(environment, "cloudformation", "describe-stacks", "--stack-name", "longhaul")["Stacks"][0]
    return {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack["Parameters"]}


def test_nothing_is_made_unasked(deploy, emulator):
    code, said = deploy("--no-smoke")
    assert code == 3, said
    assert "creates                              JobsTable (AWS::DynamoDB::Table)" in said
    tables = aws(emulator, "dynamodb", "list-tables")["TableNames"]
    assert tables == [], said


def made(environment, stack):
    """What the emulator has made of a stack, counted by type; what it leaves out has no name."""
    listed = aws(environment, "cloudformation", "list-stack-resources", "--stack-name", stack)["StackResourceSummaries"]
    assert {resource["ResourceStatus"] for resource in listed} == {"CREATE_COMPLETE"}
    return counted(resource["ResourceType"] for resource in listed if resource.get("LogicalResourceId"))


def test_the_stock_command_line_deploys_the_template(emulator, template):
    # The packages are there since the test before.
    bucket = "longhaul-code-123456789012-eu-west-1"
    keys = [entry["Key"] for entry in aws(emulator, "s3api", "list-objects-v2", "--bucket", bucket)["Contents"]]
    handlers, worker = sorted(key for key in keys if key.endswith(".zip"))
    values = ["ProjectName=plain", f"CodeBucket={bucket}", f"HandlersKey={handlers}", f"WorkerKey={worker}"]
    place = ["--stack-name", "plain", "--template-file", template, "--s3-bucket", bucket, "--capabilities", "CAPABILITY_IAM"]
    aws(emulator, "cloudformation", "deploy", *place, "--parameter-overrides", *values)
    assert set(made(emulator, "plain")) == MADE


def test_every_resource_that_the_emulator_knows_is_made(deploy, emulator):
    code, said = deploy("--no-smoke", "--yes")
    assert code == 0, said
    shown = counted(re.findall(r"^creates +\w+ \((.+)\)$", said, re.MULTILINE))
    # Without AlarmEmail there is no topic for alarms; moto's change sets ignore conditions.
    shown["AWS::SNS::Topic"] -= 1
    assert made(emulator, "longhaul") == {kind: shown[kind] for kind in MADE}
    assert set(shown) - MADE == LEFT_OUT

    functions = aws(emulator, "lambda", "list-functions")["Functions"]
    functions = [function for function in functions if function["FunctionName"].startswith("longhaul-")]
    assert {function["FunctionName"] for function in functions} == {
        f"longhaul-{name}" for name in ["authorize", "connection", "deliver", "fanout", "message", "publish", "sweep", "worker"]
    }
    release = parameters(emulator)["Release"]
    assert {function["Environment"]["Variables"]["RELEASE"] for function in functions} == {release}
    queue = aws(emulator, "sqs", "get-queue-url", "--queue-name", "longhaul-jobs")["QueueUrl"]
    attributes = aws(emulator, "sqs", "get-queue-attributes", "--queue-url", queue, "--attribute-names", "All")
    assert "longhaul-jobs-dlq" in attributes["Attributes"]["RedrivePolicy"]


def test_the_same_again_changes_nothing(deploy, emulator):
    before = parameters(emulator)
    code, said = deploy("--no-smoke")
    assert code == 0 and "\nnone\n" in said, said
    assert parameters(emulator) == before


def test_a_release_that_works_stays(deploy, emulator, packaged):
    before = parameters(emulator)
    options = ["--yes", "--url", packaged.gateway, "--parameter", "MaxAttempts=4", "--parameter", "NoopEnabled=true"]
    code, said = deploy(*options, LONGHAUL_SMOKE_TOKEN=token(packaged))
    assert code == 0, said
    assert "ran, and its end was pushed" in said
    after = parameters(emulator)
    assert (after["MaxAttempts"], after["NoopEnabled"]) == ("4", "true")
    assert after["Release"] != before["Release"]
    assert "changes" in said and "REPLACES" not in said


def test_a_release_that_does_not_work_is_taken_back(deploy, emulator, packaged):
    before = parameters(emulator)
    options = ["--yes", "--url", packaged.gateway, "--parameter", "MaxAttempts=5"]
    code, said = deploy(*options, LONGHAUL_SMOKE_TOKEN="nobody.believes.this")
    # Asked again afterwards it still does not work, as the token is no better.
    assert code == 5, said
    assert "rolling back" in said and "which fails the test too" in said
    assert parameters(emulator) == before | {"TrafficShift": "LambdaAllAtOnce"}


def test_what_cannot_be_is_said_before_anything_changes(deploy, emulator):
    before = parameters(emulator)
    for options, sentence in [
        (["--parameter", "Nonsense=1"], "no parameter Nonsense"),
        (["--parameter", "TokenAlgorithms=RS256"], "LONGHAUL_SMOKE_TOKEN"),
        (["--packages", "nowhere"], "scripts/package first"),
        (["--nonsense"], "unknown argument"),
    ]:
        code, said = deploy("--yes", *options)
        assert code == 2 and sentence in said, said
    assert parameters(emulator) == before


def test_what_holds_data_outlives_its_stack():
    # The emulator deletes it all the same, so the template's word has to do.
    text = (ROOT / "cloudformation/template.yaml").read_text()
    held = re.findall(r"    Type: AWS::(?:DynamoDB::Table|S3::Bucket)\n(?:    .*\n){2}", text)
    assert len(held) >= 4
    for resource in held:
        assert "DeletionPolicy: RetainExceptOnCreate" in resource and "UpdateReplacePolicy: Retain" in resource


def test_a_stack_is_deleted_when_it_is_meant(emulator):
    stack = ["--stack", "plain"]
    code, said = run("destroy", emulator, *stack)
    assert code == 3 and "keeps the table plain-jobs" in said, said
    code, said = run("destroy", emulator, *stack, "--with-data", "--yes", said="plane\n")
    assert code == 3 and "DELETES the bucket plain-results-" in said, said
    tables = [name for name in aws(emulator, "dynamodb", "list-tables")["TableNames"] if name.startswith("plain-")]
    assert "plain-jobs" in tables
    for name in tables:
        # As it deletes what is to be retained, and stumbles over what is protected.
        aws(emulator, "dynamodb", "update-table", "--table-name", name, "--no-deletion-protection-enabled")
    code, said = run("destroy", emulator, *stack, "--with-data", said="plain\n")
    assert code == 0, said
    assert "plain-jobs" not in aws(emulator, "dynamodb", "list-tables")["TableNames"]
    code, said = run("destroy", emulator, *stack)
    assert code == 2, said
