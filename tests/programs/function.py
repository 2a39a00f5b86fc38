#!/usr/bin/env python3
"""Lambda functions as somebody else would write them: they hear recordings, at the second attempt only, and answer questions.
Each notes what it was asked, a line each, in the file `calls` beside it."""

import http.client
import json
import os
import pathlib
import time
import urllib.request

HOST = os.environ["AWS_LAMBDA_RUNTIME_API"]
INVOCATIONS = f"http://{HOST}/2018-06-01/runtime/invocation"
CALLS = pathlib.Path(__file__).with_name("calls")
OTHER = os.environ["AWS_LAMBDA_FUNCTION_NAME"].endswith("-others")


def until(condition):
    while not condition():
        time.sleep(0.02)


def answer(asked):
    if "recording" in asked:
        if asked["recording"]["format"] == "pcm":
            return "response", {"transcript": "What was my S3 spend in May?", "language": "en"}
        if asked["attempt"] == 1:
            return "error", {"errorType": "Busy", "errorMessage": "not yet"}
        return "response", {"response": f"I heard {asked['recording']['durationMs']} ms.", "language": "en"}
    if asked["query"] == "Tell me a secret":
        return "response", {"reject": "I keep secrets."}
    if asked["query"] == "both":
        # Neither answers before the other is asked.
        until(lambda: len(CALLS.read_text().splitlines()) > 1)
    if asked["query"] == "neither" or (OTHER and asked["query"] == "one"):
        return "error", {"errorType": "Busy", "errorMessage": "not today"}
    return "response", {"response": asked["query"].upper(), "turns": len(asked["history"]), "given": asked["params"]}


def pieces(asked):
    """What it says while it works; it goes on once the test has seen how far it is."""
    yield b'{"progress":{"percent":40,"message":"Half'
    yield b'way"}}\n{"chunk":"It is "}\n'
    until(CALLS.with_name("go").exists)
    yield b'{"chunk":"done."}\n'
    if asked["attempt"] > 1:
        yield json.dumps({"turns": len(asked["history"])}).encode()


def stream(request, asked):
    connection = http.client.HTTPConnection(HOST)
    connection.putrequest("POST", f"/2018-06-01/runtime/invocation/{request}/response")
    headers = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Transfer-Encoding": "chunked"}
    for name, value in (headers | {"Trailer": "Lambda-Runtime-Function-Error-Type"}).items():
        connection.putheader(name, value)
    connection.endheaders()
    for piece in pieces(asked):
        connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    # The first attempt ends in an error.
    trailer = b"Lambda-Runtime-Function-Error-Type: Busy\r\n" if asked["attempt"] == 1 else b""
    connection.send(b"0\r\n%s\r\n" % trailer)
    connection.getresponse().read()
    connection.close()


while True:
    with urllib.request.urlopen(f"{INVOCATIONS}/next") as event:
        request, asked = event.headers["Lambda-Runtime-Aws-Request-Id"], json.load(event)
    with CALLS.open("a") as calls:
        print(json.dumps(asked), file=calls)
    if asked["query"] == "stream":
        stream(request, asked)
        continue
    kind, said = answer(asked)
    urllib.request.urlopen(f"{INVOCATIONS}/{request}/{kind}", json.dumps(said).encode()).close()
