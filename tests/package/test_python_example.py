"""The analysis in Python as examples/python/deploy deploys it: its package, the function that it makes on an emulator of AWS
(moto), and a job that the packaged worker runs there, as Lambda starts it in a runtime that has Python."""

import json
import shutil
import subprocess
import sys
import zipfile

import boto3
import pytest

from conftest import HOST, MAX_WAIT, PACKAGES, PROGRAM, ROOT, aws
from test_elsewhere import Elsewhere

WORKER = PROGRAM.parent / "examples/python"
TARGET = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}[HOST]
SCRIPTS = ["text_statistics.py", "longhaul.py"]
# In the packaged script alone, so that an answer shows which script ran.
MARK = "letters in a package"


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder as scripts/package makes it, with the program that the tests have built."""
    folder = tmp_path_factory.mktemp("packages") / HOST
    folder.mkdir()
    shutil.copy(PACKAGES / HOST / "handlers.zip", folder)
    scripts = tmp_path_factory.mktemp("scripts")
    for name in SCRIPTS:
        text = (ROOT / "examples/python" / name).read_text()
        (scripts / name).write_text(text.replace("letters on average", MARK))
    command = [sys.executable, ROOT / "scripts/pack.py", "longhaul-analyses,longhaul-program", TARGET, WORKER, folder / "worker.zip"]
    subprocess.run([*command, *(scripts / name for name in SCRIPTS)], cwd=ROOT, check=True, timeout=MAX_WAIT)
    return folder


@pytest.fixture(scope="module")
def stack(emulator, template, packages):
    """What the one command prints."""
    command = [ROOT / "examples/python/deploy", "--yes", "--no-smoke", "--template", template, "--parameter", "LeaseSeconds=3"]
    environment = emulator | {"PACKAGES": str(packages)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=MAX_WAIT * 5)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_package_has_the_scripts_beside_the_program(packages):
    with zipfile.ZipFile(packages / "worker.zip") as package:
        entries = {entry.filename: oct(entry.external_attr >> 16) for entry in package.infolist()}
        assert {entry.date_time for entry in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        sbom = json.loads(package.read("sbom.cdx.json"))
    assert entries == {"bootstrap": "0o100755", "sbom.cdx.json": "0o100644"} | dict.fromkeys(SCRIPTS, "0o100644")
    assert sbom["metadata"]["component"]["name"] == "longhaul-analyses"
    assert {"longhaul-program", "longhaul-worker"} <= {component["name"] for component in sbom["components"]}


def test_only_the_worker_has_the_runtime_of_python(stack, emulator):
    listed = aws(emulator, "lambda", "list-functions")["Functions"]
    runtimes = {function["FunctionName"].removeprefix("longhaul-"): function["Runtime"] for function in listed}
    assert runtimes.pop("worker") == "python3.13" and set(runtimes.values()) == {"provided.al2023"}
    variables = {function["FunctionName"]: function["Environment"]["Variables"] for function in listed}
    assert variables["longhaul-worker"]["AWS_LAMBDA_EXEC_WRAPPER"] == "/var/task/bootstrap"
    assert "text_statistics" in variables["longhaul-message"]["KINDS"].split(",")


def test_a_job_is_answered_by_the_packaged_script(stack, emulator, packages, tmp_path):
    for name in ["handlers", "worker"]:
        with zipfile.ZipFile(packages / f"{name}.zip") as package:
            package.extractall(tmp_path / name)
        (tmp_path / name / "bootstrap").chmod(0o755)
    place = {"endpoint_url": emulator["AWS_ENDPOINT_URL"], "region_name": "eu-west-1"}
    place |= {"aws_access_key_id": "emulated", "aws_secret_access_key": "emulated"}
    host = Elsewhere(emulator, place, tmp_path)
    try:
        alice = host.client("alice")
        asked = {"action": "query", "kind": "text_statistics", "query": "one three five"}
        assert alice.ask(asked) is None
        events = alice.until("job_completed")
        assert events[-1]["result"]["response"].startswith(f"3 words, of 4.00 {MARK}")
        assert "Measuring words" in [event.get("message") for event in events]
    finally:
        host.stop()
