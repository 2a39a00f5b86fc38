"""The line protocol of Longhaul's worker, for an analysis in Python. Standard library only.

    def analyse(job):
        longhaul.progress(50, "Half way")
        table = longhaul.step("load", job["params"], load)    # runs once; later attempts reuse its result
        return {"response": "..."}

    longhaul.run(analyse)

What the analysis prints goes to the worker's log.
"""

import json
import math
import os
import sys
import traceback

# Where the worker reads the protocol's lines, once `run` has started.
_worker = None


class Reject(Exception):
    """The work can never succeed. After any other exception the job is retried."""


def run(analyse):
    global _worker
    _worker = os.fdopen(os.dup(1), "wb")
    # From here on everything that is printed, by libraries in C too, goes to standard error.
    sys.stdout.flush()
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())
    try:
        _send("result", analyse(job))
    except Reject as error:
        _send("reject", str(error))
    except Exception as error:
        traceback.print_exc()
        _send("retry", f"{type(error).__name__}: {error}")


def progress(percent, message="Working"):
    """Any number from 0 to 100."""
    _send("progress", {"percent": percent, "message": message})


def stream(piece):
    _send("chunk", piece)


def step(name, given, work):
    """Returns `work(given)`, or its stored result from an earlier attempt with the same name and input."""
    _send("step", {"name": name, "input": given})
    answer = json.loads(sys.stdin.readline())
    if answer["done"]:
        return answer["kept"]
    result = work(given)
    _send("keep", result)
    return result


def _send(name, value):
    line = json.dumps({name: _plain(value)}, ensure_ascii=False, allow_nan=False)
    # A lone surrogate, which is no character, becomes a question mark.
    _worker.write(line.encode("utf-8", "replace") + b"\n")
    _worker.flush()


def _plain(value):
    """The value with null in place of NaN and infinity, which JSON has not."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
