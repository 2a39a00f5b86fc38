"""Every block of commands of every page, pasted in order as a reader would; the runbook's have tests of their own.

A block that can't run here says why, in a comment above it that tests/conformance/page_blocks.py describes; NOT_RUN counts
them, so that one more is a decision.

Run by hand:  pytest tests/conformance/test_pages.py   (after cargo test --workspace --no-run)
"""

import json
import subprocess

import pytest
from websockets.sync.client import connect

from cloud import ROOT
from page_blocks import MAX_WAIT, Terminal, blocks

BY_OTHER_TESTS = {"docs/RUNBOOK.md": "test_runbook.py"}
# They say that an embedded cloud runs.
ON_A_RUNNING_CLOUD = ["docs/operations.md", "docs/testing.md", "docs/topics-and-messages.md", "examples/python_client/README.md"]
BY_THEMSELVES = ["README.md", "docs/analyses.md", "docs/getting-started.md", "docs/install.md"]
NOT_RUN = {
    "CONTRIBUTING.md": 1,
    "bench/README.md": 1,
    "docs/RUNBOOK.md": 9,
    "docs/analyses.md": 1,
    "docs/console.md": 1,
    "docs/deploy.md": 3,
    "docs/getting-started.md": 2,
    "docs/identity/auth0.md": 1,
    "docs/identity/cognito.md": 2,
    "docs/identity/entra.md": 1,
    "docs/identity/keycloak.md": 1,
    "docs/identity/okta.md": 1,
    "docs/install.md": 3,
    "docs/testing.md": 1,
    "examples/python_client/README.md": 1,
    "examples/typescript/README.md": 1,
    "web/client/README.md": 1,
}


@pytest.fixture
def terminal(tmp_path):
    opened = Terminal(tmp_path)
    yield opened
    opened.stop()


def pages():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "*.md"], capture_output=True, text=True, check=True)
    return {page: blocks(page) for page in listed.stdout.splitlines()}


def test_every_block_is_run_or_says_why():
    found = {page: blocks for page, blocks in pages().items() if blocks}
    counts = {page: sum(block.reason is not None for block in blocks) for page, blocks in found.items()}
    assert {page: count for page, count in counts.items() if count} == NOT_RUN
    to_run = {page for page, blocks in found.items() if any(block.reason is None for block in blocks)}
    assert to_run == {*BY_OTHER_TESTS, *ON_A_RUNNING_CLOUD, *BY_THEMSELVES}


def test_the_readme(terminal):
    (printed,) = terminal.read("README.md")
    assert "S3" in printed and printed.endswith("READY\n")


def test_getting_started(terminal):
    first, several, ready, again = terminal.read("docs/getting-started.md")
    assert "USD" in first and several.count("USD") >= 2 and ready.endswith("READY\n")
    assert first.count("**") == again.count("**") / 2, "the job's answer is printed when it ends and when it is followed"


def test_install(terminal):
    printed, _ = terminal.read("docs/install.md")
    assert printed.startswith("longhaul ")
    written = [terminal.folder / path for path in ["longhaul.bash", "man/man1/longhaul-up.1"]]
    assert all(path.read_text() for path in written)


def test_analyses(terminal):
    _, counted, measured = terminal.read("docs/analyses.md")
    words = len((ROOT / "README.md").read_text().split())
    assert f"{words} words in 1 objects" in counted
    assert "3 words, of 4.00 letters on average" in measured


def submit(terminal, user):
    """A job of this user that fails, whose dead letter has arrived; its id."""
    token = subprocess.run(["longhaul", "token", "--user", user], cwd=terminal.folder, env=terminal.environment,
                           capture_output=True, text=True, check=True, timeout=MAX_WAIT).stdout.strip()
    with connect(f"ws://{terminal.addresses['localhost:3001']}?token={token}") as socket:
        socket.send(json.dumps({"action": "query", "kind": "noop", "query": "fails", "params": {"fail": "retry"}}))
        while True:
            frame = json.loads(socket.recv(timeout=MAX_WAIT))
            if frame["type"] == "job_failed":
                break
    # It leaves the open jobs after its dead letter is sent.
    while frame["jobId"] in terminal.paste("longhaul jobs list --json || test $? = 3"):
        pass
    return frame["jobId"]


def test_operations(terminal):
    terminal.start("longhaul up --parameter MaxAttempts=1")
    job = submit(terminal, "alice")
    submit(terminal, "bob")
    terminal.paste(f"JOB={job}")
    rows, services, objects, dead_letters = terminal.read("docs/operations.md")
    assert job in rows and "Signature=" in objects
    assert "arn:aws:sts:" in services or "arn:aws:iam:" in services
    assert job in dead_letters


def test_testing(terminal):
    terminal.start("longhaul up")
    (printed,) = terminal.read("docs/testing.md")
    assert "UpdateItem" in printed


def test_topics(terminal):
    terminal.start("longhaul up")
    (printed,) = terminal.read("docs/topics-and-messages.md")
    assert "MessageId" in printed and "EventId" in printed


def test_the_client_in_python(terminal):
    terminal.start("longhaul up")
    (printed,) = terminal.read("examples/python_client/README.md")
    assert json.loads(printed.splitlines()[-1])["type"] == "job_completed"


def test_every_example_is_in_the_index():
    index = (ROOT / "examples/README.md").read_text()
    folders = [path.name for path in (ROOT / "examples").iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert [name for name in folders if f"]({name}/" not in index] == []
    starters = [path.name for path in (ROOT / "web/client/starters").iterdir() if path.is_dir()]
    assert [name for name in starters if f"](../web/client/starters/{name})" not in index] == []
