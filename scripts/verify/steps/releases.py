"""Releases: one that works, by shifted traffic and with jobs running all the while, and one whose worker does not start,
which scripts/deploy rolls back."""

import tempfile
import threading
import time
import zipfile
from pathlib import Path

from verify.client import require
from verify.verification import ROOT

SHIFT = "LambdaCanary10Percent5Minutes"
FUNCTIONS = ("authorize", "connection", "deliver", "fanout", "message", "publish", "sweep", "worker")
SAMPLE_SECONDS = 10


class Meanwhile(threading.Thread):
    """Calls `act` again and again until it is stopped; keeps the first failure."""

    def __init__(self, act):
        super().__init__(daemon=True)
        self.act, self.stopped, self.count, self.error = act, threading.Event(), 0, None

    def run(self):
        while not self.stopped.is_set() and self.error is None:
            try:
                self.act()
                self.count += 1
            except Exception as error:  # reported by the step
                self.error = error


def alias(verification, function):
    return verification.aws("lambda", "get-alias", "--function-name", f"{verification.stack}-{function}", "--name", "live")


def upgrade(verification):
    """Makes a release while jobs run. Which functions' calls were shared by two versions is recorded for `shift`."""
    before = verification.parameters()["Release"]
    versions = {name: alias(verification, name)["FunctionVersion"] for name in FUNCTIONS}
    shared = {}

    def job():
        with verification.client(user="during-upgrade") as client:
            client.completed(client.noop("during an upgrade", steps=4, stepMs=250))

    def sample():
        for name in FUNCTIONS:
            weights = (alias(verification, name).get("RoutingConfig") or {}).get("AdditionalVersionWeights")
            if weights:
                shared[name] = max(weights.values())
        time.sleep(SAMPLE_SECONDS)

    running = [Meanwhile(job), Meanwhile(sample)]
    for thread in running:
        thread.start()
    try:
        verification.deploy("--parameter", "MaxAttempts=4", "--parameter", f"TrafficShift={SHIFT}")
    finally:
        # Not joined here: an interruption does not wait for a job.
        for thread in running:
            thread.stopped.set()
    for thread in running:
        thread.join()
    verification.state.set(shared=shared)
    for thread in running:
        require(thread.error is None, f"during the upgrade: {thread.error}")
    parameters = verification.parameters()
    require(parameters["MaxAttempts"] == "4" and parameters["Release"] != before, "the stack has not the new release")
    stayed = [name for name in FUNCTIONS if alias(verification, name)["FunctionVersion"] == versions[name]]
    require(not stayed, f"still called in their old version: {', '.join(stayed)}")
    require(running[0].count > 0, "no job ended while the release was made")
    return {"jobs meanwhile": running[0].count}


def shift(verification):
    """While the release was made, calls of every function went to both versions."""
    shared = verification.state.get("shared", {})
    missing = [name for name in FUNCTIONS if name not in shared]
    require(not missing, f"never seen with two versions: {', '.join(missing)}")
    return {"weight of the new version at first": ", ".join(sorted({f"{weight:g}" for weight in shared.values()}))}


def broken_packages(verification, folder):
    """The packages, but the worker exits at once."""
    parameters = verification.parameters()
    packages = Path(verification.options.packages or ROOT / "target/package" / parameters["Architecture"])
    broken = Path(folder) / parameters["Architecture"]
    broken.mkdir()
    (broken / "handlers.zip").write_bytes((packages / "handlers.zip").read_bytes())
    bootstrap = zipfile.ZipInfo("bootstrap")
    bootstrap.external_attr = 0o755 << 16
    with zipfile.ZipFile(broken / "worker.zip", "w") as package:
        package.writestr(bootstrap, "#!/bin/sh\necho 'This release is broken on purpose.' >&2\nexit 1\n")
    return broken


def rollback(verification):
    """scripts/deploy finds that the release does not work and restores the one before; a job that was submitted in
    between completes."""
    before = verification.parameters()
    submitted = []

    def submit():
        """One job, as soon as the bad release is there."""
        time.sleep(SAMPLE_SECONDS / 2)
        stack = verification.described()
        release = {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack["Parameters"]}["Release"]
        if not submitted and release != before["Release"] and stack["StackStatus"] == "UPDATE_COMPLETE":
            with verification.client(user="during-rollback") as client:
                submitted.append(client.noop("submitted to a release that does not work"))

    with tempfile.TemporaryDirectory() as folder:
        thread = Meanwhile(submit)
        thread.start()
        try:
            packages = str(broken_packages(verification, folder))
            code = verification.deploy("--packages", packages, "--parameter", "TrafficShift=LambdaAllAtOnce", check=False)
        finally:
            thread.stopped.set()
    thread.join()
    require(code == 1, f"scripts/deploy exited with {code} instead of 1")
    require(thread.error is None, f"during the bad release: {thread.error}")
    after = verification.parameters()
    changed = [name for name in before if after.get(name) != before[name] and name != "TrafficShift"]
    require(not changed, f"not as before: {', '.join(changed)}")
    require(submitted, "no job could be submitted to the bad release")
    with verification.client(user="during-rollback") as client:
        client.send({"action": "subscribe", "jobId": submitted[0], "after": 0})
        if client.until("subscribed", job=submitted[0])["status"] != "completed":
            client.completed(submitted[0])
    return {"exit code of scripts/deploy": code, "release": after["Release"]}
