"""Kill -9 of the embedded cloud under load: afterwards every acknowledged write is there, and none is duplicated.

LONGHAUL_KILLS says how often (5 unless told). SQS may deliver a message again only if its delete was
not acknowledged (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html);
DynamoDB's acknowledged writes are durable
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html).
"""

import os
import random
import threading
import time
from collections import Counter

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from cloud import Cloud

KILLS = int(os.environ.get("LONGHAUL_KILLS", "5"))
SEED = int(os.environ.get("LONGHAUL_SEED", "1"))
SENDERS, RECEIVERS, WRITERS = 3, 3, 2
# Seconds; several rounds long, so that messages come back in some rounds and must not in others.
VISIBILITY = 8
# Seconds within which a round reaches its number of sends, however busy the machine is.
MAX_WAIT = 60
# Seconds that the cloud's clock and ours may differ by over a visibility timeout.
GRACE = 0.05


class Record:
    """What the clients know, over all rounds."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent, self.unsure, self.deleting, self.deleted = set(), set(), set(), set()
        self.received = 0
        # By body, when the last receive that brought it was begun.
        self.seen = {}
        self.written, self.attempted = {}, {}
        self.wrong = []

    def note(self, change):
        with self.lock:
            change()

    def receive(self, sqs, url, most, wait=0):
        """Receives, and holds against the cloud what came back too early or after its delete."""
        begun = time.monotonic()
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, WaitTimeSeconds=wait)
        messages, ended = answer.get("Messages", []), time.monotonic()
        with self.lock:
            for body in (message["Body"] for message in messages):
                if body in self.deleted:
                    self.wrong.append(f"{body} came back after its delete")
                if body in self.seen and ended - self.seen[body] < VISIBILITY - GRACE:
                    self.wrong.append(f"{body} came twice within its visibility timeout")
                self.seen[body] = begun
                self.received += 1
        return messages


class Round:
    """The load on one life of the cloud, until it is killed."""

    def __init__(self, cloud, record, number):
        self.cloud, self.record = cloud, record
        self.over = threading.Event()
        self.working = threading.Barrier(SENDERS + RECEIVERS + WRITERS + 1)
        roles = [self.send] * SENDERS + [self.receive] * RECEIVERS + [self.write] * WRITERS
        self.threads = [
            threading.Thread(target=self.live, args=(role, f"{number}-{n}")) for n, role in enumerate(roles)
        ]
        for thread in self.threads:
            thread.start()

    def live(self, role, name):
        """Does one thing again and again; ends with the cloud, and complains of any other failure."""
        sqs, dynamodb = self.cloud.client("sqs"), self.cloud.client("dynamodb")
        url = sqs.get_queue_url(QueueName="load")["QueueUrl"]
        self.working.wait()
        for turn in range(1_000_000):
            try:
                role(f"{name}-{turn}", sqs=sqs, dynamodb=dynamodb, url=url)
            except ClientError as refusal:
                self.record.note(lambda: self.record.wrong.append(str(refusal)))
                return
            except BotoCoreError as gone:
                if not self.over.is_set():
                    self.record.note(lambda: self.record.wrong.append(f"before the kill: {gone}"))
                return

    def send(self, body, sqs, url, **_):
        record = self.record
        record.note(lambda: record.unsure.add(body))
        sqs.send_message(QueueUrl=url, MessageBody=body)
        record.note(lambda: (record.sent.add(body), record.unsure.discard(body)))

    def receive(self, _, sqs, url, **__):
        record = self.record
        for message in record.receive(sqs, url, 5):
            body = message["Body"]
            # Every other message stays in flight, for a later round or the end.
            if hash(body) % 2 == 0:
                record.note(lambda: record.deleting.add(body))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                record.note(lambda: (record.deleted.add(body), record.deleting.discard(body)))

    def write(self, name, dynamodb, **_):
        """Counts an item of this writer's own up by one."""
        record, item = self.record, name.rsplit("-", 1)[0]
        record.note(lambda: record.attempted.update({item: record.attempted.get(item, 0) + 1}))
        answer = dynamodb.update_item(
            TableName="load",
            Key={"id": {"S": item}},
            UpdateExpression="ADD n :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="ALL_NEW",
        )
        record.note(lambda: record.written.update({item: int(answer["Attributes"]["n"]["N"])}))

    def kill_after(self, sends):
        """Kills the cloud in the middle of its work, once this many more sends were acknowledged."""
        goal, end = len(self.record.sent) + sends, time.monotonic() + MAX_WAIT
        self.working.wait()
        while len(self.record.sent) < goal:
            assert time.monotonic() < end and not self.record.wrong, f"the load stopped: {self.record.wrong}"
            time.sleep(0.001)
        self.over.set()
        self.cloud.kill()
        for thread in self.threads:
            thread.join()


def test_nothing_acknowledged_is_lost_by_a_kill(request, tmp_path):
    """Acknowledged sends are there or were received; deleted messages stay deleted; counters are exact."""
    if request.config.getoption("endpoint"):
        pytest.skip("only the embedded cloud can be killed")
    record, chance, data = Record(), random.Random(SEED), tmp_path / "data"
    cloud = Cloud(data)
    cloud.client("sqs").create_queue(QueueName="load", Attributes={"VisibilityTimeout": str(VISIBILITY)})
    cloud.client("dynamodb").create_table(
        TableName="load",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(KILLS):
        Round(cloud, record, number).kill_after(chance.randint(1, 100))
        cloud = Cloud(data)
    left = drain(cloud, record)
    counters = {item["id"]["S"]: int(item["n"]["N"]) for item in scan(cloud.client("dynamodb"))}
    cloud.stop()

    print(
        f"\n{KILLS} kills: {len(record.sent)} sends acknowledged and {len(record.unsure)} not, "
        f"{record.received} received, {len(record.deleted)} deletes acknowledged and "
        f"{len(record.deleting)} not, {len(left)} messages left at the end; "
        f"{sum(record.written.values())} counts acknowledged of {sum(record.attempted.values())} tried"
    )
    assert not record.wrong
    assert record.deleted and record.written
    assert record.sent - record.deleted - record.deleting <= set(left), "acknowledged sends are lost"
    assert not record.deleted & set(left), "deleted messages came back"
    assert max(Counter(left).values(), default=1) == 1, "messages are doubled"
    assert set(left) <= record.sent | record.unsure
    for item, acknowledged in record.written.items():
        assert acknowledged <= counters[item] <= record.attempted[item], f"{item} counts {counters[item]}"
    assert sum(counters.values()) <= sum(record.attempted.values())


def drain(cloud, record):
    """Every message that is left, once what was in flight has come back."""
    sqs = cloud.client("sqs")
    url, left, end = sqs.get_queue_url(QueueName="load")["QueueUrl"], [], time.monotonic() + 4 * VISIBILITY
    kinds = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    while time.monotonic() < end:
        messages = record.receive(sqs, url, 10, wait=1)
        left += [message["Body"] for message in messages]
        if messages:
            handles = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            assert not sqs.delete_message_batch(QueueUrl=url, Entries=handles).get("Failed")
        elif set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=kinds)["Attributes"].values()) == {"0"}:
            return left
    raise AssertionError("the queue does not become empty")


def scan(dynamodb):
    for page in dynamodb.get_paginator("scan").paginate(TableName="load", ConsistentRead=True):
        yield from page["Items"]
