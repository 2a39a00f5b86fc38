"""The batch of scripts/verify-aws on the embedded cloud: the write units that it expects from CloudWatch are those of the
wire log."""

import json
import subprocess
import sys

import pytest

from conftest import PROGRAM, ROOT, Cloud

sys.path.append(str(ROOT / "scripts"))
from verify.client import Client, signed_token  # noqa: E402
from verify.steps import batch, deploy, usage  # noqa: E402

JOBS = 200
FUNCTIONS = ("connection", "message", "worker")


@pytest.fixture
def cloud(unpacked, tmp_path):
    limits = [word for name in ("SubmitsPerSecond", "SubmitsAtOnce") for word in ("--parameter", f"{name}={deploy.PARAMETERS[name]}")]
    cloud = Cloud(tmp_path / "cloud", "--packages", str(unpacked), "--wire-log", str(tmp_path / "wire.log"), *limits)
    yield cloud
    cloud.stop()


def test_the_expected_write_units_are_those_of_the_wire_log(cloud, tmp_path):
    secret = (tmp_path / "cloud/secrets/TokenSecret").read_text().strip()
    facts = batch.run_jobs(lambda user: Client(cloud.gateway, signed_token(secret, user)), JOBS)
    assert facts["jobs"] == JOBS and facts["with a gap in seq"] == 0
    cloud.stop()
    cloud.stop = lambda: None
    lines = [json.loads(line) for line in (tmp_path / "wire.log").read_text().splitlines()]
    written = sum(line.get("writeUnits") or 0 for line in lines if line["caller"].removeprefix("longhaul-") in FUNCTIONS)

    def longhaul(*arguments):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=True)

    expected = batch.expected_write_units(longhaul, JOBS)
    assert usage.agrees(written, 0, expected), f"{written} units, and {expected} were expected"
    assert not usage.agrees(written * 1.1, 0, expected)
