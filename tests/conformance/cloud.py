"""The embedded cloud as a process: started on free ports, killed by its id, started again.

It knows the command line's promise (an address a line, then READY) and nothing of any service.
"""

import os
import signal
import subprocess
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "longhaul"
REGION = "us-east-1"
CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}


class Cloud:
    """A running `longhaul up` on a data folder, with these options besides."""

    def __init__(self, data: Path, *options: str):
        if not PROGRAM.exists():
            raise FileNotFoundError(f"{PROGRAM} is missing: cargo build -p longhaul makes it")
        data.mkdir(parents=True, exist_ok=True)
        command = [PROGRAM, "up", "--port", "0", "--aws-port", "0", "--data", data, *options]
        with open(data / "stderr.log", "ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.endpoint = self.gateway = ""
        for line in self.process.stdout:
            if line.startswith("AWS "):
                self.endpoint = line.split()[1]
            if line.startswith("WebSocket "):
                self.gateway = line.split()[1]
            if line.strip() == "READY":
                return
        raise RuntimeError(f"longhaul up ended before READY; see {data / 'stderr.log'}")

    def client(self, service: str):
        """A client that tells every failure and repeats nothing by itself."""
        return local_client(service, self.endpoint)

    def kill(self):
        """SIGKILL: nothing is flushed."""
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals):
        self.process.send_signal(how)
        self.process.wait(timeout=30)
        self.process.stdout.close()


def local_client(service: str, endpoint: str, **config):
    """A client for an endpoint that believes any credentials."""
    config = {"retries": {"total_max_attempts": 1}, "parameter_validation": False, "max_pool_connections": 32} | config
    return boto3.client(
        service, endpoint_url=endpoint, region_name=REGION, config=Config(**config), **CREDENTIALS
    )
