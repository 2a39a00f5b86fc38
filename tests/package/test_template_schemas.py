"""cfn-lint, as scripts/check runs it, checks the template against the schemas of AWS's resources, which it carries: each
fault of a sort that only a schema knows is found."""

import json
import subprocess

import pytest

from conftest import ROOT

LINT = ROOT / ".tools/python/bin/cfn-lint"
# A line of the template, what it becomes, and what a schema says about that.
FAULTS = {
    "no such property": ("      ReceiveMessageWaitTimeSeconds: 20", "      ReceiveMessageWaitSeconds: 20", "E3002"),
    "a missing property": ("      StageName: !Ref Stage\n", "", "E3003"),
    "another type": ("      AutoDeploy: true", "      AutoDeploy: [true]", "E3012"),
    "a value that is not listed": ("      BillingMode: PAY_PER_REQUEST", "      BillingMode: PAY_AS_YOU_GO", "E3030"),
    "a number that is too large": ("      MessageRetentionPeriod: 1209600", "      MessageRetentionPeriod: 1209601", "E3034"),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The rules that the template breaks with all of these faults; without them it breaks none (scripts/check)."""
    assert LINT.exists(), "scripts/check installs cfn-lint; run it first"
    text = (ROOT / "cloudformation/template.yaml").read_text()
    for line, wrong, _ in FAULTS.values():
        assert line in text, line
        text = text.replace(line, wrong, 1)
    template = tmp_path_factory.mktemp("template") / "template.yaml"
    template.write_text(text)
    ended = subprocess.run([LINT, "--format", "json", template], cwd=ROOT, capture_output=True, text=True, timeout=600)
    return {match["Rule"]["Id"] for match in json.loads(ended.stdout)}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_only_a_schema_knows_is_found(found, fault):
    assert FAULTS[fault][2] in found
