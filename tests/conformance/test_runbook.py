"""The runbook's blocks, pasted into bash unchanged, on an embedded cloud with jobs of every outcome.

Each recipe is read out of docs/RUNBOOK.md, so one that is changed is tested as changed; and what it prints is compared
with the jobs, not only its exit code. Only the endpoint in a recipe is replaced.

Run by hand:  pytest tests/conformance/test_runbook.py   (after cargo build)
"""

import json
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import page_blocks
from cloud import PROGRAM, ROOT, Cloud

MAX_WAIT = 60
TENANT = "société"
# The first call is a claim: its worker dies right after it, and no sweep comes to mend that.
CLAIM = {"service": "dynamodb", "operation": "UpdateItem", "caller": "longhaul-worker", "number": 1}
DIES = CLAIM | {"effect": {"kill": "after"}}
OPTIONS = ["--tick-seconds", "3600", "--leave-leases", "--parameter", "LeaseSeconds=10"]
OPTIONS += ["--parameter", "WorkerConcurrency=2", "--parameter", "MaxAttempts=2"]


def blocks_by_heading():
    """The runbook's blocks that can run here."""
    found = {}
    for block in page_blocks.blocks("docs/RUNBOOK.md"):
        if not block.reason:
            found.setdefault(block.heading, []).append(block.text)
    return found


BLOCKS = blocks_by_heading()
RECIPES = {int(heading.split(".")[0]): found for heading, found in BLOCKS.items() if heading[0].isdigit()}


class Scene:
    """An embedded cloud, its users' sockets, and the ids of jobs by outcome."""

    def __init__(self, cloud, data):
        self.cloud, self.data, self.jobs = cloud, data, {}
        self.dynamodb = cloud.client("dynamodb")
        (local,) = BLOCKS["Runbook"]
        self.setup = local.replace("http://localhost:4566", cloud.endpoint)

    def token(self, user, *tenant):
        command = [PROGRAM, "token", "--data", self.data, "--user", user, *tenant]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=MAX_WAIT).stdout.strip()

    def socket(self, user, *tenant):
        return connect(f"{self.cloud.gateway}?token={self.token(user, *tenant)}")

    def submit(self, fate, socket, until, **params):
        socket.send(json.dumps({"action": "query", "kind": "noop", "query": fate, "params": params}))
        self.jobs[fate] = receive_until(socket, until)["jobId"]

    def stuck(self, attribute):
        """What the row of the stuck job says."""
        key = {"jobId": {"S": self.jobs["stuck"]}}
        return self.dynamodb.get_item(TableName="longhaul-jobs", Key=key)["Item"][attribute]["S"]

    def paste(self, block, **variables):
        """A block after the one that the runbook has pasted first: what bash ended with and printed."""
        known = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        # The tools beside this Python, and no settings of the caller.
        known |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "AWS_CONFIG_FILE": os.devnull}
        environment = known | variables
        command = ["bash", "-c", self.setup + block]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=MAX_WAIT)

    def says(self, block, **variables):
        done = self.paste(block, **variables)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def recipe(self, number, **variables):
        (block,) = RECIPES[number]
        return self.says(block, **variables)

    def rows(self, number, **variables):
        """The words of each line."""
        return [line.split() for line in self.recipe(number, **variables).splitlines()]

    def item(self, number, **variables):
        """The attributes of the one item."""
        item = json.loads(self.recipe(number, **variables))["Item"]
        return {name: next(iter(value.values())) for name, value in item.items()}


def receive_until(socket, kind, job=None):
    """The next frame of this kind (about this job)."""
    while True:
        frame = json.loads(socket.recv(timeout=MAX_WAIT))
        if frame["type"] == kind and job in (None, frame.get("jobId")):
            return frame


def wait_until(what, holds):
    """Waits until something that is asked for holds; what it then is."""
    end = time.monotonic() + MAX_WAIT
    while time.monotonic() < end:
        answer = holds()
        if answer:
            return answer
    raise TimeoutError(f"it never came about that {what}")


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    data = tmp_path_factory.mktemp("runbook")
    faults = data / "faults.json"
    faults.write_text(json.dumps({"seed": 1, "rules": [DIES]}))
    with ExitStack() as stack:
        cloud = Cloud(data, "--faults", str(faults), *OPTIONS)
        # In order it would wait for the jobs that run.
        stack.callback(cloud.kill)
        scene = Scene(cloud, data)
        scene.alice = stack.enter_context(scene.socket("alice"))
        scene.bob = stack.enter_context(scene.socket("bob", "--tenant", TENANT))
        scene.submit("stuck", scene.alice, "job_queued", steps=0)
        wait_until("its first worker has claimed it", lambda: scene.stuck("status") == "processing")
        scene.submit("completed", scene.alice, "job_completed", steps=2, text=20, keep=True)
        scene.submit("rejected", scene.alice, "job_failed", fail="reject")
        scene.submit("rejected too", scene.bob, "job_failed", fail="reject")
        scene.submit("failed", scene.alice, "job_failed", fail="retry")
        for fate in ["running", "running too"]:
            scene.submit(fate, scene.bob, "progress_update", steps=100, stepMs=60_000)
        scene.submit("queued", scene.alice, "job_queued", steps=0)
        # An end is pushed before the job leaves the index, its message is deleted and its evidence is sent.
        open_jobs = {"TableName": "longhaul-jobs", "IndexName": "open"}
        wait_until("four jobs are open", lambda: scene.dynamodb.scan(**open_jobs)["Count"] == 4)
        sqs = cloud.client("sqs")
        wanted = {"longhaul-jobs": ("1", "3"), "longhaul-jobs-dlq": ("1", "0")}
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def depth(queue):
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            return tuple(counts[name] for name in names)

        wait_until("the queues are settled", lambda: {queue: depth(queue) for queue in wanted} == wanted)
        yield scene


def test_there_are_ten():
    assert sorted(RECIPES) == list(range(1, 11))
    assert all(len(found) == 1 for found in RECIPES.values())


def test_every_reference_leads_somewhere():
    text = (ROOT / "docs/RUNBOOK.md").read_text()
    names = [name.lower() for name in re.findall(r"^#+ (.*)$", text, re.M)]
    headings = {re.sub(r"[^a-z0-9 -]", "", name).replace(" ", "-") for name in names}
    references = re.findall(r"\]\(#([^)]*)\)", text)
    assert references and set(references) <= headings


def test_health(scene):
    """One letter; the oldest open job is the first of all; the worker's errors are those in its log."""
    letters, oldest, errors = BLOCKS["What healthy looks like"]
    assert scene.says(letters).strip() == "1"
    assert scene.says(oldest).strip() == scene.stuck("createdAt")
    log = (Path(scene.data) / "logs/longhaul-worker.log").read_text()
    written = [line.split(" ", 2)[2] for line in log.splitlines() if '"level":"ERROR"' in line]
    assert [line for line in scene.says(errors).splitlines() if line] == written


def test_1_a_job(scene):
    failed = scene.item(1, JOB=scene.jobs["failed"])
    assert (failed["status"], failed["error"]["code"]["S"], failed["attempt"]) == ("failed", "NOOP_FAILED", "2")
    running = scene.item(1, JOB=scene.jobs["running"])
    assert running["status"] == "processing" and running["leaseUntil"] > running["startedAt"]


def test_2_a_users_jobs(scene):
    fates = ["queued", "failed", "rejected", "completed", "stuck"]
    statuses = ["queued", "failed", "failed", "completed", "processing"]
    codes = ["None", "NOOP_FAILED", "NOOP_REJECTED", "None", "None"]
    rows = scene.rows(2, WHO="alice")
    assert [[row[1], row[3], row[5]] for row in rows] == [
        [scene.jobs[fate], status, code] for fate, status, code in zip(fates, statuses, codes)
    ]


def test_3_open_jobs(scene):
    open_jobs = [scene.jobs[fate] for fate in ["stuck", "running", "running too", "queued"]]
    rows = scene.rows(3)
    assert sorted(job for _, _, job in rows) == sorted(open_jobs)
    assert [int(shard) for shard, _, _ in rows] == sorted(UUID(job).bytes[15] % 8 for job in open_jobs)
    assert rows == sorted(rows)


def test_4_stuck_leases(scene):
    """Once its lease is over; those that run renew theirs."""
    ((status, lapsed, job, attempt, resends),) = wait_until("a lease is stuck", lambda: scene.rows(4))
    assert (status, job, attempt, resends) == ("processing", scene.jobs["stuck"], "1", "None")
    assert lapsed == scene.stuck("leaseUntil")


def test_5_jobs_that_wait(scene):
    ((status, _, job, user, kind, _),) = wait_until("a second is over", lambda: scene.rows(5, MINUTES="0"))
    assert (status, job, user, kind) == ("queued", scene.jobs["queued"], "alice", "noop")
    assert scene.recipe(5, MINUTES="60") == ""


def test_6_failures_by_code(scene):
    assert scene.rows(6) == [["2", "NOOP_REJECTED"], ["1", "NOOP_FAILED"]]


def test_7_an_event_log(scene):
    entries = json.loads(scene.recipe(7, JOB=scene.jobs["completed"]))["Items"]
    names = [entry["event"]["S"].split("#")[0] for entry in entries]
    assert [name for name in names if name != "stream"] == ["step", "step"]
    # Its events are in the log and in the row, some maybe in both.
    row = scene.item(1, JOB=scene.jobs["completed"])
    events = [entry["M"] for name in ("entries", "events") for item in entries for entry in item.get(name, {"L": []})["L"]]
    events += [entry["M"] for name in ("tail", "events") for entry in row.get(name, [])]
    by_number = {int(entry["seq"]["N"]): entry for entry in events}
    assert sorted(by_number) == list(range(2, int(row["seq"]))), "all but job_queued and the end"
    streamed = [entry["content"]["S"] for _, entry in sorted(by_number.items()) if "content" in entry]
    assert [text[0] for text in streamed] == ["1", "2"]
    assert json.loads(scene.recipe(7, JOB=scene.jobs["queued"]))["Items"] == []


def connection_of(socket):
    socket.send('{"action":"authenticate"}')
    return receive_until(socket, "authenticated")["connectionId"]


def test_8_a_connection(scene):
    row = scene.item(8, CONNECTION=connection_of(scene.bob))
    assert (row["userId"], row["tenantId"], row["status"]) == ("bob", TENANT, "CONNECTED")
    assert row["ipAddress"] == "127.0.0.1"


def test_9_a_quota(scene):
    """Ended jobs may still be counted; open ones are."""
    users = [("alice", "", scene.alice, {"stuck", "queued"}), ("bob", TENANT, scene.bob, {"running", "running too"})]
    for user, tenant, socket, fates in users:
        row = scene.item(9, WHO=user, TENANT=tenant)
        assert {scene.jobs[fate] for fate in fates} <= set(row["openJobs"])
        assert row["connections"] == [connection_of(socket)]


def test_10_the_queues(scene):
    """One waits; two are worked on, and the stuck one's message is hidden; one letter."""
    assert scene.rows(10) == [["jobs", "1", "3"], ["continuations", "0", "0"], ["jobs-dlq", "1", "0"]]


def test_the_secret_is_replaced_while_it_runs(scene, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = scene.token("alice")
    (block,) = BLOCKS["Key rotation"]
    assert scene.says(block).split() == ["AWSCURRENT"]
    assert list(tmp_path.iterdir()) == []
    with scene.socket("alice"):
        pass
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{scene.cloud.gateway}?token={before}")
    assert refused.value.response.status_code == 403


def test_who_submits(scene):
    (block,) = BLOCKS["Cost spikes"]
    assert [line.split() for line in scene.says(block).splitlines()] == [["5", "alice", "noop"], ["3", "bob", "noop"]]


def test_a_job_is_ended_and_another_sent_by_hand(scene):
    """The last, since it changes the scene: the freed worker takes first the queued job, then the stuck one."""
    (end,) = BLOCKS["Ending a job by hand"]
    (send,) = BLOCKS["Sending a job to the queue by hand"]
    assert scene.says(end, JOB=scene.jobs["running"]).split() == [scene.jobs["running"], "cancelled"]
    assert "ConditionalCheckFailedException" in scene.paste(end, JOB=scene.jobs["running"]).stderr
    receive_until(scene.alice, "job_completed", scene.jobs["queued"])
    wait_until("the lease is over", lambda: scene.stuck("leaseUntil") < time.strftime("%FT%T", time.gmtime()))
    scene.says(send, JOB=scene.jobs["stuck"])
    receive_until(scene.alice, "job_completed", scene.jobs["stuck"])
    scene.bob.send(json.dumps({"action": "getJob", "jobId": scene.jobs["running"]}))
    job = receive_until(scene.bob, "job")["job"]
    assert (job["status"], job["cancelledBy"]) == ("cancelled", "operator"), "the functions can read the row"
