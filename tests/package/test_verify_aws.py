"""scripts/verify-aws against MiniStack: the steps that an emulator can do, an interruption, and what it must not touch.

What MiniStack can't do is in `LEFT_OUT`.
"""

import json
import re
import signal
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import boto3
import pytest

from conftest import HOST, PACKAGES, ROOT, run
from ministack import MAX_WAIT

LEFT_OUT = {
    "shift": "it has no CodeDeploy: an alias moves at once",
    "write-units": "its CloudWatch has no metrics of DynamoDB",
    "bill": "its CloudWatch has no metrics of DynamoDB, SQS and API Gateway",
}
STEPS = [line.split()[0] for line in subprocess.run([ROOT / "scripts/verify-aws", "--plan"], capture_output=True, text=True).stdout.splitlines()][:-1]


@pytest.fixture(scope="module")
def environment(ministack):
    return ministack.adapted()[1]


@pytest.fixture
def options(ministack, tmp_path):
    """What every run is given: short leases, so that crashed jobs are soon taken over."""
    given = ["--template", str(ministack.adapted()[0]), "--packages", str(PACKAGES / HOST), "--state", str(tmp_path / "state")]
    return [*given, "--parameter", "LeaseSeconds=5", "--jobs", "20"]


def without(*steps):
    return [word for step in steps for word in ("--without", step)]


def client(service, environment):
    place = {"endpoint_url": environment["AWS_ENDPOINT_URL"], "region_name": "eu-west-1"}
    return boto3.client(service, **place, aws_access_key_id="emulated", aws_secret_access_key="emulated")


def what_is_there(environment):
    """Stacks, tables, buckets and log groups of a verification."""
    stacks = client("cloudformation", environment).describe_stacks()["Stacks"]
    found = [stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"]
    found += client("dynamodb", environment).list_tables()["TableNames"]
    found += [entry["Name"] for entry in client("s3", environment).list_buckets()["Buckets"]]
    found += [group["logGroupName"] for group in client("logs", environment).describe_log_groups()["logGroups"]]
    return [name for name in found if "longhaul-verify-" in name]


def test_the_plan_is_below_its_limit(environment):
    code, said = run("verify-aws", environment, "--plan")
    assert code == 0, said
    dollars = float(re.search(r"^total .* ([0-9.]+) USD$", said, re.MULTILINE)[1])
    assert 0 < dollars < 5 and len(STEPS) == 15
    code, said = run("verify-aws", environment, "--jobs", "100000")
    assert code == 2 and "more than the limit of 5.00 USD" in said


def test_a_stack_is_verified_and_removed(environment, options, tmp_path):
    code, said = run("verify-aws", environment, *options, *without(*LEFT_OUT), "--report", str(tmp_path / "report"))
    assert code == 0, said
    (report,) = (tmp_path / "report").iterdir()
    text = report.read_text()
    outcomes = dict(re.findall(r"^\| ([a-z-]+) \| [^|]+ \| ([a-z ]+) \| ", text, re.MULTILINE))
    outcomes.pop("step")
    assert outcomes == {step: "left out" if step in LEFT_OUT else "passed" for step in STEPS}
    assert "| **not AWS** |" in text and "not every step passed" in text
    assert what_is_there(environment) == []
    assert not (tmp_path / "state/state.json").exists()


def test_on_moto_a_stack_is_deployed_and_removed(emulator, template, tmp_path):
    # It has no WebSocket APIs, so no other step can run. It takes every value of DeletionProtection for true, and would
    # delete the tables with their stack.
    unprotected = tmp_path / "template.yaml"
    text = Path(template).read_text()
    unprotected.write_text(re.sub(r"      DeletionProtectionEnabled: .*\n", "", text))
    given = ["--template", str(unprotected), "--packages", str(PACKAGES / HOST), "--state", str(tmp_path / "state")]
    given += ["--report", str(tmp_path / "report")]
    code, said = run("verify-aws", emulator, *given, *without(*(step for step in STEPS if step not in ("deploy", "destroy"))))
    assert code == 0, said
    assert client("dynamodb", emulator).list_tables()["TableNames"] == []
    assert client("s3", emulator).list_buckets()["Buckets"] == []


def test_an_interrupted_run_says_what_is_left_and_resumes(environment, options, tmp_path):
    left_out = without(*(step for step in STEPS if step not in ("deploy", "smoke", "destroy")))
    with open(tmp_path / "first.log", "w") as log:
        first = subprocess.Popen([ROOT / "scripts/verify-aws", *options, *left_out], env=environment, cwd=ROOT, stdout=log, stderr=log)
    end = time.monotonic() + MAX_WAIT
    while "== smoke" not in (tmp_path / "first.log").read_text():
        assert first.poll() is None and time.monotonic() < end, (tmp_path / "first.log").read_text()
        time.sleep(0.1)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=MAX_WAIT) == 3
    said = (tmp_path / "first.log").read_text()
    state = json.loads((tmp_path / "state/state.json").read_text())
    assert f"Not removed: the stack {state['stack']}" in said
    assert f"Remove: scripts/verify-aws --state {tmp_path / 'state'} --clean" in said
    assert state["stack"] in what_is_there(environment)

    code, said = run("verify-aws", environment, *options, *left_out)
    assert code == 0, said
    assert "== deploy: passed in an earlier run" in said
    assert what_is_there(environment) == []


@pytest.fixture
def stack(environment):
    """A small stack under a name as a verification has it."""
    name = f"longhaul-verify-{int(time.monotonic() * 1000) % 1_000_000:06d}"
    cloudformation = client("cloudformation", environment)
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    made = cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    yield made["StackId"]
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def noted(folder, stack, **values):
    """The state of a verification that was stopped."""
    name = stack.split("/")[1]
    folder.mkdir()
    now = datetime.now(timezone.utc)
    state = {"account": "000000000000", "region": "eu-west-1", "stack": name, "code_bucket": f"{name}-code", "started": now.isoformat()}
    (folder / "state.json").write_text(json.dumps(state | values))
    return ["--state", str(folder)]


@pytest.mark.parametrize("noted_id", ["another", "none"])
def test_it_deletes_no_stack_that_it_did_not_make(environment, stack, tmp_path, noted_id):
    # Noted is the id of an earlier stack of this name, or a time after this one was made.
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    values = {"stack_id": stack[:-1] + "x"} if noted_id == "another" else {"unused_at": later.isoformat()}
    code, said = run("verify-aws", environment, *noted(tmp_path / "state", stack, **values), "--clean")
    assert code == 3 and "was not made by this verification; nothing is deleted" in said, said
    assert stack.split("/")[1] in what_is_there(environment)


def test_it_removes_the_stack_that_it_made(environment, stack, tmp_path):
    code, said = run("verify-aws", environment, *noted(tmp_path / "state", stack, stack_id=stack), "--clean")
    assert code == 0, said
    assert stack.split("/")[1] not in what_is_there(environment)
    code, said = run("verify-aws", environment, "--state", str(tmp_path / "state"), "--clean")
    assert code == 0 and "Nothing to remove" in said


def test_it_uses_no_name_that_is_taken(environment, options, stack, tmp_path):
    noted(tmp_path / "state", stack)
    code, said = run("verify-aws", environment, *options)
    assert code == 2 and f"the name is not free: the stack {stack.split('/')[1]}" in said, said


def test_the_readme_says_whether_it_was_verified_on_aws():
    reports = [path.read_text() for path in (ROOT / "docs/verification").glob("*-*-*.md")]
    verified = any("| every step passed |" in text and "not AWS" not in text for text in reports)
    assert ("not yet verified on AWS" in (ROOT / "README.md").read_text()) != verified
