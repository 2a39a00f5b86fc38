"""The example client in Python, on the embedded cloud: it loses its socket in the middle of a job, and has every event once."""

import json
import socket
import subprocess
import sys
import threading

import pytest
from websockets.sync.client import connect

from cloud import PROGRAM, ROOT, Cloud

CLIENT = ROOT / "examples" / "python_client" / "client.py"
MAX_WAIT = 120


@pytest.fixture
def cloud(tmp_path):
    started = Cloud(tmp_path / "cloud")
    yield started
    started.stop()


@pytest.fixture
def token(cloud, tmp_path):
    command = [PROGRAM, "token", "--data", tmp_path / "cloud", "--user", "alice"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=MAX_WAIT).stdout.strip()


def run(*arguments):
    return subprocess.run([sys.executable, CLIENT, *arguments], capture_output=True, text=True, timeout=MAX_WAIT)


def stored_events(gateway, token, job):
    """The job's log as a client that missed everything gets it: every chunk, the end, and the latest progress."""
    events, more = [], True
    with connect(gateway, subprotocols=["longhaul.v1", token]) as connection:
        while more:
            after = events[-1]["seq"] if events else 0
            connection.send(json.dumps({"action": "subscribe", "jobId": job, "after": after}))
            answer = json.loads(connection.recv(timeout=MAX_WAIT))
            assert answer["type"] == "subscribed", answer
            events += answer["events"]
            more = answer["more"]
    return events


def test_every_event_comes_once_over_two_sockets(cloud, token):
    done = run(cloud.gateway, token)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    received = {event["seq"]: event for event in events}
    assert list(received) == sorted(received) and len(received) == len(events), "an event is out of order or repeated"
    assert events[0]["seq"] == 1 and events[0]["type"] == "job_queued" and events[-1]["type"] == "job_completed"

    first_progress = next(event["seq"] for event in events if event["type"] == "progress_update")
    drop = done.stderr.splitlines()[0]
    assert drop.startswith("connecting again after event ")
    assert first_progress <= int(drop.split()[-1]) < events[-1]["seq"], "the job ended before the socket was lost"

    # Only progress, attempts that are over and steps may be missing: a replay has the latest progress and no other.
    log = stored_events(cloud.gateway, token, events[0]["jobId"])
    assert {number: event for number, event in received.items() if event["type"] == "chunk"} == {
        event["seq"]: event for event in log if event["type"] == "chunk"
    }
    assert {event["seq"] for event in log} <= set(received), "an event is missing"
    assert log[-1]["seq"] == events[-1]["seq"]
    # The history has every number up to the end's.
    assert done.stderr.splitlines()[-1] == f"the whole history has {events[-1]['seq']} events"


def test_a_refusal_ends_the_client(cloud):
    done = run(cloud.gateway, "no.such.token")
    assert done.returncode == 1 and done.stdout == ""
    assert "refuses the token" in done.stderr


class Relay:
    """Forwards connections to the gateway. The first loses the server's first frame, and then both its sockets."""

    def __init__(self, gateway):
        self.target = gateway.removeprefix("ws://").split(":")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self.listener.getsockname()[1]}"
        self.opened = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return  # closed
            self.opened += 1
            server = socket.create_connection((self.target[0], int(self.target[1])))
            for source, sink, loses in [(client, server, False), (server, client, self.opened == 1)]:
                threading.Thread(target=self._forward, args=(source, sink, loses), daemon=True).start()

    @staticmethod
    def _forward(source, sink, loses):
        try:
            while data := source.recv(65536):
                if loses and b"101 Switching Protocols" not in data:
                    break
                sink.sendall(data)
        except OSError:
            pass  # the other direction has ended
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@pytest.fixture
def relay(cloud):
    made = Relay(cloud.gateway)
    yield made
    made.listener.close()


def test_a_submit_whose_response_is_lost_starts_one_job(cloud, relay, token):
    done = run(relay.url, token)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == "connecting again after event 0"
    assert relay.opened == 4, "the relay dropped the first, the client its second, and the history has one of its own"
    events = [json.loads(line) for line in done.stdout.splitlines()]
    numbers = [event["seq"] for event in events]
    assert numbers[0] == 1 and numbers == sorted(set(numbers)) and events[-1]["type"] == "job_completed"

    with connect(cloud.gateway, subprotocols=["longhaul.v1", token]) as connection:
        connection.send(json.dumps({"action": "listJobs"}))
        answer = json.loads(connection.recv(timeout=MAX_WAIT))
    assert [job["jobId"] for job in answer["jobs"]] == [events[0]["jobId"]]
