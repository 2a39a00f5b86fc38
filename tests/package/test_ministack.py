"""The template, the scripts and the packages on MiniStack, an independent emulator that runs all of it.

What it needs changed is in `ministack.ADAPTATIONS`. What it does besides, against AWS: a release moves each alias at
once, IAM policies are not enforced, and CloudWatch has none of the metrics that AWS's services write.
"""

import re
import socket
import sys
import time

import boto3
import pytest

from conftest import HOST, PACKAGES, ROOT, aws, run
from lambda_host import MAX_WAIT
from ministack import ADAPTATIONS, without_resources
from subprotocol_proxy import head

sys.path.append(str(ROOT / "scripts"))
from verify.client import signed_token  # noqa: E402

STACK = ["--stack", "longhaul"]
# Its pollers look for messages each second.
LOG_SECONDS = 10


@pytest.fixture(scope="module")
def deploy(ministack):
    """scripts/deploy, with the adaptations."""
    template, environment = ministack.adapted()

    def deploy(*options):
        given = ["--template", str(template), "--packages", str(PACKAGES / HOST), *STACK, *options]
        return run("deploy", environment, *given)

    return deploy


def test_the_packages_run_a_job_behind_its_web_socket(deploy, ministack):
    # No role of the account writes access logs here: scripts/deploy has the stack make one.
    code, said = deploy("--yes", "--parameter", "NoopEnabled=true")
    assert code == 0, said
    assert "ran, and its end was pushed" in said


def test_every_other_resource_of_the_template_is_made(deploy, ministack):
    template, _ = ministack.adapted()
    text, _ = without_resources(template.read_text(), lambda resource: "    Condition: HasAlarmEmail\n" in resource)
    wanted = sorted(re.findall(r"^    Type: (AWS::.+)$", text, re.MULTILINE))
    listed = aws(ministack.environment, "cloudformation", "list-stack-resources", "--stack-name", "longhaul")
    made = listed["StackResourceSummaries"]
    assert {resource["ResourceStatus"] for resource in made} <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    assert sorted(resource["ResourceType"] for resource in made) == wanted


def test_the_same_again_changes_nothing(deploy):
    code, said = deploy("--yes")
    assert code == 0 and "\nnone\n" in said, said


def parameters(environment):
    stack = aws(environment, "cloudformation", "describe-stacks", "--stack-name", "longhaul")["Stacks"][0]
    return {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack["Parameters"]}


def test_a_release_that_does_not_work_is_rolled_back(deploy, ministack):
    before = parameters(ministack.environment)
    # Nobody on this machine is in that network.
    code, said = deploy("--yes", "--parameter", "AllowedNetworks=192.0.2.0/24")
    assert code == 1 and "the stack is back at the previous release, which passes it" in said, said
    assert parameters(ministack.environment) == before | {"TrafficShift": "LambdaAllAtOnce"}


class Probe:
    """A deployment without one adaptation."""

    def __init__(self, ministack, adaptation):
        self.ministack, self.adaptation = ministack, adaptation
        self.template, self.environment = ministack.adapted(left_out=adaptation.name)
        self.stack = f"without-{ADAPTATIONS.index(adaptation)}"

    def script(self):
        given = ["--template", str(self.template), "--packages", str(PACKAGES / HOST), "--stack", self.stack]
        return run("deploy", self.environment, *given, "--no-smoke", "--yes")[1]

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name="eu-west-1",
            aws_access_key_id="emulated",
            aws_secret_access_key="emulated",
        )

    def stack_of_template(self):
        """Why the stack could not be made, or the addresses that it has."""
        cloudformation, s3 = self.client("cloudformation"), self.client("s3")
        bucket = "longhaul-code-000000000000-eu-west-1"
        s3.upload_file(str(self.template), bucket, f"{self.stack}.yaml")
        keys = sorted(entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"] if entry["Key"].endswith(".zip"))
        values = {"ProjectName": self.stack, "CodeBucket": bucket, "HandlersKey": keys[0], "WorkerKey": keys[-1]}
        values |= {"AccessLogs": "none", "Architecture": HOST, "DeletionProtection": "false"}
        try:
            cloudformation.create_stack(
                StackName=self.stack,
                TemplateURL=f"https://s3.eu-west-1.amazonaws.com/{bucket}/{self.stack}.yaml",
                Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
                Capabilities=["CAPABILITY_IAM"],
                OnFailure="DO_NOTHING",
            )
            cloudformation.get_waiter("stack_create_complete").wait(
                StackName=self.stack, WaiterConfig={"Delay": 1, "MaxAttempts": MAX_WAIT}
            )
        except cloudformation.exceptions.ClientError as error:
            return str(error)
        except Exception:  # the waiter's: the stack failed
            events = cloudformation.describe_stack_events(StackName=self.stack)["StackEvents"]
            return "\n".join(event.get("ResourceStatusReason", "") for event in events)
        return self.stack_as_it_is()

    def stack_as_it_is(self):
        """What the stack is where adaptations change it: addresses, what the authorizer wants, the handshake."""
        outputs = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"][0]["Outputs"]
        url = {entry["OutputKey"]: entry["OutputValue"] for entry in outputs}["WebSocketUrl"]
        worker = self.client("lambda").get_function_configuration(FunctionName=f"{self.stack}-worker")
        endpoint = worker["Environment"]["Variables"]["CONNECTIONS_ENDPOINT"]
        gateway = self.client("apigatewayv2")
        api = next(one["ApiId"] for one in gateway.get_apis()["Items"] if one["Name"] == self.stack)
        identity = gateway.get_authorizers(ApiId=api)["Items"][0]["IdentitySource"]
        lines = [f"WebSocketUrl={url}", f"CONNECTIONS_ENDPOINT={endpoint}", f"IdentitySource={identity}"]
        return "\n".join([*lines, f"handshake={self.handshake(api)}"])

    def handshake(self, api):
        """The head of MiniStack's own answer to a client that offers the subprotocol, in one line."""
        secret = self.client("secretsmanager").get_secret_value(SecretId=f"{self.stack}-token-secret")["SecretString"]
        host, port = self.ministack.address.split(":")
        lines = [
            f"GET /_aws/execute-api/{api}/prod HTTP/1.1",
            f"Host: {self.ministack.address}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: longhaul.v1, {signed_token(secret, 'prober')}",
        ]
        with socket.create_connection((host, int(port)), timeout=MAX_WAIT) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            return head(connection).split(b"\r\n\r\n")[0].decode("latin-1").lower().replace("\r\n", "; ")


@pytest.mark.parametrize("adaptation", ADAPTATIONS, ids=lambda one: one.name)
def test_no_adaptation_is_needless(ministack, deploy, adaptation):
    probe, log = Probe(ministack, adaptation), ministack.folder / "server.log"
    before = log.stat().st_size
    said = probe.script() if adaptation.command else probe.stack_of_template()
    end = time.monotonic() + LOG_SECONDS
    while not re.search(adaptation.symptom, said + log.read_bytes()[before:].decode(errors="replace")):
        assert time.monotonic() < end, f"{adaptation.name} ({adaptation.reason}) may be needless now: {said}"
        time.sleep(0.1)
