"""scripts/deploy and scripts/destroy on a stack in each state that CloudFormation knows, on an emulator that is not ours.

Moto never fails a creation or an update, so its stacks are put into their states from outside (moto_in_states.py). The
packages are no packages, which moto does not look into.
"""

import json
import os
import socket
import subprocess

import pytest

from conftest import ROOT, aws, run

SMALL = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "small"}}}})
# What scripts/deploy advises for each state that it can't deploy to; all states that the API reference lists are here or below.
REFUSED = {
    "CREATE_FAILED": "run scripts/destroy --stack small",
    "ROLLBACK_COMPLETE": "run scripts/destroy --stack small",
    "ROLLBACK_FAILED": "run scripts/destroy --stack small",
    "DELETE_FAILED": "run scripts/destroy --stack small",
    "UPDATE_FAILED": "aws cloudformation rollback-stack --stack-name small",
    "UPDATE_ROLLBACK_FAILED": "aws cloudformation continue-update-rollback --stack-name small",
    "IMPORT_ROLLBACK_FAILED": "AWS Support",
    "CREATE_IN_PROGRESS": "wait until that has ended",
    "ROLLBACK_IN_PROGRESS": "wait until that has ended",
    "DELETE_IN_PROGRESS": "wait until that has ended",
    "UPDATE_IN_PROGRESS": "wait until that has ended",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "wait until that has ended",
    "UPDATE_ROLLBACK_IN_PROGRESS": "wait until that has ended",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "wait until that has ended",
    "IMPORT_IN_PROGRESS": "wait until that has ended",
    "IMPORT_ROLLBACK_IN_PROGRESS": "wait until that has ended",
}
ENDED = ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"]
FAILED = [status for status in REFUSED if status.endswith("FAILED") or status == "ROLLBACK_COMPLETE"]
CHANGING = [status for status in REFUSED if status.endswith("IN_PROGRESS") and status != "DELETE_IN_PROGRESS"]


class Emulator:
    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.log = open(folder / "server.log", "wb")
        command = [ROOT / ".tools/moto/bin/python", ROOT / "tests/package/moto_in_states.py", str(port)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.log, "text": True}
        self.server = subprocess.Popen(command, **pipes)
        assert self.server.stdout.readline() == "ready\n"
        (folder / "config").write_text("[default]\ns3 =\n    addressing_style = path\n")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LONGHAUL"))}
        self.environment = clean | {
            # By this name: moto finds a template's bucket in an address of that form only, if it is in the path.
            "AWS_ENDPOINT_URL": f"http://localhost:{port}",
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_ACCESS_KEY_ID": "emulated",
            "AWS_SECRET_ACCESS_KEY": "emulated",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }

    def put_into(self, stack, status):
        self.server.stdin.write(f"{stack} {status}\n")
        self.server.stdin.flush()
        assert self.server.stdout.readline() == "set\n"

    def aws(self, *arguments):
        return aws(self.environment, *arguments)

    def statuses(self):
        """The status of each stack that is not deleted, by name."""
        return {stack["StackName"]: stack["StackStatus"] for stack in self.aws("cloudformation", "describe-stacks")["Stacks"]}

    def parameters(self, stack):
        described = self.aws("cloudformation", "describe-stacks", "--stack-name", stack)["Stacks"][0]
        return {entry["ParameterKey"]: entry["ParameterValue"] for entry in described["Parameters"]}

    def create_small(self):
        self.aws("cloudformation", "create-stack", "--stack-name", "small", "--template-body", SMALL)

    def stop(self):
        self.server.stdin.close()
        self.server.wait(timeout=30)
        self.log.close()


@pytest.fixture
def emulator(tmp_path):
    emulator = Emulator(tmp_path)
    yield emulator
    emulator.stop()


@pytest.fixture
def deploy(emulator, template, tmp_path):
    packages = tmp_path / "x86_64"
    packages.mkdir()
    for name in ["handlers", "worker"]:
        (packages / f"{name}.zip").write_bytes(b"not run there")

    def deploy(stack, *options):
        given = ["--template", template, "--packages", str(packages), "--stack", stack, "--no-smoke", "--yes", *options]
        return run("deploy", emulator.environment, *given)

    return deploy


def test_deploy_says_what_to_do_about_a_stack_that_it_can_not_change(emulator, deploy):
    emulator.create_small()
    for status, advice in REFUSED.items():
        emulator.put_into("small", status)
        code, said = deploy("small")
        assert (code, status in said, advice in said) == (2, True, True), said
        assert emulator.statuses() == {"small": status}
    assert emulator.aws("s3api", "list-buckets")["Buckets"] == []


def test_deploy_takes_a_stack_that_has_ended(emulator, deploy):
    code, said = deploy("longhaul")
    assert code == 0, said
    for status in ENDED:
        emulator.put_into("longhaul", status)
        code, said = deploy("longhaul")
        assert code == 0 and "\nnone\n" in said, said


def test_deploy_makes_a_stack_that_was_only_planned(emulator, deploy):
    plan = ["--change-set-name", "planned", "--change-set-type", "CREATE", "--template-body", SMALL]
    emulator.aws("cloudformation", "create-change-set", "--stack-name", "longhaul", *plan)
    assert emulator.statuses() == {"longhaul": "REVIEW_IN_PROGRESS"}
    code, said = deploy("longhaul")
    assert code == 0, said
    assert "longhaul-jobs" in emulator.aws("dynamodb", "list-tables")["TableNames"]


def test_tables_are_protected_only_after_the_stack_was_made(emulator, deploy):
    code, said = deploy("longhaul")
    assert code == 0 and "== protecting the tables" in said, said
    sets = emulator.aws("cloudformation", "list-change-sets", "--stack-name", "longhaul")["Summaries"]
    protection = []
    for one in sorted(sets, key=lambda one: one["CreationTime"]):
        found = emulator.aws("cloudformation", "describe-change-set", "--change-set-name", one["ChangeSetId"])
        parameters = {entry["ParameterKey"]: entry["ParameterValue"] for entry in found["Parameters"]}
        protection.append((one["ChangeSetName"].split("-")[0], parameters["DeletionProtection"]))
    assert protection == [("release", "later"), ("protect", "true")]
    assert emulator.parameters("longhaul")["DeletionProtection"] == "true"
    # As the creation made it: moto's update of a stack does not change it.
    table = emulator.aws("dynamodb", "describe-table", "--table-name", "longhaul-jobs")["Table"]
    assert table["DeletionProtectionEnabled"] is False
    code, said = deploy("longhaul")
    assert code == 0 and "\nnone\n" in said, said


def test_a_stack_whose_protection_did_not_follow_gets_it_from_the_next_deployment(emulator, deploy):
    code, said = deploy("longhaul", "--parameter", "DeletionProtection=later")
    assert code == 0 and emulator.parameters("longhaul")["DeletionProtection"] == "later", said
    code, said = deploy("longhaul")
    assert code == 0 and emulator.parameters("longhaul")["DeletionProtection"] == "true", said
    # Who wants none has none.
    code, said = deploy("other", "--parameter", "DeletionProtection=false")
    assert code == 0 and emulator.parameters("other")["DeletionProtection"] == "false", said
    code, said = deploy("other", "--parameter", "MaxAttempts=4")
    assert code == 0 and emulator.parameters("other")["DeletionProtection"] == "false", said


def test_destroy_removes_a_stack_that_was_only_planned(emulator):
    plan = ["--change-set-name", "planned", "--change-set-type", "CREATE", "--template-body", SMALL]
    emulator.aws("cloudformation", "create-change-set", "--stack-name", "small", *plan)
    code, said = run("destroy", emulator.environment, "--stack", "small", "--yes")
    assert code == 0 and "never made" in said, said
    assert emulator.statuses() == {}


@pytest.mark.parametrize("status", [*FAILED, *ENDED, "DELETE_IN_PROGRESS"])
def test_destroy_deletes_a_stack(emulator, status):
    emulator.create_small()
    emulator.put_into("small", status)
    code, said = run("destroy", emulator.environment, "--stack", "small", "--yes")
    assert code == 0 and "The stack small is deleted." in said, said
    assert emulator.statuses() == {}


def test_destroy_leaves_a_stack_that_is_being_changed(emulator):
    emulator.create_small()
    for status in CHANGING:
        emulator.put_into("small", status)
        code, said = run("destroy", emulator.environment, "--stack", "small", "--yes")
        assert (code, status in said, "wait until that has ended" in said) == (2, True, True), said
        assert emulator.statuses() == {"small": status}


def test_destroy_knows_a_missing_stack_from_one_that_it_may_not_read(emulator):
    code, said = run("destroy", emulator.environment, "--stack", "nowhere", "--yes")
    assert code == 2 and "the stack nowhere does not exist in eu-west-1" in said, said
    unreachable = emulator.environment | {"AWS_ENDPOINT_URL_CLOUDFORMATION": "http://localhost:9", "AWS_MAX_ATTEMPTS": "1"}
    code, said = run("destroy", unreachable, "--stack", "nowhere", "--yes")
    assert code == 2 and "does not exist" not in said, said
