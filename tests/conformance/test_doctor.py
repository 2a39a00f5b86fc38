"""`longhaul doctor --aws`: what it finds with the stock command line, and where something else than AWS answers."""

import json
import os
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from cloud import PROGRAM, ROOT, Cloud

# The checks that need the aws command line.
BY_COMMAND_LINE = {"functions", "event sources", "schedule", "secret"}


def doctor(endpoint, **more):
    """The findings by their check."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1"}
    environment |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"} | more
    ended = subprocess.run([PROGRAM, "doctor", "--aws", "--json"], env=environment, capture_output=True, text=True)
    assert ended.stdout, ended.stderr
    return {check["check"]: check for check in json.loads(ended.stdout)["checks"]}


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    cloud = Cloud(tmp_path_factory.mktemp("cloud"))
    yield cloud
    cloud.stop()


def test_the_command_line_of_this_version_understands_the_options(embedded):
    # The embedded cloud does not know these calls. What counts is that the command line has sent them.
    checks = doctor(embedded.endpoint)
    for check in BY_COMMAND_LINE:
        assert checks[check]["verdict"] == "not looked at"
        assert "Unknown options" not in checks[check]["found"] and "usage" not in checks[check]["found"]
        assert "region" not in checks[check]["found"]


def test_an_answer_of_the_command_line_that_is_no_json_is_reported_as_such(embedded, tmp_path):
    other = tmp_path / "aws"
    other.write_text("#!/bin/sh\necho '<html>sign in</html>'\n")
    other.chmod(0o755)
    checks = doctor(embedded.endpoint, PATH=f"{tmp_path}:{os.environ['PATH']}")
    for check in BY_COMMAND_LINE:
        assert "the answer of `aws lambda get-function-configuration` is not JSON" in checks[check]["found"]


def test_nothing_passes_an_option_that_only_one_version_of_the_command_line_has():
    named = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("cli/src/**/*.rs")]
    scripts = [path for path in ROOT.glob("scripts/*") if path.is_file()]
    for path in [*named, *scripts]:
        for line in path.read_text().splitlines():
            if not line.strip().startswith(("#", "//")):
                assert "--no-cli-" not in line and "--cli-" not in line, path


@pytest.mark.parametrize("status", [200, 403])
def test_a_proxy_that_answers_in_place_of_aws_is_no_missing_permission(status):
    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("content-length", 0)))
            body = b"<html>sign in</html>"
            self.send_response(status)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    Thread(target=server.serve_forever, daemon=True).start()
    checks = doctor(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    endpoint = checks["endpoint"]
    assert endpoint["verdict"] == "failed" and "the answer can't be read" in endpoint["found"]
    assert "something else than AWS answers" in endpoint["do"] and "permission" not in endpoint["do"]


def test_without_a_region_it_says_so_and_nothing_else(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    run = subprocess.run([PROGRAM, "doctor", "--aws", "--json"], env=environment, capture_output=True, text=True)
    (check,) = json.loads(run.stdout)["checks"]
    assert (run.returncode, run.stderr, check["check"]) == (2, "", "settings")
    assert "AWS_REGION" in check["found"] and "AWS_REGION" in check["do"] and "embedded" not in check["do"]
    text = subprocess.run([PROGRAM, "jobs", "list", "--aws"], env=environment, capture_output=True, text=True)
    assert (text.returncode, len(text.stderr.splitlines())) == (2, 1) and "AWS_REGION" in text.stderr


def test_what_does_not_answer_is_named_without_a_dump():
    # Nothing listens on the port of discard.
    check = doctor("http://127.0.0.1:9")["endpoint"]
    assert check["verdict"] == "failed" and check["found"].startswith("no answer: ")
    assert "{" not in check["found"] and "Failure(" not in check["found"], check["found"]
