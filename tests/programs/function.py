#!/usr/bin/env python3
"""Lambda functions that are not Longhaul's: they transcribe recordings, at the second attempt only, and answer questions.
They append each request as a line of JSON to the file `calls` beside this one."""

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


def wait_until(condition):
    while not condition():
        time.sleep(0.02)


def answer(payload):
    if "recording" in payload:
        if payload["recording"]["format"] == "pcm":
            return "response", {"transcript": "What was my S3 spend in May?", "language": "en"}
        if payload["attempt"] == 1:
            return "error", {"errorType": "Busy", "errorMessage": "not yet"}
        return "response", {"response": f"The recording has {payload['recording']['durationMs']} ms.", "language": "en"}
    if payload["query"] == "Tell me a secret":
        return "response", {"reject": "I keep secrets."}
    if payload["query"] == "both":
        # Neither answers before the other is called.
        wait_until(lambda: len(CALLS.read_text().splitlines()) > 1)
    if payload["query"] == "neither" or (OTHER and payload["query"] == "one"):
        return "error", {"errorType": "Busy", "errorMessage": "not today"}
    return "response", {"response": payload["query"].upper(), "turns": len(payload["history"]), "given": payload["params"]}


def pieces(payload):
    """The streamed response. It continues after the test has received the progress and written the file `go`."""
    yield b'{"progress":{"percent":40,"message":"Half'
    yield b'way"}}\n{"chunk":"It is "}\n'
    wait_until(CALLS.with_name("go").exists)
    yield b'{"chunk":"done."}\n'
    if payload["attempt"] > 1:
        yield json.dumps({"turns": len(payload["history"])}).encode()


def stream(request_id, payload):
    connection = http.client.HTTPConnection(HOST)
    connection.putrequest("POST", f"/2018-06-01/runtime/invocation/{request_id}/response")
    headers = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Transfer-Encoding": "chunked"}
    for name, value in (headers | {"Trailer": "Lambda-Runtime-Function-Error-Type"}).items():
        connection.putheader(name, value)
    connection.endheaders()
    for piece in pieces(payload):
        connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    # The first attempt ends in an error.
    trailer = b"Lambda-Runtime-Function-Error-Type: Busy\r\n" if payload["attempt"] == 1 else b""
    connection.send(b"0\r\n%s\r\n" % trailer)
    connection.getresponse().read()
    connection.close()


while True:
    with urllib.request.urlopen(f"{INVOCATIONS}/next") as event:
        request_id, payload = event.headers["Lambda-Runtime-Aws-Request-Id"], json.load(event)
    with CALLS.open("a") as calls:
        print(json.dumps(payload), file=calls)
    if payload["query"] == "stream":
        stream(request_id, payload)
        continue
    kind, response = answer(payload)
    urllib.request.urlopen(f"{INVOCATIONS}/{request_id}/{kind}", json.dumps(response).encode()).close()
