"""Memory of the embedded cloud and of each function while one socket sends ten thousand malformed frames.

    bench/malformed_frames.py <longhaul> [frames]

Prints resident kilobytes after each fifth, and how many lines of level ERROR the functions logged. It asserts nothing.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from websockets.sync.client import connect

FRAMES = [
    "",
    "{",
    "[]",
    "null",
    '{"action":1}',
    '{"action":"nope"}',
    '{"action":"query"}',
    '{"action":"query","kind":"noop","query":1e999}',
    '{"action":"query","kind":"noop","query":"' + "y" * 30_000 + '"}',
    '{"a":' * 40,
    '{"action":"ping","requestId":"' + "x" * 200 + '"}',
    '{"action":"getJob","jobId":{}}',
    '{"__proto__":{"action":"ping"}}',
    '{"action":"subscribe","jobId":"x","after":-1}',
    "\u0000\u0001",
]


def resident(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def children(pid):
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [child for task in tasks for child in task.read_text().split()]


def handler(pid):
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    named = [value for name, _, value in (v.partition(b"=") for v in variables) if name == b"_HANDLER"]
    return named[0].decode() if named else None


def main(program, frames):
    with tempfile.TemporaryDirectory() as data:
        # The stage's throttle would refuse most of the frames.
        lifted = ["--parameter", "ThrottleRate=10000", "--parameter", "ThrottleBurst=5000"]
        command = [program, "up", "--port", "0", "--aws-port", "0", "--data", data, *lifted]
        stack = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            for line in stack.stdout:
                if line.startswith("WebSocket "):
                    gateway = line.split()[1]
                if line.strip() == "READY":
                    break
            token = subprocess.check_output([program, "token", "--user", "a", "--data", data], text=True).strip()
            with connect(f"{gateway}?token={token}") as socket:
                for fifth in range(6):
                    # The first frames start the functions.
                    for n in range(200 if fifth == 0 else frames // 5):
                        socket.send(FRAMES[n % len(FRAMES)])
                        socket.recv(timeout=60)
                    sizes = {handler(pid): resident(pid) for pid in children(stack.pid) if handler(pid)}
                    print(f"{200 + fifth * frames // 5:7} frames: up {resident(stack.pid)} KB, {sizes}", flush=True)
                socket.send('{"action":"ping"}')
                print("and then:", socket.recv(timeout=60))
            logs = Path(data, "logs").glob("*.log")
            print("lines of level ERROR:", sum(log.read_text().count('"level":"ERROR"') for log in logs))
        finally:
            stack.kill()
            stack.wait()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
