"""A Lambda and an API Gateway that share nothing with ours: the Runtime API over HTTP for one process a function, the
management API of connections, and a poller of queues.

It knows AWS's wire formats and nothing of what frames or rows say.
"""

import json
import queue
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath

MAX_WAIT = 60
RUNTIME = "/2018-06-01/runtime"


class Server:
    """HTTP on a free loopback port; `answer(method, path, body)` gives status, headers and body."""

    def __init__(self, answer):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, headers, content = answer(self.command, self.path, body)
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = serve

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.address = f"127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


def command_of(configuration, folder):
    """What Lambda starts for a function: its program, or, where the runtime has a language, what the wrapper names, with the
    language's own command."""
    if configuration["Runtime"].startswith("provided."):
        return [folder / "bootstrap"]
    wrapper = PurePosixPath(configuration["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"])
    return [folder / wrapper.relative_to("/var/task"), "/var/lang/bin/python3", "/var/runtime/bootstrap.py"]


class Died(Exception):
    """The process ended in the middle of an invocation."""


class Function:
    """One function: a process when it is first needed, and a new one after a death."""

    def __init__(self, command, folder, environment, timeout):
        """`folder` is where the package is unpacked, and where Lambda starts its program."""
        self.command, self.folder, self.environment, self.timeout = command, folder, environment, timeout
        self.waiting, self.answers = queue.Queue(), {}
        self.server = Server(self.answer)
        self.process, self.lock = None, threading.Lock()

    def answer(self, method, path, body):
        if path == f"{RUNTIME}/invocation/next":
            request, event = self.waiting.get()
            headers = {
                "Lambda-Runtime-Aws-Request-Id": request,
                "Lambda-Runtime-Deadline-Ms": str(int(1000 * (time.time() + self.timeout))),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:hosted",
                "Content-Type": "application/json",
            }
            return 200, headers, json.dumps(event).encode()
        *_, request, what = path.split("/")
        if request in self.answers:
            self.answers[request].put((what, body))
        return 202, {}, b""

    def start(self):
        environment = self.environment | {"AWS_LAMBDA_RUNTIME_API": self.server.address}
        self.process = subprocess.Popen(
            self.command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )

    def invoke(self, event):
        """What the function returned; `Died` if it is no more."""
        with self.lock:
            if self.process is None or self.process.poll() is not None:
                self.start()
        request, answer = str(uuid.uuid4()), queue.Queue()
        self.answers[request] = answer
        self.waiting.put((request, event))
        end = time.monotonic() + MAX_WAIT
        while time.monotonic() < end:
            try:
                what, body = answer.get(timeout=0.1)
            except queue.Empty:
                if self.process.poll() is not None:
                    raise Died from None
                continue
            assert what == "response", body
            return json.loads(body or b"null")
        raise TimeoutError("an invocation never ended")

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class Gateway:
    """Connections' management API, and the events that frames become."""

    def __init__(self):
        self.pushed = {}
        self.server = Server(self.answer)
        self.endpoint = f"http://{self.server.address}/prod"

    def answer(self, method, path, body):
        connection = path.rsplit("/", 1)[1].replace("%3D", "=")
        if connection not in self.pushed:
            return 410, {"x-amzn-errortype": "GoneException"}, b"{}"
        self.pushed[connection].put(json.loads(body))
        return 200, {}, b""

    def connect(self):
        connection = uuid.uuid4().hex
        self.pushed[connection] = queue.Queue()
        return connection

    def event(self, connection, kind, route, context, **more):
        return more | {
            "isBase64Encoded": False,
            "requestContext": {
                "routeKey": route,
                "eventType": kind,
                "connectionId": connection,
                "connectedAt": int(1000 * time.time()),
                "requestTimeEpoch": int(1000 * time.time()),
                "identity": {"sourceIp": "192.0.2.7"},
                "authorizer": context,
                "stage": "prod",
                "apiId": "hosted",
                "domainName": "hosted",
                "requestId": str(uuid.uuid4()),
            },
        }


class Poller:
    """An event source mapping of batch size 1 with partial batch responses, until it is stopped."""

    def __init__(self, sqs, url, arn, function):
        self.sqs, self.url, self.arn, self.function = sqs, url, arn, function
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        asked = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"]}
        while not self.stopped.is_set():
            answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=1, WaitTimeSeconds=1, **asked)
            for message in answer.get("Messages", []):
                self.pass_on(message)

    def pass_on(self, message):
        record = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.arn,
            "awsRegion": "eu-west-1",
        }
        try:
            answer = self.function.invoke({"Records": [record]})
        except Died:
            return
        if not answer["batchItemFailures"]:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def stop(self):
        self.stopped.set()
        self.thread.join(timeout=MAX_WAIT)
