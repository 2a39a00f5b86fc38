"""The line protocol of Longhaul's worker, for an analysis in Python. Standard library only.

    def analyse(job):
        longhaul.progress(50, "Half way")
        table = longhaul.step("load", job["params"], load)    # done once, kept for later attempts
        return {"response": "..."}

    longhaul.run(analyse)

Print nothing to standard output yourself; standard error goes to the worker's log.
"""

import json
import sys


class Reject(Exception):
    """The work can never succeed; any other exception means that it may later."""


def run(analyse):
    job = json.loads(sys.stdin.readline())
    try:
        _say("result", analyse(job))
    except Reject as error:
        _say("reject", str(error))


def progress(percent, message):
    _say("progress", {"percent": percent, "message": message})


def stream(piece):
    _say("chunk", piece)


def step(name, given, work):
    """What `work(given)` returns, or did in an earlier attempt with the same name and input."""
    _say("step", {"name": name, "input": given})
    kept = json.loads(sys.stdin.readline())["kept"]
    if kept is None:
        kept = work(given)
        _say("keep", kept)
    return kept


def _say(name, value):
    print(json.dumps({name: value}), flush=True)
