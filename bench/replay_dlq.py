#!/usr/bin/env python3
"""How long a replay of many dead letters takes on the embedded cloud, and what a kill -9 in its middle does.

    .tools/python/bin/python bench/replay_dlq.py target/debug/longhaul [LETTERS] [SECONDS_TO_KILL]

Fills a fresh stack with failed jobs and their letters, plans, applies and kills the apply, applies
again, waits until every job has run, and counts: each job must have been replayed once.
"""

import datetime
import json
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import boto3

LONGHAUL, LETTERS = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
KILL_AFTER = float(sys.argv[3]) if len(sys.argv) > 3 else 5.0
NOW = datetime.datetime.now(datetime.timezone.utc)


def written(time):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def row(job):
    now, hour_ago = written(NOW), written(NOW - datetime.timedelta(hours=1))
    text = {"jobId": job, "userId": "bench", "kind": "noop", "query": "q", "params": '{"steps":0}', "status": "failed",
            "message": "Failed", "createdAt": hour_ago, "updatedAt": now, "startedAt": hour_ago, "finishedAt": now,
            "deadlineAt": written(NOW + datetime.timedelta(hours=23))}
    number = {"progress": 5, "seq": 3, "attempt": 3, "fence": 3, "ttl": int(NOW.timestamp()) + 30 * 86400}
    error = {"code": {"S": "TIMEOUT"}, "message": {"S": "The job ran out of time."}, "retryable": {"BOOL": True}}
    return {**{name: {"S": value} for name, value in text.items()},
            **{name: {"N": str(value)} for name, value in number.items()}, "error": {"M": error}}


def letter(job):
    return json.dumps({"v": 1, "job": job, "run": 0, "code": "TIMEOUT", "error": "The job ran out of time.", "attempts": 3,
                       "kind": "noop", "userId": "bench", "createdAt": written(NOW), "failedAt": written(NOW), "retryable": True})


def chunks(of, size):
    return [of[start:start + size] for start in range(0, len(of), size)]


def fill(dynamodb, sqs, jobs):
    url = sqs.get_queue_url(QueueName="longhaul-jobs-dlq")["QueueUrl"]
    put = lambda some: dynamodb.batch_write_item(
        RequestItems={"longhaul-jobs": [{"PutRequest": {"Item": row(job)}} for job in some]})
    send = lambda some: sqs.send_message_batch(
        QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": letter(job)} for n, job in enumerate(some)])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, chunks(jobs, 25)))
        list(pool.map(send, chunks(jobs, 10)))
    return url


def counts(dynamodb):
    rows = [item for page in dynamodb.get_paginator("scan").paginate(TableName="longhaul-jobs", ConsistentRead=True)
            for item in page["Items"]]
    of = lambda name: {value: sum(1 for row in rows if next(iter(row.get(name, {"": "0"}).values())) == value)
                       for value in {next(iter(row.get(name, {"": "0"}).values())) for row in rows}}
    return {"rows": len(rows), "replays": of("replays"), "status": of("status"), "attempt": of("attempt"), "fence": of("fence")}


def timed(what, *arguments):
    start = time.monotonic()
    done = subprocess.run([LONGHAUL, "dlq", *arguments, "--json"], capture_output=True, text=True)
    said = json.loads(done.stdout) if done.stdout else done.stderr
    brief = {name: len(value) if isinstance(value, list) else value for name, value in said.items()} if isinstance(said, dict) else said
    print(f"{what}: {time.monotonic() - start:.1f} s, exit code {done.returncode}: {brief}", flush=True)


# However it is ended, the stack that it started ends with it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with tempfile.TemporaryDirectory() as data:
    up = subprocess.Popen([LONGHAUL, "up", "--data", data, "--port", "0", "--aws-port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        aws = next(line.split()[1] for line in up.stdout if line.startswith("AWS "))
        next(line for line in up.stdout if line == "READY\n")
        at = {"endpoint_url": aws, "region_name": "us-east-1", "aws_access_key_id": "local", "aws_secret_access_key": "local"}
        dynamodb, sqs = boto3.client("dynamodb", **at), boto3.client("sqs", **at)
        url = fill(dynamodb, sqs, [str(uuid.uuid4()) for _ in range(LETTERS)])
        plan, apply = f"{data}/plan.json", ("apply", f"{data}/plan.json", "--rate", "100000", "--data", data)
        timed("plan", "plan", "--out", plan, "--data", data)
        killed = subprocess.Popen([LONGHAUL, "dlq", *apply], stdout=subprocess.DEVNULL)
        time.sleep(KILL_AFTER)
        killed.send_signal(signal.SIGKILL)
        print(f"killed after {KILL_AFTER} s (exit code {killed.wait()}): {counts(dynamodb)['replays']} replays", flush=True)
        timed("apply", *apply)
        timed("apply once more", *apply)
        while set(counts(dynamodb)["status"]) != {"completed"}:
            time.sleep(1)
        left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        print(f"in the end: {counts(dynamodb)}; letters {left['ApproximateNumberOfMessages']}"
              f" and {left['ApproximateNumberOfMessagesNotVisible']} hidden", flush=True)
    finally:
        up.terminate()
        up.wait()
