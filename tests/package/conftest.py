"""What the tests of packages and deployment share: the packages that scripts/package made, an independent
emulator of AWS (moto's server), and the scripts.

They are run by .ci/release, which makes what they need; none of it is a newcomer's.
"""

import base64
import hashlib
import hmac
import json
import os
import platform
import re
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/conformance"))
from cloud import Cloud, PROGRAM  # noqa: E402
from ministack import MiniStack  # noqa: E402

PACKAGES = ROOT / "target/package"
HOST = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
MAX_WAIT = 120


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory):
    """This machine's packages, as Lambda unpacks them: a folder for each."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ["handlers", "worker"]:
        with zipfile.ZipFile(PACKAGES / HOST / f"{name}.zip") as package:
            for entry in package.infolist():
                path = Path(package.extract(entry, folder / name))
                path.chmod(entry.external_attr >> 16 & 0o777)
    return folder


@pytest.fixture(scope="session")
def packaged(unpacked, tmp_path_factory):
    """The embedded cloud, with the packaged programs as its functions."""
    cloud = Cloud(tmp_path_factory.mktemp("cloud"), "--packages", str(unpacked))
    cloud.data = tmp_path_factory.getbasetemp() / "cloud0"
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    """The environment for a deployment to moto's server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = open(tmp_path_factory.mktemp("moto") / "server.log", "wb")
    server = subprocess.Popen(
        [ROOT / ".tools/moto/bin/moto_server", "-H", "127.0.0.1", "-p", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )
    # By this name: moto finds a template's bucket in an address of that form only, if it is in the path.
    address = f"http://localhost:{port}"
    config = tmp_path_factory.mktemp("aws") / "config"
    config.write_text("[default]\ns3 =\n    addressing_style = path\n")
    end = time.monotonic() + MAX_WAIT
    while True:
        try:
            urllib.request.urlopen(f"{address}/moto-api/data.json", timeout=5).read()
            break
        except OSError:
            assert server.poll() is None and time.monotonic() < end, "moto's server does not start"
            time.sleep(0.1)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LONGHAUL"))}
    yield clean | {
        "AWS_ENDPOINT_URL": address,
        "AWS_CONFIG_FILE": str(config),
        "AWS_ACCESS_KEY_ID": "emulated",
        "AWS_SECRET_ACCESS_KEY": "emulated",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "LONGHAUL": str(PROGRAM),
    }
    server.terminate()
    server.wait(timeout=30)
    log.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The template, without the attributes of what the emulator does not know."""
    text = (ROOT / "cloudformation/template.yaml").read_text()
    text = re.sub(r"!Ref (\w+)Alias\b", r"!GetAtt \1Function.Arn", text)
    text = re.sub(r"\$\{(\w+)Alias\}", r"${\1Function.Arn}", text)
    text = re.sub(r"\$\{(\w+Alarm)\.Arn\}", r"\1", text)
    text = text.replace("EventBusName: !Ref PublishBus", "EventBusName: !GetAtt PublishBus.Name")
    path = tmp_path_factory.mktemp("template") / "template.yaml"
    path.write_text(text)
    return str(path)


def run(script, environment, *arguments, said=""):
    """A script of ours: its exit code and all that it printed."""
    ended = subprocess.run(
        [ROOT / "scripts" / script, *arguments],
        cwd=ROOT,
        env=environment,
        input=said,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    return ended.returncode, ended.stdout


def aws(environment, *arguments):
    """The stock command line's answer."""
    # Said outright, as the command line asks SQS elsewhere whatever the environment says.
    place = ["--endpoint-url", environment["AWS_ENDPOINT_URL"], "--output", "json"]
    ended = subprocess.run(["aws", *arguments, *place], env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout) if ended.stdout.startswith(("{", "[")) else None


def token(cloud):
    """A token that the embedded cloud accepts, signed with its secret."""
    secret = (cloud.data / "secrets/TokenSecret").read_text().strip()
    part = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    claims = {"sub": "deployer", "username": "deployer", "exp": int(time.time()) + 600}
    text = part(b'{"alg":"HS256","typ":"JWT"}') + "." + part(json.dumps(claims).encode())
    return text + "." + part(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


@pytest.fixture(scope="module")
def ministack(tmp_path_factory):
    """A server of the second emulator, MiniStack."""
    server = MiniStack(tmp_path_factory.mktemp("ministack"))
    yield server
    server.stop()
