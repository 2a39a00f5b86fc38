#!/usr/bin/env python3
"""Cold starts of functions: ours, packaged or not, and the Python baseline, in the embedded cloud's Lambda.

    .tools/python/bin/python bench/cold_start.py target/release/longhaul [ROUNDS] [NAME=PACKAGES ...]

Each round starts a stack of each kind in turn, and runs one job on it: each function's first process answers its
first event. The log has Lambda's line for it (`Init Duration` is from the process's start to its first poll,
`Max Memory Used` its peak); the wire log has the time of the first AWS call.
"""

import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import websockets

LONGHAUL, ROUNDS = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10
KINDS = {"longhaul": None, **dict(kind.split("=", 1) for kind in sys.argv[3:])}
FUNCTIONS = ["authorize", "connection", "message", "worker"]
JOB = {"action": "query", "kind": "noop", "query": "q", "params": {"steps": 4, "bytes": 2048}, "requestId": "1"}
REPORT = re.compile(r"\tDuration: ([\d.]+) ms.*Max Memory Used: (\d+) MB\tInit Duration: ([\d.]+) ms")


def stack(data, packages):
    options = ["--port", "0", "--aws-port", "0", "--data", data, "--wire-log", f"{data}/wire"]
    if packages:
        options += ["--packages", packages]
    process = subprocess.Popen([LONGHAUL, "up", *options], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        name, _, rest = line.strip().partition(" ")
        if name == "WebSocket":
            url = rest.strip()
        if name == "READY":
            return process, url


async def one_job(url, token):
    async with websockets.connect(f"{url}/?token={token}") as socket:
        await socket.send(json.dumps(JOB))
        async for frame in socket:
            if json.loads(frame)["type"] == "job_completed":
                return


def reported(data, function):
    """Waits for the log line of a function's first event; returns its numbers."""
    log = Path(data, "logs", f"longhaul-{function}.log")
    for _ in range(1000):
        if log.exists() and (found := REPORT.search(log.read_text())):
            return [float(number) for number in found.groups()]
        time.sleep(0.01)
    sys.exit(f"{function} did not end its first event: {log.read_text() if log.exists() else 'no log'}")


def started(data, function):
    """The time of day, in seconds, when the first event was delivered."""
    first = Path(data, "logs", f"longhaul-{function}.log").read_text().split(" START ", 1)[0]
    return seconds(first.split()[-2])


def seconds(timestamp):
    hours, minutes, rest = timestamp.rstrip("Z").split("T")[1].split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def first_call(data, function):
    """The time of day, in seconds, when a function's first AWS call was answered."""
    calls = map(json.loads, Path(data, "wire").read_text().splitlines())
    return next((seconds(call["at"]) for call in calls if call["caller"] == f"longhaul-{function}"), None)


def measure(packages):
    with tempfile.TemporaryDirectory() as data:
        process, url = stack(data, packages)
        try:
            token = subprocess.run([LONGHAUL, "token", "--user", "alice", "--data", data], capture_output=True, text=True)
            asyncio.run(one_job(url, token.stdout.strip()))
            found = {}
            for function in FUNCTIONS:
                took, memory, poll = reported(data, function)
                call = first_call(data, function)
                call = poll + 1000 * (call - started(data, function)) if call else None
                found[function] = (poll, call, poll + took, memory)
            return found
        finally:
            process.terminate()
            process.wait()


def cell(values):
    if None in values:
        return "none"
    return f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


def main():
    rounds = {kind: [] for kind in KINDS}
    for _ in range(ROUNDS):
        for kind, packages in KINDS.items():
            rounds[kind].append(measure(packages))
    print("| function | of | first poll ms | first AWS call answered ms | first event answered ms | peak memory MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for function in FUNCTIONS:
        for kind, found in rounds.items():
            cells = [cell(list(column)) for column in zip(*(each[function] for each in found))]
            print(f"| {function} | {kind} | {' | '.join(cells)} |")


main()
