"""The line protocol of Longhaul's worker, for an analysis in Python. Standard library only.

    def analyse(job):
        longhaul.progress(50, "Half way")
        table = longhaul.step("load", job["params"], load)    # runs once; later attempts reuse its result
        return {"response": "..."}

    longhaul.run(analyse)

Do not print to standard output, which has the protocol; standard error goes to the worker's log.
"""

import json
import sys


class Reject(Exception):
    """The work can never succeed. After any other exception the job is retried."""


def run(analyse):
    job = json.loads(sys.stdin.readline())
    try:
        _send("result", analyse(job))
    except Reject as error:
        _send("reject", str(error))


def progress(percent, message):
    _send("progress", {"percent": percent, "message": message})


def stream(piece):
    _send("chunk", piece)


def step(name, given, work):
    """Returns `work(given)`, or its stored result from an earlier attempt with the same name and input."""
    _send("step", {"name": name, "input": given})
    result = json.loads(sys.stdin.readline())["kept"]
    if result is None:
        result = work(given)
        _send("keep", result)
    return result


def _send(name, value):
    print(json.dumps({name: value}), flush=True)
