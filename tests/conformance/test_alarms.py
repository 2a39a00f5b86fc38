"""Each alarm of the template fires when its cause happens on the embedded cloud, and none fires on an idle one.

Thresholds and metrics are read from the template.
"""

import base64
import json
import re
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from subprocess import check_output

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from alarms import Samples, Template, is_firing
from cloud import PROGRAM, ROOT, Cloud
from test_runbook import receive_until, wait_until

# Parameters that turn minutes into seconds; the template's arithmetic stays.
QUICK = {"LeaseSeconds": "1", "MaxAttempts": "2", "WorkerTimeoutSeconds": "5", "WorkerConcurrency": "2"}
QUICK |= {"LongestWaitSeconds": "1", "OldestMessageSeconds": "1", "OldestNotificationSeconds": "1", "EndToEndSeconds": "1"}
UNLIMITED = QUICK | {"OpenJobs": "0", "SubmitsPerSecond": "0"}
QUIET = {"LongestWaitSeconds": "300"}
QUEUES = ["jobs", "continuations", "jobs-dlq", "deliveries", "publish", "fanout", "fanout-dlq"]
TOPIC = "arn:aws:sns:us-east-1:000000000000:longhaul-publish"
PUBLISHED = {"topic": "t", "type": "x", "data": {}}


class Watched:
    """An embedded cloud, and the samples that CloudWatch would have of it."""

    def __init__(self, data, stack, parameters, *options):
        self.data, self.wire = data, data / "wire.log"
        # As in AWS: a killed worker's job waits for its lease.
        options = ["--leave-leases", "--wire-log", str(self.wire), *options]
        for name, setting in parameters.items():
            options += ["--parameter", f"{name}={setting}"]
        self.cloud = Cloud(data, *options)
        stack.callback(self.cloud.kill)
        command = [PROGRAM, "token", "--data", data, "--user", "alice"]
        token = check_output(command, text=True).strip()
        self.token = token
        # An issuer's stack believes none of ours.
        if parameters.get("TokenAlgorithms") is None:
            self.socket = stack.enter_context(connect(f"{self.cloud.gateway}?token={token}"))
        self.sqs = self.cloud.client("sqs")
        self.template, self.throttled, self.reads_throttled = Template(**parameters), 0, 0
        # The time at which the oldest message of a queue was sent.
        self.sent = {}

    def submit(self, wait_for, **params):
        self.socket.send(json.dumps({"action": "query", "kind": "noop", "query": "alarming", "params": params}))
        return receive_until(self.socket, wait_for)

    def faults(self, *rules):
        body = json.dumps({"rules": rules}).encode()
        urllib.request.urlopen(f"{self.cloud.endpoint}/_local/faults", body).close()

    def fired(self):
        with urllib.request.urlopen(f"{self.cloud.endpoint}/_local/faults") as answer:
            return sum(rule["fired"] for rule in json.load(answer)["rules"])

    def samples(self):
        samples = Samples()
        samples.read_logs(self.data / "logs")
        samples.read_wire(self.wire)
        for name in QUEUES:
            visible, hidden = self.counts(name)
            queue = {"QueueName": f"longhaul-{name}"}
            samples.add("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, visible)
            age = time.time() - self.sent[name] if name in self.sent and visible + hidden else 0
            samples.add("AWS/SQS", "ApproximateAgeOfOldestMessage", queue, age)
        samples.add("AWS/DynamoDB", "WriteThrottleEvents", {"TableName": "longhaul-jobs"}, self.throttled)
        samples.add("AWS/DynamoDB", "ReadThrottleEvents", {"TableName": "longhaul-jobs"}, self.reads_throttled)
        self.add_undelivered(samples)
        return samples

    def url(self, queue):
        return f"{self.cloud.endpoint}/000000000000/longhaul-{queue}"

    def counts(self, queue):
        """The number of messages that can be received, and of those that can't be now; 0 without the queue."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        try:
            found = self.sqs.get_queue_attributes(QueueUrl=self.url(queue), AttributeNames=names)["Attributes"]
        except self.sqs.exceptions.QueueDoesNotExist:
            return 0, 0
        visible, *hidden = (int(found[name]) for name in names)
        return visible, sum(hidden)

    def add_undelivered(self, samples):
        """What SNS and EventBridge could not deliver: their dead letters have attributes that those of a queue lack."""
        if self.counts("fanout-dlq")[0] == 0:
            return
        ask = {"VisibilityTimeout": 0, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        for letter in self.sqs.receive_message(QueueUrl=self.url("fanout-dlq"), **ask).get("Messages", []):
            attributes = letter.get("MessageAttributes", {})
            if "RULE_ARN" in attributes:
                bus, rule = attributes["RULE_ARN"]["StringValue"].split("/")[1:]
                samples.add("AWS/Events", "FailedInvocations", {"EventBusName": bus, "RuleName": rule}, 1)
            elif "ErrorCode" in attributes:
                samples.add("AWS/SNS", "NumberOfNotificationsFailed", {"TopicName": "longhaul-publish"}, 1)

    def publish(self):
        self.cloud.client("sns").publish(TopicArn=TOPIC, Message=json.dumps(PUBLISHED))

    def firing(self):
        samples = self.samples()
        return {id for id, alarm in self.template.alarms().items() if is_firing(alarm, samples)}

    def until_fires(self, *alarms):
        wait_until(f"{alarms} fire", lambda: set(alarms) <= self.firing())


@pytest.fixture
def watched(tmp_path):
    with ExitStack() as stack:
        yield lambda parameters, *options: Watched(tmp_path, stack, parameters, *options)


def test_a_healthy_stack_alarms_nobody(watched):
    it = watched(QUIET, "--tick-seconds", "1")
    it.submit("job_completed", steps=2, text=20)
    wait_until("the sweep has run", lambda: "NoSweepAlarm" not in it.firing())
    assert it.firing() == set()


def test_what_workers_do_wrong(watched):
    it = watched(QUICK, "--tick-seconds", "1")
    # A job that crashes its worker at each attempt, and one whose writes take as long as the function may run.
    it.submit("job_failed", crash=True)
    it.until_fires("WorkerErrorsAlarm", "WorkerReleaseAlarm", "DeadLettersAlarm", "EndToEndAlarm")
    it.faults({"service": "dynamodb", "operation": "UpdateItem", "caller": "longhaul-worker", "effect": {"delayMs": 1500}})
    it.submit("job_queued", steps=3)
    it.until_fires("WorkerDurationAlarm")


def test_jobs_that_wait(watched):
    it = watched(QUICK | {"WorkerTimeoutSeconds": "60"}, "--tick-seconds", "1")
    for _ in range(3):
        it.submit("job_queued", steps=1, stepMs=20_000)
    it.until_fires("LongestWaitAlarm")
    # The age as SQS counts it, of what waits; looked at once, as each receive counts.
    ask = {"MessageSystemAttributeNames": ["SentTimestamp"], "VisibilityTimeout": 0, "MaxNumberOfMessages": 10}
    messages = it.sqs.receive_message(QueueUrl=it.url("jobs"), **ask)["Messages"]
    it.sent["jobs"] = min(int(message["Attributes"]["SentTimestamp"]) for message in messages) / 1000
    assert "OldestMessageAlarm" in it.firing()


def test_workers_that_die_unheard(watched):
    it = watched(QUICK, "--tick-seconds", "1")
    # The first write is the claim. From then on all are refused, so that nobody can take the job over.
    claim = {"service": "dynamodb", "operation": "UpdateItem", "caller": "longhaul-worker"}
    it.faults(claim | {"number": 1, "effect": {"kill": "after"}})
    it.submit("job_queued", steps=0)
    wait_until("the worker is dead", it.fired)
    it.faults(claim | {"effect": {"fail": {"code": "ThrottlingException", "status": 400}}})
    it.until_fires("LapsedLeasesAlarm", "WorkerErrorsAlarm")

    def count():
        it.throttled = it.fired()
        return "TableThrottlesAlarm" in it.firing()

    wait_until("refused writes are many", count)


def test_many_resends(watched):
    it = watched(UNLIMITED, "--tick-seconds", "1")
    # Messages that never come: the sweep repeats each.
    lost = {"service": "sqs", "operation": "SendMessage", "caller": "longhaul-message"}
    it.faults(lost | {"effect": {"fail": {"code": "InternalError", "status": 500}}})
    for _ in range(21):
        it.socket.send(json.dumps({"action": "query", "kind": "noop", "query": "lost", "params": {"steps": 0}}))
    it.until_fires("ResentAlarm")


def test_pushes_that_find_nobody_or_no_room(watched):
    # A worker of this timeout has the time for all its tries.
    it = watched(UNLIMITED | {"WorkerTimeoutSeconds": "60"}, "--tick-seconds", "1")
    post = {"service": "execute-api", "operation": "PostToConnection", "caller": "longhaul-worker"}
    it.faults(post | {"effect": {"fail": {"code": "LimitExceededException", "status": 429}}})
    for _ in range(11):
        it.submit("job_queued", steps=0)
    it.until_fires("PushesThrottledAlarm", "PushesLostAlarm")
    it.faults(post | {"effect": {"fail": {"code": "GoneException", "status": 410}}})
    for _ in range(25):
        it.submit("job_queued", steps=0)
    it.until_fires("GoneAlarm")


def kill(function, operation):
    return {"service": "dynamodb", "operation": operation, "caller": function, "effect": {"kill": "before"}}


def test_functions_that_die(watched):
    it = watched(QUICK, "--tick-seconds", "1")
    it.faults(kill("longhaul-message", "PutItem"), kill("longhaul-sweep", "Query"), kill("longhaul-connection", "UpdateItem"))
    it.socket.send(json.dumps({"action": "query", "kind": "noop", "query": "deadly"}))
    it.until_fires("HandlerErrorsAlarm", "MessageReleaseAlarm", "SweepReleaseAlarm")
    it.socket.close()
    it.until_fires("ConnectionReleaseAlarm")


def test_a_delivery_that_dies(watched):
    it = watched(QUICK)
    it.faults(kill("longhaul-deliver", "Query"))
    it.socket.send(json.dumps({"action": "sendMessage", "data": {"recipientId": "alice", "content": "Remember"}}))
    receive_until(it.socket, "messageSent")
    with connect(f"{it.cloud.gateway}?token={it.token}"):
        it.until_fires("DeliverReleaseAlarm")


def test_an_issuer_that_is_not_there(watched):
    it = watched({"TokenAlgorithms": "RS256", "TokenIssuer": "https://127.0.0.1:9"})
    header = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"unknown"}').decode().rstrip("=")
    token = ".".join([header, *it.token.split(".")[1:]])
    with pytest.raises(InvalidStatus):
        connect(f"{it.cloud.gateway}?token={token}")
    it.until_fires("AuthorizeReleaseAlarm")


def test_more_frames_at_once_than_are_reserved_for(watched):
    it = watched(QUICK | {"MessageReservedConcurrency": "1"})
    slow = {"service": "dynamodb", "caller": "longhaul-message", "effect": {"delayMs": 500}}
    it.faults(slow)
    for _ in range(5):
        it.socket.send(json.dumps({"action": "listJobs"}))
    it.until_fires("ThrottlesAlarm")


def test_publishing_that_dies(watched):
    it = watched(QUICK)
    it.faults(
        {"service": "sqs", "operation": "SendMessage", "caller": "longhaul-publish", "number": 1, "effect": {"kill": "after"}},
        kill("longhaul-fanout", "Query"),
    )
    it.publish()
    it.until_fires("PublishReleaseAlarm", "FanoutReleaseAlarm")


def kill_at_send(function):
    return {"service": "sqs", "operation": "SendMessage", "caller": function, "effect": {"kill": "before"}}


@pytest.mark.parametrize("queue, death, alarm", [
    ("continuations", kill("longhaul-worker", "UpdateItem"), "OldestContinuationAlarm"),
    ("publish", kill_at_send("longhaul-publish"), "OldestPublicationAlarm"),
    ("fanout", kill("longhaul-fanout", "Query"), "OldestFanoutAlarm"),
    ("deliveries", kill("longhaul-deliver", "Query"), "OldestDeliveryAlarm"),
])
def test_a_queue_whose_function_dies(watched, queue, death, alarm):
    it = watched(QUICK)
    # So that it comes back soon.
    it.sqs.set_queue_attributes(QueueUrl=it.url(queue), Attributes={"VisibilityTimeout": "1"})
    it.faults(death)
    assert alarm not in it.firing()
    it.sent[queue] = time.time()
    if queue == "continuations":
        job = {"v": 1, "job": "01890a5d-ac96-774b-bcce-b302099a8057"}
        it.sqs.send_message(QueueUrl=it.url(queue), MessageBody=json.dumps(job))
        it.until_fires(alarm)
    elif queue == "deliveries":
        it.socket.send(json.dumps({"action": "sendMessage", "data": {"recipientId": "alice", "content": "Remember"}}))
        receive_until(it.socket, "messageSent")
        with connect(f"{it.cloud.gateway}?token={it.token}"):
            it.until_fires(alarm)
    else:
        it.publish()
        it.until_fires(alarm)


def test_subscribers_that_can_not_be_reached(watched):
    it = watched(QUICK)
    it.sqs.set_queue_attributes(QueueUrl=it.url("fanout"), Attributes={"VisibilityTimeout": "1"})
    it.faults(kill("longhaul-fanout", "Query"))
    it.publish()
    pages = []

    def page():
        pages.extend(it.sqs.receive_message(QueueUrl=it.url("fanout")).get("Messages", []))
        return pages

    wait_until("a page is there", page)
    # The same page as it is after all its tries, which take ten minutes.
    body = json.loads(pages[0]["Body"]) | {"tries": 15, "left": [["01890a5d-ac96-774b-bcce-b302099a8057", "AAAAAAAAAAAAAAA="]]}
    throttled = {"fail": {"code": "LimitExceededException", "status": 429}}
    it.faults({"service": "execute-api", "operation": "PostToConnection", "caller": "longhaul-fanout", "effect": throttled})
    it.sqs.send_message(QueueUrl=it.url("fanout"), MessageBody=json.dumps(body))
    it.until_fires("NotificationsLostAlarm")


def test_a_queue_that_publications_do_not_reach(watched):
    it = watched(QUICK)
    it.sqs.delete_queue(QueueUrl=it.url("publish"))
    it.publish()
    entry = {"EventBusName": "longhaul", "Source": "test", "DetailType": "published", "Detail": json.dumps(PUBLISHED)}
    it.cloud.client("events").put_events(Entries=[entry])
    it.until_fires("PublishSubscriptionFailedAlarm", "PublishRuleFailedAlarm", "FanoutDeadLettersAlarm")


def test_reads_that_are_throttled(watched):
    it = watched(QUICK)
    read = {"service": "dynamodb", "operation": "Query", "caller": "longhaul-message"}
    it.faults(read | {"effect": {"fail": {"code": "ThrottlingException", "status": 400}}})
    for _ in range(3):
        it.socket.send(json.dumps({"action": "listJobs"}))
        receive_until(it.socket, "error")
    it.reads_throttled = it.fired()
    assert "TableReadThrottlesAlarm" in it.firing()


def test_what_is_published_and_no_message(watched):
    it = watched(QUICK)
    queue = it.sqs.get_queue_url(QueueName="longhaul-publish")["QueueUrl"]
    # So that all its receives are over soon.
    it.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})
    it.sqs.send_message(QueueUrl=queue, MessageBody="nothing that was published")
    it.until_fires("FanoutDeadLettersAlarm")


def test_no_sweep(watched):
    it = watched(QUICK, "--tick-seconds", "3600")
    it.until_fires("NoSweepAlarm")


def test_every_alarm_names_its_section_of_the_runbook():
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs/RUNBOOK.md").read_text(), re.M)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for id, alarm in Template().alarms().items():
        _, anchor = alarm["AlarmDescription"].split("docs/RUNBOOK.md#")
        assert anchor in anchors, id


def test_what_alarms_and_dashboard_show_is_measured():
    code = "".join(path.read_text() for path in ROOT.glob("*/src/**/*.rs"))
    measured = set(re.findall(r'(?:counter!|gauge!|histogram!|count|measure)\(\s*"([A-Z][A-Za-z]+)"', code))
    measured |= set(re.findall(r'=> "(Jobs[A-Za-z]+)"', code))
    shown = set()
    for widget in Template().dashboard()["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict):
                shown |= set(re.findall(r'MetricName="([A-Za-z]+)"', metric[0]["expression"]))
            elif metric[0] == "Longhaul":
                shown.add(metric[1])
    for alarm in Template().alarms().values():
        metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
        shown |= {metric["MetricName"] for metric in [*metrics, alarm] if metric.get("Namespace") == "Longhaul"}
    assert shown - measured == set()
    # And the other way: what is measured is shown somewhere.
    assert measured - shown == set()


def test_no_alarm_is_left_out():
    tests = Path(__file__).read_text()
    assert [id for id in Template().alarms() if f'"{id}"' not in tests] == []
