#!/usr/bin/env python3
"""How long single jobs of twenty users wait while one user has a thousand jobs in the queue, and without these.

    .tools/python/bin/python bench/fairness.py target/release/longhaul [FLOOD] [ROUNDS]

Each job runs for a tenth of a second, ten at a time; the twenty users submit at once. The wait is
`usage.queuedMs` of `job_completed`: from the submit to the first attempt.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile

import websockets

LONGHAUL, FLOOD = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
USERS = 20
JOB = json.dumps({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 1, "stepMs": 100}})


def stack(data):
    options = ["--port", "0", "--aws-port", "0", "--data", data, "--trust-claims", "--no-throttle",
               "--parameter", "OpenJobs=0", "--parameter", "SubmitsPerSecond=0"]
    process = subprocess.Popen([LONGHAUL, "up", *options], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        name, _, rest = line.strip().partition(" ")
        if name == "WebSocket":
            url = rest.strip()
        if name == "READY":
            return process, url


async def connect(url, user):
    socket = await websockets.connect(url, max_size=None)
    await socket.send(json.dumps({"action": "authenticate", "userId": user}))
    await socket.recv()
    return socket


async def wait(socket):
    """Submits a job; returns its wait in ms."""
    await socket.send(JOB)
    return await end(socket)


async def end(socket):
    async for frame in socket:
        event = json.loads(frame)
        if event["type"] == "job_completed":
            return event["usage"]["queuedMs"]


async def waits(url):
    """The waits of twenty users' jobs, all submitted at once."""
    sockets = [await connect(url, f"user-{n}") for n in range(USERS)]
    found = await asyncio.gather(*(wait(socket) for socket in sockets))
    for socket in sockets:
        await socket.close()
    return found


def p95(found):
    return statistics.quantiles(found, n=20)[18]


async def measure(url):
    await waits(url)  # Starts the functions.
    for number in range(ROUNDS):
        alone = await waits(url)
        greedy = await connect(url, "greedy")
        for _ in range(FLOOD):
            await greedy.send(JOB)
        # Once its first job has ended, the flood is in the queue.
        await end(greedy)
        beside = await waits(url)
        for _ in range(FLOOD - 1):
            await end(greedy)
        await greedy.close()
        print(f"round {number + 1}: p95 of {USERS} waits {p95(alone):.0f} ms alone, "
              f"{p95(beside):.0f} ms with {FLOOD} jobs of one user: {p95(beside) / p95(alone):.2f} times")


def main():
    with tempfile.TemporaryDirectory() as data:
        process, url = stack(data)
        try:
            asyncio.run(measure(url))
        finally:
            process.terminate()
            process.wait()


main()
