#!/usr/bin/env python3
"""How soon a running job goes on after its worker, or the whole stack, ended, by default settings.

    .tools/python/bin/python bench/recovery.py target/release/longhaul [ROUNDS]

A job reports each half second. After two seconds its worker is killed, or the stack is (and started again at once). The
time is from the signal to the first event that a worker pushed after it, the start of the stack included.
"""

import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time

from websockets.exceptions import ConnectionClosed

from stack import Stack

LONGHAUL, ROUNDS = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10
JOB = {"action": "query", "kind": "noop", "query": "q", "params": {"steps": 40, "stepMs": 500}}
# Of the ways that end the stack: the signal.
STACK_ENDS = {"kill -9 of the stack": signal.SIGKILL, "Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM}


async def begin(stack):
    """A job that has reported, and a socket that follows it."""
    socket = await stack.connect(stack.token("alice"))
    await socket.send(json.dumps(JOB))
    begun = None
    async for frame in socket:
        event = json.loads(frame)
        if event["type"] == "progress_update" and event["progress"] > 5:
            begun = begun or time.monotonic()
        if begun and time.monotonic() - begun > 2:
            return socket, event["jobId"], event["seq"]


async def next_event(socket, seq):
    """The first event after `seq`."""
    async for frame in socket:
        event = json.loads(frame)
        events = event["events"] if event["type"] == "subscribed" else [event]
        for event in events:
            if event.get("seq", 0) > seq:
                return event


async def worker_killed():
    with Stack(LONGHAUL, lifted=False) as stack:
        socket, job, _ = await begin(stack)
        [worker] = [pid for pid, name in stack.processes().items() if name == "worker"]
        os.kill(worker, signal.SIGKILL)
        killed = time.monotonic()
        async for frame in socket:
            if json.loads(frame)["type"] in ("worker_lost", "attempt_started"):
                return time.monotonic() - killed


async def stack_ended(how):
    with tempfile.TemporaryDirectory() as folder:
        first = Stack(LONGHAUL, lifted=False, data=folder).__enter__()
        socket, job, _ = await begin(first)
        os.kill(first.process.pid, how)
        ended = time.monotonic()
        # What came before the end is not what comes after it.
        seq = 0
        try:
            async for frame in socket:
                seq = json.loads(frame).get("seq", seq)
        except (OSError, ConnectionClosed):
            pass
        first.process.wait()
        with Stack(LONGHAUL, lifted=False, data=folder) as second:
            socket = await second.connect(second.token("alice"))
            await socket.send(json.dumps({"action": "subscribe", "jobId": job, "after": seq}))
            while (event := await next_event(socket, seq))["type"] == "handed_over":
                seq = event["seq"]
            return time.monotonic() - ended


async def main():
    print("| what ended | rounds | median s | longest s |\n| --- | --- | --- | --- |")
    ways = {"kill -9 of the worker": worker_killed}
    ways |= {name: lambda how=how: stack_ended(how) for name, how in STACK_ENDS.items()}
    for name, way in ways.items():
        times = [await way() for _ in range(ROUNDS)]
        print(f"| {name} | {ROUNDS} | {statistics.median(times):.2f} | {max(times):.2f} |", flush=True)


asyncio.run(main())
