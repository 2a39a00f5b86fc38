"""The stack under verification: its names, and the tools that reach it (scripts, the aws command line, longhaul)."""

import json
import os
import secrets
import subprocess
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

from verify.client import Client, StepFailed, require, signed_token

ROOT = Path(__file__).resolve().parents[2]
# No command takes longer: a change set of all resources, or a shift of all functions.
COMMAND_SECONDS = 3600
# Between this machine's clock and CloudFormation's.
CLOCK_SKEW = timedelta(minutes=10)


class Stopped(Exception):
    """The verification can't go on: a tool is missing, or something is in the way."""


def now():
    return datetime.now(timezone.utc)


class Verification:
    def __init__(self, options, state):
        self.options, self.state = options, state
        self.lock = threading.RLock()
        self._outputs = self._secret = None
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        region = region or self.command(["aws", "configure", "get", "region"], check=False).stdout.strip()
        if not region:
            raise Stopped("no region is configured; set AWS_REGION")
        # Version 1 of the aws command line reads only the second.
        self.environment = os.environ | {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_PAGER": ""}
        self.region = region

    # Tools

    def command(self, arguments, said=None, check=True, environment=None, echo=False):
        """Runs a program. With `echo` its output is printed while it runs."""
        environment = environment or getattr(self, "environment", os.environ)
        pipe = None if echo else subprocess.PIPE
        try:
            ended = subprocess.run(
                arguments, cwd=ROOT, env=environment, input=said, stdout=pipe, stderr=pipe, text=True, timeout=COMMAND_SECONDS
            )
        except FileNotFoundError:
            raise Stopped(f"{arguments[0]} is not installed") from None
        if check and ended.returncode != 0:
            name = " ".join(str(word) for word in arguments[:3])
            raise StepFailed(f"{name} exited with {ended.returncode}: {(ended.stderr or ended.stdout or '').strip()[-600:]}")
        return ended

    def aws(self, *arguments, check=True):
        """The answer of the aws command line; None if it failed and `check` is false."""
        ended = self.command(["aws", *arguments, "--output", "json"], check=check)
        if ended.returncode != 0:
            return None
        return json.loads(ended.stdout) if ended.stdout.strip() else {}

    def script(self, name, *arguments, said=None, check=True, environment=None):
        """A script of this repository; its output is shown. Its exit code."""
        ended = self.command([ROOT / "scripts" / name, *arguments], said=said, check=False, environment=environment, echo=True)
        if check and ended.returncode != 0:
            raise StepFailed(f"scripts/{name} exited with {ended.returncode}; see above")
        return ended.returncode

    def longhaul(self, *arguments, said=None, check=True):
        return self.command([*self.program(), *arguments], said=said, check=check)

    def program(self):
        """The command line that starts longhaul: $LONGHAUL, the one on the PATH, or cargo run."""
        if os.environ.get("LONGHAUL"):
            return [os.environ["LONGHAUL"]]
        found = self.command(["bash", "-c", "type -P longhaul"], check=False).stdout.strip()
        return [found] if found else ["cargo", "run", "--quiet", "--locked", "--"]

    # The stack

    @property
    def stack(self):
        return self.state["stack"]

    def choose_names(self):
        """Names that no other stack has, and the account. Recorded before anything is made."""
        who = self.aws("sts", "get-caller-identity")
        if self.state.get("account") not in (None, who["Account"]):
            raise Stopped(f"{self.state.path} belongs to another account; use its credentials, or another --state")
        if self.state.get("region") not in (None, self.region):
            raise Stopped(f"{self.state.path} belongs to {self.state['region']}; set AWS_REGION, or use another --state")
        if self.state.get("stack"):
            return
        stack = f"longhaul-verify-{secrets.token_hex(3)}"
        bucket = f"{stack}-code-{who['Account']}-{self.region}"
        self.state.set(account=who["Account"], region=self.region, stack=stack, code_bucket=bucket, started=now().isoformat())

    def described(self):
        """The stack as CloudFormation describes it, or None."""
        ended = self.command(
            ["aws", "cloudformation", "describe-stacks", "--stack-name", self.stack, "--output", "json"], check=False
        )
        if ended.returncode == 0:
            return json.loads(ended.stdout)["Stacks"][0]
        require("does not exist" in ended.stderr, f"CloudFormation does not describe the stack: {ended.stderr.strip()}")
        return None

    def is_ours(self, stack):
        """Whether this is the stack that this verification made, and not another one of its name."""
        known = self.state.get("stack_id")
        if known:
            return stack["StackId"] == known
        # Stopped before its id was recorded: the name was free at that time.
        unused = self.state.get("unused_at")
        made = datetime.fromisoformat(stack["CreationTime"])
        return bool(unused) and made >= datetime.fromisoformat(unused) - CLOCK_SKEW

    def output(self, name):
        with self.lock:
            if self._outputs is None:
                listed = self.described()["Outputs"]
                self._outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in listed}
        return self._outputs[name]

    def parameters(self):
        return {entry["ParameterKey"]: entry["ParameterValue"] for entry in self.described()["Parameters"]}

    def deploy(self, *options, check=True, environment=None):
        """scripts/deploy of this stack, with the options that the verification was started with."""
        given = ["--stack", self.stack, "--code-bucket", self.state["code_bucket"], "--yes"]
        if self.options.template:
            given += ["--template", self.options.template]
        if self.options.packages and "--packages" not in options:
            given += ["--packages", self.options.packages]
        return self.script("deploy", *given, *options, check=check, environment=environment)

    def secret(self):
        with self.lock:
            if self._secret is None:
                answer = self.aws("secretsmanager", "get-secret-value", "--secret-id", self.output("TokenSecretArn"))
                self._secret = answer["SecretString"]
        return self._secret

    def client(self, user="verifier", way="url", **claims):
        return Client(self.output("WebSocketUrl"), signed_token(self.secret(), user, **claims), way)

    def on_stack(self):
        """The options with which longhaul's operator commands find this stack."""
        return ["--aws", "--project", self.stack]
