"""Writes many rows and messages through a stack's own AWS endpoint: copies of real ones, with new ids.

It does not use boto3, since signing, which the endpoint does not check, takes longer than the writes.
"""

import http.client
import json
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlparse

DAY = 86400
SIGNED = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
SERVICES = {"dynamodb": ("DynamoDB_20120810", "1.0"), "sqs": ("AmazonSQS", "1.0")}


def id_at(seconds):
    """A UUIDv7."""
    random = int.from_bytes(os.urandom(10), "big")
    value = (int(seconds * 1000) << 80) | random & ((1 << 80) - 1)
    value = value & ~(0xF << 76) | 7 << 76
    return str(uuid.UUID(int=value & ~(3 << 62) | 2 << 62))


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}Z"


def copies(row, count, user_of, ago):
    """Finished jobs like this one, created within the last `ago` seconds; `user_of` gives each job's user."""
    now = time.time()
    for number in range(count):
        created = now - ago * (count - number) / count
        when = {name: {"S": stamp(created + at)} for name, at in
                (("createdAt", 0), ("startedAt", 0.01), ("updatedAt", 0.05), ("finishedAt", 0.05), ("deadlineAt", DAY))}
        new = {"jobId": {"S": id_at(created)}, "userId": {"S": user_of(number)}, "ttl": {"N": str(int(now) + 7 * DAY)}}
        yield {**row, **{name: value for name, value in when.items() if name in row}, **new}


def write(stack, table, rows):
    """Puts all rows, four requests of 25 at once; returns the rows per second."""
    put = lambda some: {"RequestItems": {table: [{"PutRequest": {"Item": row}} for row in some]}}
    return all_of(stack, "dynamodb", "BatchWriteItem", map(put, chunks(rows, 25)), 25)


def send(stack, queue, messages):
    """Sends all messages, which are pairs of a body and a group or None."""
    entry = lambda number, body, group: {
        "Id": str(number), "MessageBody": body, **({"MessageGroupId": group} if group else {})}
    batch = lambda some: {"QueueUrl": queue, "Entries": [entry(n, *message) for n, message in enumerate(some)]}
    return all_of(stack, "sqs", "SendMessageBatch", map(batch, chunks(messages, 10)), 10)


def all_of(stack, service, operation, requests, each):
    url, since = urlparse(stack.endpoint), time.monotonic()
    target, version = SERVICES[service]
    headers = {"X-Amz-Target": f"{target}.{operation}", "Content-Type": f"application/x-amz-json-{version}",
               "Authorization": SIGNED.format(service), "X-Amz-Date": "20260101T000000Z"}

    def work(some):
        connection = http.client.HTTPConnection(url.hostname, url.port)
        for request in some:
            connection.request("POST", "/", json.dumps(request), headers)
            answer = connection.getresponse()
            response = json.loads(answer.read())
            assert answer.status == 200 and not response.get("UnprocessedItems") and not response.get("Failed"), response
        connection.close()
        return len(some)

    with ThreadPoolExecutor(4) as pool:
        # A few hundred requests at a time, so memory stays small with a million rows.
        done = sum(sum(pool.map(work, [some[start::4] for start in range(4)])) for some in chunks(requests, 400))
    return done * each / (time.monotonic() - since)


def chunks(of, size):
    some = []
    for one in of:
        some.append(one)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some
