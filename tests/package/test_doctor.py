"""`longhaul doctor --aws` with the stock command line on an emulator of AWS that is not ours: the policy of a key."""

import json
import subprocess
from pathlib import Path

import boto3
import pytest

from conftest import PROGRAM

SERVICES = ["logs.eu-west-1.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com", "cloudwatch.amazonaws.com"]
ROOT_USER = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"}


@pytest.fixture(scope="module")
def stack(emulator, template):
    """A stack with a key and an alarm. The emulator makes part of it from the template."""
    place = {"endpoint_url": emulator["AWS_ENDPOINT_URL"], "region_name": "eu-west-1"}
    place |= {"aws_access_key_id": "emulated", "aws_secret_access_key": "emulated"}
    client = lambda service: boto3.client(service, **place)
    client("s3").create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for name in ["handlers", "worker"]:
        client("s3").put_object(Bucket="code", Key=f"{name}.zip", Body=b"not run there")
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    values = {"CodeBucket": "code", "KmsKeyArn": key, "AlarmEmail": "on-call@example.com", "AccessLogs": "none"}
    client("cloudformation").create_stack(
        StackName="longhaul",
        TemplateBody=Path(template).read_text(),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    )
    # The emulator makes no alarms and no keys of functions from a template.
    topic = client("sns").create_topic(Name="longhaul-alarms")["TopicArn"]
    client("cloudwatch").put_metric_alarm(
        AlarmName="longhaul-dead-letters", AlarmActions=[topic], Namespace="AWS/SQS", MetricName="x", Period=60,
        EvaluationPeriods=1, Threshold=0, ComparisonOperator="GreaterThanThreshold", Statistic="Sum",
    )
    made = client("lambda").get_function_configuration(FunctionName="longhaul-worker")
    client("lambda").delete_function(FunctionName="longhaul-worker")
    alike = {name: made[name] for name in ["FunctionName", "Runtime", "Role", "Handler", "Timeout", "MemorySize"]}
    client("lambda").create_function(**alike, Code={"S3Bucket": "code", "S3Key": "worker.zip"}, KMSKeyArn=key)
    return client, key


def finding(environment, check):
    command = [PROGRAM, "doctor", "--aws", "--json"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    checks = {one["check"]: one for one in json.loads(ended.stdout)["checks"]}
    assert check in checks, checks
    return checks[check]


def test_a_service_that_the_key_does_not_let_in_is_named(stack, emulator):
    client, key = stack
    for missing in [*SERVICES, None]:
        allowed = [service for service in SERVICES if service != missing]
        use = {"Effect": "Allow", "Principal": {"Service": allowed}, "Action": ["kms:Decrypt", "kms:GenerateDataKey*"]}
        policy = {"Version": "2012-10-17", "Statement": [ROOT_USER, use | {"Resource": "*"}]}
        client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
        found = finding(emulator, "policy of the key")
        if missing:
            assert found["verdict"] == "failed" and found["found"] == f"it does not name {missing}", found
        else:
            assert found["verdict"] == "ok", found


def test_without_alarms_that_call_somebody_the_key_need_not_let_cloudwatch_in(stack, emulator):
    client, key = stack
    use = {"Effect": "Allow", "Principal": {"Service": SERVICES[:3]}, "Action": "kms:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [ROOT_USER, use]}
    client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    assert finding(emulator, "policy of the key")["verdict"] == "failed"
    client("cloudwatch").delete_alarms(AlarmNames=["longhaul-dead-letters"])
    assert finding(emulator, "policy of the key")["verdict"] == "ok"


def test_the_checks_by_the_command_line_have_answers(stack, emulator):
    assert finding(emulator, "worker")["verdict"] == "ok"
    assert finding(emulator, "schedule")["verdict"] == "ok"
