"""MiniStack, a second independent emulator of AWS, which runs the packages: CloudFormation, a WebSocket API in front of
real function processes, queues that trigger them, topics and buses.

Our template and scripts need an adaptation wherever MiniStack differs from AWS. All are in `ADAPTATIONS`, each with its
reason; a test deploys without each and fails for one that has become needless.
"""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from subprotocol_proxy import SubprotocolProxy

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/conformance"))
from cloud import PROGRAM as LONGHAUL  # noqa: E402

PROGRAM = ROOT / ".tools/ministack/bin/ministack"
MAX_WAIT = 120


@dataclass(frozen=True)
class Adaptation:
    """A change that MiniStack needs. `template` changes our template's text, given the server; `command` is a line
    of bash in a wrapper of the aws command line, which may change an argument. Without it a deployment says
    `symptom` (a regular expression): in an error, in what the stack then is, or in MiniStack's log."""

    name: str
    reason: str
    symptom: str
    template: Callable[[str, "MiniStack"], str] = lambda text, server: text
    command: str = ""


def without_resources(text, unwanted):
    """The template without the resources whose text `unwanted` says so, and their names."""
    before, rest = text.split("\nResources:\n", 1)
    resources, after = rest.split("\nOutputs:\n", 1)
    names = []

    def without_unwanted(match):
        if not unwanted(match[0]):
            return match[0]
        names.append(match[1])
        return ""

    resources = re.sub(r"^  (\w+):\n(?:(?:    .*)?\n)+", without_unwanted, resources + "\n", flags=re.MULTILINE)
    return f"{before}\nResources:\n{resources}\nOutputs:\n{after}", names


def without_code_deploy(text, _):
    text, _ = without_resources(text, lambda resource: "    Type: AWS::CodeDeploy::" in resource)
    return re.sub(r"    UpdatePolicy:\n      CodeDeployLambdaAliasUpdate: .*\n", "", text)


def without_route_responses(text, _):
    return without_resources(text, lambda resource: "    Type: AWS::ApiGatewayV2::RouteResponse\n" in resource)[0]


def without_metric_math(text, _):
    alarm = "    Type: AWS::CloudWatch::Alarm\n"
    text, names = without_resources(text, lambda resource: alarm in resource and "\n      Metrics:\n" in resource)
    for name in names:
        text = re.sub(rf', "\$\{{{name}\.Arn\}}"|"\$\{{{name}\.Arn\}}", ', "", text)
    return text


def with_local_connections(text, server):
    return text.replace(
        "https://${WebSocketApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/",
        f"http://{server.address}/_aws/execute-api/${{WebSocketApi}}/",
    )


def with_local_url(text, server):
    return text.replace(
        "wss://${WebSocketApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/",
        f"ws://{server.address}/_aws/execute-api/${{WebSocketApi}}/",
    )


def through_proxy(text, server):
    return text.replace(f"ws://{server.address}/", f"ws://{server.proxy.address}/")


def with_literal_concurrency(text, _):
    def literal(match):
        parameter = re.search(rf"^  {match[1]}:\n(?:    .*\n)*?    Default: (\d+)\n", text, re.MULTILINE)
        return f"{{MaximumConcurrency: {parameter[1]}}}"

    return re.sub(r"\{MaximumConcurrency: !Ref (\w+)\}", literal, text)


def without_identity_sources(text, _):
    return text.replace("      AuthorizerType: REQUEST\n", "      AuthorizerType: REQUEST\n      IdentitySource: []\n")


ADAPTATIONS = [
    Adaptation(
        "template-url-path",
        "It finds a template's bucket only in the URL's path: Invalid TemplateURL.",
        r"Invalid TemplateURL",
        command=r"""[[ $argument =~ ^https://([^./]+)\.s3\.([^/]+)/(.+)$ ]] && argument=https://s3.${BASH_REMATCH[2]}/${BASH_REMATCH[1]}/${BASH_REMATCH[3]}""",
    ),
    Adaptation(
        "no-code-deploy",
        "It has no CodeDeploy: Unrecognized resource types. A release moves each alias at once.",
        r"Unrecognized resource types: .*AWS::CodeDeploy::",
        without_code_deploy,
    ),
    Adaptation(
        "no-route-response",
        "It does not know AWS::ApiGatewayV2::RouteResponse: Unrecognized resource types. It sends responses without one.",
        r"Unrecognized resource types: .*AWS::ApiGatewayV2::RouteResponse",
        without_route_responses,
    ),
    Adaptation(
        "no-metric-math",
        "It does not support metric math in alarms.",
        r"metric math\) is not supported",
        without_metric_math,
    ),
    Adaptation(
        "local-connections-endpoint",
        "Its @connections are on its own port and plain HTTP, but AWS::URLSuffix is Amazon's.",
        r"CONNECTIONS_ENDPOINT=https://\w+\.execute-api\.eu-west-1\.amazonaws\.com/",
        with_local_connections,
    ),
    Adaptation(
        "local-websocket-url",
        "Its WebSocket APIs are on its own port and plain HTTP, but AWS::URLSuffix is Amazon's.",
        r"WebSocketUrl=wss://\w+\.execute-api\.eu-west-1\.amazonaws\.com/",
        with_local_url,
    ),
    Adaptation(
        "subprotocol-proxy",
        "It leaves out the header Sec-WebSocket-Protocol that our function returns: Server sent no subprotocol.",
        r"handshake=http/1\.1 101(?!.*sec-websocket-protocol)",
        through_proxy,
    ),
    Adaptation(
        "literal-concurrency",
        "It keeps the value of a Number parameter as text, and its pollers fail: '>=' not supported between int and str.",
        r"ESM SQS poller error: '>=' not supported between instances of 'int' and 'str'",
        with_literal_concurrency,
    ),
    Adaptation(
        "empty-identity-source",
        "Without IdentitySource its authorizer wants the header Authorization, where AWS wants nothing: 401.",
        r"IdentitySource=\['\$request\.header\.Authorization'\]",
        without_identity_sources,
    ),
]


class MiniStack:
    """A server on a free loopback port, with its files in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LONGHAUL"))}
        (folder / "tmp").mkdir()
        place = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": "eu-west-1",
            "TMPDIR": str(folder / "tmp"),
            # It passes this on to the functions.
            "AWS_ENDPOINT_URL": f"http://{self.address}",
        }
        self.proxy = SubprotocolProxy(self.address)
        self.log = open(folder / "server.log", "wb")
        self.process = subprocess.Popen(
            [PROGRAM], env=clean | place, cwd=folder, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        end = time.monotonic() + MAX_WAIT
        while True:
            try:
                urllib.request.urlopen(f"http://{self.address}/_ministack/health", timeout=5).read()
                break
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, "MiniStack does not start"
                time.sleep(0.1)
        config = folder / "config"
        config.write_text("[default]\ns3 =\n    addressing_style = path\n")
        self.environment = clean | {
            "AWS_ENDPOINT_URL": f"http://{self.address}",
            "AWS_CONFIG_FILE": str(config),
            "AWS_ACCESS_KEY_ID": "emulated",
            "AWS_SECRET_ACCESS_KEY": "emulated",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "LONGHAUL": str(LONGHAUL),
        }

    def stop(self):
        self.proxy.stop()
        self.process.terminate()
        self.process.wait(timeout=60)
        self.log.close()

    def adapted(self, left_out=None):
        """The template's path and the environment for scripts, with all adaptations but the one of this name."""
        applied = [one for one in ADAPTATIONS if one.name != left_out]
        folder = self.folder / (f"without-{left_out}" if left_out else "adapted")
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        text = (ROOT / "cloudformation/template.yaml").read_text()
        for one in applied:
            text = one.template(text, self)
        template = folder / "template.yaml"
        template.write_text(text)
        real = subprocess.run(["bash", "-c", "type -P aws"], capture_output=True, text=True, check=True).stdout.strip()
        wrapper = folder / "bin/aws"
        lines = ["#!/usr/bin/env bash", "arguments=()", 'for argument in "$@"; do']
        lines += [one.command for one in applied if one.command]
        lines += ['arguments+=("$argument")', "done", f'exec {real} "${{arguments[@]}}"', ""]
        wrapper.write_text("\n".join(lines))
        wrapper.chmod(0o755)
        return template, self.environment | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
