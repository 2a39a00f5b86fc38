"""The packaged functions on an independent AWS: DynamoDB, SQS and S3 of moto's server, and a Lambda and an API Gateway of
this test, so that nothing depends on the embedded cloud.

Moto's CloudFormation makes the tables, queues and environments from our template.
"""

import json
import time
from pathlib import Path

import boto3
import pytest

from lambda_host import MAX_WAIT, Function, Gateway, Poller, command_of


class Elsewhere:
    def __init__(self, environment, place, unpacked):
        self.gateway = Gateway()
        self.dynamodb = boto3.client("dynamodb", **place)
        self.sqs = boto3.client("sqs", **place)
        # Moto's CloudFormation makes no secret, so it leaves out the setting that names it.
        secret = boto3.client("secretsmanager", **place).create_secret(
            Name="longhaul-token-secret", SecretString="0123456789abcdef" * 4
        )
        signs = {name: {"TOKEN_SECRET_ARN": secret["ARN"]} for name in ["authorize", "message"]}
        listed = boto3.client("lambda", **place).list_functions()["Functions"]
        self.functions = {}
        for function in listed:
            name = function["FunctionName"].removeprefix("longhaul-")
            folder = unpacked / ("worker" if name == "worker" else "handlers")
            settings = function["Environment"]["Variables"] | signs.get(name, {}) | {
                "_HANDLER": function["Handler"],
                "AWS_LAMBDA_FUNCTION_NAME": function["FunctionName"],
                "CONNECTIONS_ENDPOINT": self.gateway.endpoint,
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function["MemorySize"]),
                "AWS_LAMBDA_FUNCTION_VERSION": "1",
                "AWS_LAMBDA_LOG_GROUP_NAME": "hosted",
                "AWS_LAMBDA_LOG_STREAM_NAME": "hosted",
            }
            plain = {name: str(value) for name, value in (environment | settings).items()}
            self.functions[name] = Function(command_of(function, folder), folder, plain, 20)
        self.pollers = []
        for name in ["jobs", "continuations"]:
            url = self.sqs.get_queue_url(QueueName=f"longhaul-{name}")["QueueUrl"]
            arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            self.pollers.append(Poller(self.sqs, url, arn, self.functions["worker"]))

    def stop(self):
        for poller in self.pollers:
            poller.stop()
        for function in self.functions.values():
            function.stop()

    def client(self, user):
        return Client(self, user)

    def sweep(self):
        self.functions["sweep"].invoke({})

    def row(self, job):
        return self.dynamodb.get_item(TableName="longhaul-jobs", Key={"jobId": {"S": job}})["Item"]


class Client:
    def __init__(self, host, user):
        self.host, self.connection = host, host.gateway.connect()
        self.context = {"userId": user, "username": user, "expiresAt": str(int(time.time()) + 600)}
        event = host.gateway.event(self.connection, "CONNECT", "$connect", self.context, headers={})
        assert host.functions["connection"].invoke(event)["statusCode"] == 200

    def ask(self, frame):
        """The direct answer, if there is one."""
        event = self.host.gateway.event(self.connection, "MESSAGE", "$default", self.context, body=json.dumps(frame))
        body = self.host.functions["message"].invoke(event).get("body")
        return json.loads(body) if body else None

    def submit(self, query="elsewhere", **more):
        params = more.pop("params", {})
        assert self.ask({"action": "query", "kind": "noop", "query": query, "params": params} | more) is None
        return self.until("job_queued")[-1]["jobId"]

    def until(self, kind):
        frames = []
        while not frames or frames[-1]["type"] != kind:
            frames.append(self.host.gateway.pushed[self.connection].get(timeout=MAX_WAIT))
        return frames


@pytest.fixture(scope="module")
def host(emulator, unpacked, template):
    place = {"endpoint_url": emulator["AWS_ENDPOINT_URL"], "region_name": "eu-west-1"}
    place |= {"aws_access_key_id": "emulated", "aws_secret_access_key": "emulated"}
    s3 = boto3.client("s3", **place)
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for name in ["handlers", "worker"]:
        # What the emulator is given it never runs.
        s3.put_object(Bucket="code", Key=f"{name}.zip", Body=b"not run there")
    values = {"CodeBucket": "code", "NoopEnabled": "true", "AccessLogs": "none", "LeaseSeconds": "3", "SubmitsPerSecond": "0"}
    boto3.client("cloudformation", **place).create_stack(
        StackName="longhaul",
        TemplateBody=Path(template).read_text(),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    )
    host = Elsewhere(emulator, place, unpacked)
    yield host
    host.stop()


def until(what, holds):
    end = time.monotonic() + MAX_WAIT
    while not holds():
        assert time.monotonic() < end, f"it never came about that {what}"
        time.sleep(0.1)


def test_a_job_is_done_and_told(host):
    alice = host.client("alice")
    job = alice.submit(params={"steps": 4, "bytes": 2048})
    events = alice.until("job_completed")
    assert [event["seq"] for event in events] == list(range(2, len(events) + 2))
    assert events[-1]["result"]
    row = host.row(job)
    assert row["status"]["S"] == "completed"
    until("it is off the index", lambda: "openShard" not in host.row(job))


def test_a_hundred_submits_under_one_key_are_one_job(host):
    alice = host.client("alice")
    frame = {"action": "query", "kind": "noop", "query": "once", "idempotencyKey": "key", "params": {"steps": 0}}
    answers = [alice.ask(frame) for _ in range(100)]
    assert answers[0] is None
    assert {answer["type"] for answer in answers[1:]} == {"subscribed"}
    assert len({answer["jobId"] for answer in answers[1:]}) == 1
    refusal = alice.ask(frame | {"query": "another"})
    assert refusal["data"]["code"] == "CONFLICT"


def test_what_was_streamed_and_kept_is_read_again(host):
    alice = host.client("alice")
    job = alice.submit(params={"steps": 3, "text": 200, "keep": True})
    chunks = [event["content"] for event in alice.until("job_completed") if event["type"] == "chunk"]
    again = alice.ask({"action": "subscribe", "jobId": job, "after": 0})
    assert again["status"] == "completed" and not again["more"]
    assert "".join(e["content"] for e in again["events"] if e["type"] == "chunk") == "".join(chunks) != ""


def test_a_failed_attempt_is_followed_by_another(host):
    alice = host.client("alice")
    alice.submit(params={"fail": "retry", "failures": 1})
    events = alice.until("job_completed")
    assert "retrying" in [event.get("status") for event in events]
    assert events[-1]["usage"]["attempts"] == 2


def test_a_job_is_cancelled(host):
    alice = host.client("alice")
    job = alice.submit(params={"steps": 100, "stepMs": 1000})
    alice.until("progress_update")
    # Pushed and not answered, so that it can't come behind the event.
    alice.ask({"action": "cancel", "jobId": job})
    frames = alice.until("job_cancelled")
    assert "cancelling" in [frame["type"] for frame in frames] and frames[-1]["jobId"] == job


def test_a_worker_that_dies_is_followed_by_another(host):
    alice = host.client("alice")
    alice.submit(params={"crash": True, "failures": 1})
    events = alice.until("job_completed")
    assert events[-1]["usage"]["attempts"] == 2


def test_a_message_that_is_lost_is_sent_by_the_sweep(host):
    alice = host.client("alice")
    for poller in host.pollers:
        poller.stop()
    job = alice.submit(params={"steps": 0})
    host.sqs.purge_queue(QueueUrl=host.pollers[0].url)
    host.pollers[:] = [Poller(host.sqs, p.url, p.arn, p.function) for p in host.pollers]

    def swept():
        host.sweep()
        return host.row(job)["status"]["S"] == "completed"

    until("the sweep has sent it", swept)
    alice.until("job_completed")


def test_what_failed_for_good_is_a_dead_letter(host):
    alice = host.client("alice")
    job = alice.submit(params={"fail": "retry"})
    assert alice.until("job_failed")[-1]["attempts"] == 3
    url = host.sqs.get_queue_url(QueueName="longhaul-jobs-dlq")["QueueUrl"]
    letters = []

    def there():
        letters.extend(host.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []))
        return any(job in letter["Body"] for letter in letters)

    until("its evidence is there", there)


def test_another_users_job_is_gone(host):
    alice, mallory = host.client("alice"), host.client("mallory")
    job = alice.submit(params={"steps": 0})
    alice.until("job_completed")
    answer = mallory.ask({"action": "subscribe", "jobId": job, "after": 0})
    assert answer["mode"] == "gone"
    assert job in [one["jobId"] for one in alice.ask({"action": "listJobs"})["jobs"]]
    assert mallory.ask({"action": "listJobs"})["jobs"] == []


def test_who_is_gone_is_marked(host):
    alice = host.client("alice")
    job = alice.submit(params={"steps": 20, "stepMs": 100})
    del host.gateway.pushed[alice.connection]
    until("it ended", lambda: host.row(job)["status"]["S"] == "completed")
    key = {"connectionId": {"S": alice.connection}}
    row = host.dynamodb.get_item(TableName="longhaul-connections", Key=key)["Item"]
    assert row["status"]["S"] == "DISCONNECTED"
