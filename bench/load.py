"""Runs the standard job of bench/README.md over sockets in Python, for stacks that have been filled before.

It only counts events. bench/standard_job checks them, and needs less processor time itself.
"""

import asyncio
import json
import statistics
import threading
import time
from pathlib import Path

from stack import cpu

JOB = {"action": "query", "kind": "noop", "query": "q" * 100, "params": {"steps": 4, "bytes": 2048}, "requestId": "1"}
EVENTS = 7


class Peak:
    """The highest memory (proportional set size, bytes) of the stack's processes within a `with`."""

    def __init__(self, stack):
        self.stack, self.over, self.bytes = stack, threading.Event(), 0

    def __enter__(self):
        self.poller = threading.Thread(target=self.poll)
        self.poller.start()
        return self

    def poll(self):
        while not self.over.wait(0.3):
            self.bytes = max(self.bytes, memory(self.stack))

    def __exit__(self, *_):
        self.over.set()
        self.poller.join()
        self.bytes = max(self.bytes, memory(self.stack))


def memory(stack, functions=True):
    """Memory in bytes, of the cloud's own process and of its functions' processes."""
    total = 0
    for pid in [stack.process.pid, *(stack.processes() if functions else [])]:
        try:
            text = Path("/proc", str(pid), "smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
        except OSError:
            continue  # The process has ended.
    return 1024 * total


def used(stack):
    """Seconds of processor time so far, of the cloud's own process and by function of its running processes."""
    by_function = {"cloud": cpu(stack.process.pid)}
    for pid, function in stack.processes().items():
        try:
            by_function[function] = by_function.get(function, 0) + cpu(pid)
        except OSError:
            continue
    return by_function


def spent(before, after, times):
    """Milliseconds between two results of `used`, per one of `times` jobs, by function."""
    return {name: 1000 * (after[name] - before.get(name, 0)) / times for name in after}


async def one(socket, job=JOB):
    """Runs one job; returns the milliseconds to its first event and to its end."""
    since, received, queued = time.monotonic(), 0, None
    await socket.send(json.dumps(job))
    while True:
        event = json.loads(await asyncio.wait_for(socket.recv(), 120))
        received += 1
        queued = queued or time.monotonic() - since
        if event["type"] == "job_completed":
            assert received == EVENTS and event["seq"] == EVENTS, f"{received} events, the last is {event}"
            return 1000 * queued, 1000 * (time.monotonic() - since)
        assert event["type"] in ("job_queued", "progress_update"), event


async def many(sockets, jobs):
    """Runs this number of jobs, one at a time on each socket; returns the milliseconds of each."""
    left, found = iter(range(jobs)), []

    async def work(socket):
        for _ in left:
            found.append(await one(socket))

    await asyncio.gather(*(work(socket) for socket in sockets))
    return found


async def measure(stack, jobs, connections=4):
    """Runs a hundred jobs to warm the stack, then measures this number of jobs; returns a row."""
    tokens = stack.tokens([f"load-{number}" for number in range(connections)]).values()
    sockets = await asyncio.gather(*(stack.connect(token) for token in tokens))
    await many(sockets, 100)
    with Peak(stack) as peak:
        before, since = used(stack), time.monotonic()
        found = await many(sockets, jobs)
        took, after = time.monotonic() - since, used(stack)
    for socket in sockets:
        await socket.close()
    queued, completed = zip(*found)
    by_function = spent(before, after, jobs)
    return {
        "jobsPerSecond": jobs / took, "queuedP50": quantile(queued, 0.5), "queuedP99": quantile(queued, 0.99),
        "completedP50": quantile(completed, 0.5), "completedP99": quantile(completed, 0.99),
        "cpuMs": sum(by_function.values()), "cpuMsBy": by_function, "peakMB": peak.bytes / 1e6,
    }


def quantile(values, part):
    values = sorted(values)
    return values[round(part * (len(values) - 1))]


def median(rows):
    """The median of each figure of the rows, nested figures included."""
    first = rows[0]
    if isinstance(first, dict):
        return {name: median([row.get(name, 0) for row in rows]) for name in first}
    return statistics.median(rows)
