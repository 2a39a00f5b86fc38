#!/usr/bin/env python3
"""The AWS bill of a million jobs, extrapolated from a few measured ones: ours, the Python baseline, the naive design.

    bench/baselines/python/pack
    .tools/python/bin/python bench/bill.py target/release/longhaul [JOBS]

Three kinds of jobs: the standard job; ten seconds with ten reports; a chat answer of 2,000 tokens in 30 seconds. JOBS of
each run at once, each on a connection of its own, after the same number that warms the stack. Calls and DynamoDB's
units are counted on the wire, billed milliseconds and logs in Lambda's logs, messages at the sockets. Each AWS call
takes 8 ms longer, as in a region. Prices are those of `longhaul cost`. The naive design is the Python functions with a
push for each token.
"""

import asyncio
import json
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stack import Stack, lines

LONGHAUL, JOBS = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
TOKENS, TOKEN_MS, CALL_MS, FRAME = 2000, 15, 8, 32 * 1024
FUNCTIONS = ["authorize", "connection", "message", "worker", "deliver"]
REPORT = re.compile(r"Billed Duration: (\d+) ms\tMemory Size: (\d+) MB")
BYTES = {"steps": 4, "bytes": 2048}
SLOW = {"steps": 10, "stepMs": 1000, "bytes": 2048}
CHAT = {"steps": 0, "stream": {"tokens": TOKENS, "tokenMs": TOKEN_MS}}
NAIVE = {"steps": 0, "stream": {**CHAT["stream"], "naive": True}}
DESIGNS = ["longhaul", "python", "naive"]


def query(kind, params):
    return {"action": "query", "kind": kind, "query": "q" * 100, "params": params, "requestId": "1"}


# The frame for each design. An agent runtime, below, answers our chat.
KINDS = {
    "the standard job": [query("noop", BYTES)] * 3,
    "ten seconds, ten reports": [query("noop", SLOW)] * 3,
    "a chat answer of 2,000 tokens": [query("chat", {}), query("noop", CHAT), query("noop", NAIVE)],
}


class Agent(BaseHTTPRequestHandler):
    """AgentCore's `InvokeAgentRuntime`: tokens of four characters, one after the other."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for token in range(TOKENS):
            time.sleep(TOKEN_MS / 1000)
            self.wfile.write(f'data: "{token % 1000:3d} "\n\n'.encode())
            self.wfile.flush()

    def log_message(self, *_):
        pass


async def job(stack, token, frame):
    """Runs one job on a connection of its own; returns its messages (of at most 32 KB) and minutes."""
    since, messages = time.monotonic(), 0
    async with stack.connect(token) as socket:
        sent = json.dumps(frame)
        await socket.send(sent)
        messages += -(-len(sent) // FRAME)
        async for text in socket:
            messages += -(-len(text) // FRAME)
            kind = json.loads(text)["type"]
            if kind in ("job_failed", "error"):
                sys.exit(text)
            if kind == "job_completed":
                break
    return messages, (time.monotonic() - since) / 60


def calls(wire, offset=0):
    """The calls of jobs and connections, without empty polls."""
    ours = lambda call: call["caller"].removeprefix("longhaul-") in [*FUNCTIONS, "event-source"]
    empty = lambda call: call["operation"] == "ReceiveMessage" and call["responseBytes"] < 100
    return [call for call in lines(wire, offset) if ours(call) and not empty(call)]


def quiet(wire, offset):
    """Waits until a second has passed without a call."""
    seen = -1
    while seen != (seen := len(calls(wire, offset))):
        time.sleep(1)


def measure(design, frame):
    """The usage of one job, by service and unit as in `longhaul cost`."""
    agent = ThreadingHTTPServer(("127.0.0.1", 0), Agent)
    threading.Thread(target=agent.serve_forever, daemon=True).start()
    late = [{"service": name, "effect": {"delayMs": CALL_MS}} for name in ("dynamodb", "sqs", "execute-api", "s3")]
    stack = Stack(
        LONGHAUL, "--tick-seconds", "3600", lifted=False, packages=None if design == "longhaul" else "target/baseline",
        parameters=["ChatAgentRuntimeArn=arn:aws:bedrock-agentcore:us-east-1:000000000000:runtime/bench-abc123"],
        environment={"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": f"http://127.0.0.1:{agent.server_port}"})
    wire, faults = stack.data.parent / "wire", stack.data.parent / "faults"
    faults.write_text(json.dumps({"rules": late}))
    stack.command += ["--wire-log", str(wire), "--faults", str(faults)]
    with stack:
        tokens = stack.tokens([f"user-{number}" for number in range(JOBS)]).values()

        async def run_jobs():
            return await asyncio.gather(*(job(stack, token, frame) for token in tokens))

        asyncio.run(run_jobs())
        quiet(wire, 0)
        offsets = {path: path.stat().st_size for path in [wire, *map(stack.log, FUNCTIONS)] if path.exists()}
        jobs = asyncio.run(run_jobs())
        quiet(wire, offsets[wire])
        called = calls(wire, offsets.pop(wire))
        logged = "".join(path.read_bytes()[offset:].decode() for path, offset in offsets.items())
    agent.shutdown()
    reports = [tuple(map(int, found)) for found in REPORT.findall(logged)]
    if "Init Duration" in logged:
        print(f"{design}: {logged.count('Init Duration')} cold starts are included", file=sys.stderr)
    to = lambda service, operation="": sum(
        call["service"] == service and call["operation"].startswith(operation) for call in called)
    used = {
        ("API Gateway", "messages"): sum(messages for messages, _ in jobs),
        ("API Gateway", "connection minutes"): sum(minutes for _, minutes in jobs),
        ("Lambda", "invocations"): len(reports),
        ("Lambda", "GB-seconds"): sum(millis / 1000 * memory / 1024 for millis, memory in reports),
        ("DynamoDB", "write units"): sum(call["writeUnits"] for call in called),
        ("DynamoDB", "read units"): sum(call["readUnits"] for call in called),
        ("SQS", "requests"): to("sqs"),
        # Ours groups its messages by tenant.
        ("SQS", "of a fair queue"): to("sqs") if design == "longhaul" else 0,
        ("S3", "PUT requests"): to("s3", "Put"),
        ("S3", "GET requests"): to("s3", "Get"),
        ("CloudWatch Logs", "GB written"): len(logged.encode()) / 2**30,
    }
    return {what: quantity / JOBS for what, quantity in used.items()}


def prices():
    """Prices by service and unit. A job with a large result uses every priced unit."""
    command = [LONGHAUL, "cost", "--json", "--result-bytes", "1000000"]
    bill = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["bill"]
    return {(line["service"], line["what"]): line["price"] / line["per"] for line in bill}


def format_number(number):
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def table(name, uses, price):
    print(f"\n| {name} | of | {' | '.join(f'{design} each | USD' for design in DESIGNS)} |")
    print(f"| --- | --- {'| --- ' * 2 * len(DESIGNS)}|")
    dollars = [{what: 1e6 * quantity * price[what] for what, quantity in used.items()} for used in uses]
    for what in price:
        if any(used.get(what) for used in uses):
            cells = [f"{format_number(used[what])} | {usd[what]:.2f}" for used, usd in zip(uses, dollars)]
            print(f"| {' | '.join(what)} | {' | '.join(cells)} |")
    without = [sum(usd.values()) - usd["Lambda", "GB-seconds"] for usd in dollars]
    print(f"| without compute | | {' | '.join(f'| {usd:.2f}' for usd in without)} |")
    print(f"| in all | | {' | '.join(f'| {sum(usd.values()):.2f}' for usd in dollars)} |", flush=True)


def main():
    price = prices()
    for name, frames in KINDS.items():
        # Without streamed tokens the naive design equals the baseline.
        uses = {}
        for design, frame in zip(DESIGNS, frames):
            known = uses.get("python") if frame == frames[1] else None
            uses[design] = known or measure(design, frame)
        table(name, list(uses.values()), price)


main()
