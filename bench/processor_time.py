#!/usr/bin/env python3
"""Processor time by function: `message` per frame, the worker per job; ours and the Python baseline.

    bench/baselines/python/pack
    .tools/python/bin/python bench/processor_time.py target/release/longhaul [JOBS] [ROUNDS]

The standard job, four at once, on warm stacks in turn; user and system time of each function's processes.
"""

import asyncio
import sys

from load import measure
from stack import Stack

LONGHAUL, JOBS = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 400
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
KINDS = {"longhaul": None, "python": "target/baseline"}


def cell(values):
    values = sorted(values)
    return f"{values[len(values) // 2]:.2f} ({values[0]:.2f} to {values[-1]:.2f})"


def main():
    rounds = {kind: [] for kind in KINDS}
    for _ in range(ROUNDS):
        for kind, packages in KINDS.items():
            with Stack(LONGHAUL, "--tick-seconds", "3600", packages=packages) as stack:
                rounds[kind].append(asyncio.run(measure(stack, JOBS))["cpuMsBy"])
    print("| stack | `message`, ms a frame | `worker`, ms a job | the cloud itself, ms a job |")
    print("| --- | --- | --- | --- |")
    for kind, found in rounds.items():
        cells = [cell([each[name] for each in found]) for name in ("message", "worker", "cloud")]
        print(f"| {kind} | {' | '.join(cells)} |")


main()
