"""Starts a stack for a measurement: `longhaul up` on a new folder, its AWS endpoint, its users' sockets.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import websockets
from botocore.config import Config

SECRET = "a secret of this measurement alone"
# The highest throttles and limits that the template allows.
LIFTED = ["ThrottleRate=10000", "ThrottleBurst=5000", "SubmitsPerSecond=0", "OpenJobs=0", "ConnectionsPerUser=0",
          "AccessLogs=none"]
# The stacks that it started end with it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class Stack:
    """Runs within a `with`. `options` are those of `longhaul up`; `lifted` adds those that lift its limits. A given data
    folder is not deleted."""

    def __init__(self, longhaul, *options, packages=None, parameters=(), environment=None, lifted=True, data=None):
        self.folder = tempfile.TemporaryDirectory()
        self.longhaul, self.data = longhaul, Path(data or self.folder.name, "data")
        self.command = [longhaul, "up", "--port", "0", "--aws-port", "0", "--data", str(self.data), *options]
        if packages:
            self.command += ["--packages", packages]
        for parameter in [*(LIFTED if lifted else []), *parameters]:
            self.command += ["--parameter", parameter]
        self.environment = {**os.environ, "LONGHAUL_JWT_SECRET": SECRET, **(environment or {})}

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True, env=self.environment)
        for line in self.process.stdout:
            name, _, rest = line.strip().partition(" ")
            if name == "WebSocket":
                self.gateway = rest.strip()
            if name == "AWS":
                self.endpoint = rest.strip()
            if name == "READY":
                return self
        sys.exit("longhaul ended before it was ready")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()

    def client(self, service):
        return boto3.client(service, endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="local",
                            aws_secret_access_key="local", config=Config(max_pool_connections=32))

    def token(self, user):
        done = subprocess.run([self.longhaul, "token", "--user", user, "--data", self.data], capture_output=True,
                              text=True, env=self.environment, check=True)
        return done.stdout.strip()

    def tokens(self, users):
        with ThreadPoolExecutor(4) as pool:
            return dict(zip(users, pool.map(self.token, users)))

    def connect(self, token):
        """A socket, to be used in an `async with`."""
        return websockets.connect(f"{self.gateway}/?token={token}", max_size=None, ping_interval=None, open_timeout=60,
                                  compression=None)

    def log(self, function):
        return self.data / "logs" / f"longhaul-{function}.log"

    def processes(self):
        """The function of each running process, by pid."""
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and parent(entry) == self.process.pid:
                    environment = (entry / "environ").read_bytes().split(b"\0")
                    names = [value[len(b"AWS_LAMBDA_FUNCTION_NAME="):] for value in environment
                             if value.startswith(b"AWS_LAMBDA_FUNCTION_NAME=")]
                    found[int(entry.name)] = names[0].decode().removeprefix("longhaul-") if names else ""
            except OSError:
                continue  # The process has ended.
        return found


def fields(entry):
    """The fields of /proc's `stat` after the program's name."""
    return (entry / "stat").read_text().rsplit(")", 1)[1].split()


def parent(entry):
    return int(fields(entry)[1])


def cpu(pid):
    """Seconds of processor time of a process, without its children."""
    own = fields(Path("/proc", str(pid)))
    return (int(own[11]) + int(own[12])) / os.sysconf("SC_CLK_TCK")


def lines(path, offset=0):
    """The JSON lines of a file from this offset."""
    with open(path) as file:
        file.seek(offset)
        return [json.loads(line) for line in file if line.endswith("}\n")]
