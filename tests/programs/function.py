#!/usr/bin/env python3
"""A Lambda function as somebody else would write it: hears recordings, at the second attempt only, and answers questions.
It notes what it was asked, a line each, in the file `calls` beside it."""

import json
import os
import pathlib
import urllib.request

INVOCATIONS = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
CALLS = pathlib.Path(__file__).with_name("calls")


def answer(asked):
    if "recording" in asked:
        if asked["attempt"] == 1:
            return "error", {"errorType": "Busy", "errorMessage": "not yet"}
        return "response", {"response": f"I heard {asked['recording']['durationMs']} ms.", "language": "en"}
    if asked["query"] == "Tell me a secret":
        return "response", {"reject": "I keep secrets."}
    return "response", {"response": asked["query"].upper(), "turns": len(asked["history"]), "given": asked["params"]}


while True:
    with urllib.request.urlopen(f"{INVOCATIONS}/next") as event:
        request, asked = event.headers["Lambda-Runtime-Aws-Request-Id"], json.load(event)
    with CALLS.open("a") as calls:
        print(json.dumps(asked), file=calls)
    kind, said = answer(asked)
    urllib.request.urlopen(f"{INVOCATIONS}/{request}/{kind}", json.dumps(said).encode()).close()
