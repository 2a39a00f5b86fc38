#!/usr/bin/env python3
"""Kills (kill -9) a replay of many dead letters in the middle, on the embedded cloud.

    .tools/python/bin/python bench/replay_dlq.py target/debug/longhaul [LETTERS] [SECONDS_TO_KILL]

Fills a new stack with failed jobs and their dead letters, plans, applies and kills the apply, applies again, waits
until every job has run, and counts: each job must have been replayed once. bench/growth.py measures replays of several
sizes with these functions.
"""

import datetime
import json
import signal
import subprocess
import sys
import time
import uuid

import seed
from stack import Stack

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


def fill(stack, letters):
    """Writes this number of failed jobs, and a dead letter for each; returns the queue's URL."""
    jobs = [str(uuid.uuid4()) for _ in range(letters)]
    url = stack.client("sqs").get_queue_url(QueueName="longhaul-jobs-dlq")["QueueUrl"]
    seed.write(stack, "longhaul-jobs", map(row, jobs))
    seed.send(stack, url, ((letter(job), None) for job in jobs))
    return url


def commands(stack):
    """The arguments of `longhaul dlq` to plan, and to apply the plan."""
    data, plan = str(stack.data), str(stack.data / "plan.json")
    return ("plan", "--out", plan, "--data", data), ("apply", plan, "--rate", "100000", "--data", data)


def counts(dynamodb):
    rows = [item for page in dynamodb.get_paginator("scan").paginate(TableName="longhaul-jobs", ConsistentRead=True)
            for item in page["Items"]]
    of = lambda name: {value: sum(1 for row in rows if next(iter(row.get(name, {"": "0"}).values())) == value)
                       for value in {next(iter(row.get(name, {"": "0"}).values())) for row in rows}}
    return {"rows": len(rows), "replays": of("replays"), "status": of("status"), "attempt": of("attempt"), "fence": of("fence")}


def timed(longhaul, what, *arguments):
    start = time.monotonic()
    done = subprocess.run([longhaul, "dlq", *arguments, "--json"], capture_output=True, text=True)
    output = json.loads(done.stdout) if done.stdout else done.stderr
    brief = {name: len(value) if isinstance(value, list) else value for name, value in output.items()} if isinstance(output, dict) else output
    print(f"{what}: {time.monotonic() - start:.1f} s, exit code {done.returncode}: {brief}", flush=True)


def main():
    longhaul, letters = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    kill_after = float(sys.argv[3]) if len(sys.argv) > 3 else 5.0
    with Stack(longhaul, lifted=False) as stack:
        dynamodb, sqs, url = stack.client("dynamodb"), stack.client("sqs"), fill(stack, letters)
        plan, apply = commands(stack)
        timed(longhaul, "plan", *plan)
        killed = subprocess.Popen([longhaul, "dlq", *apply], stdout=subprocess.DEVNULL)
        time.sleep(kill_after)
        killed.send_signal(signal.SIGKILL)
        print(f"killed after {kill_after} s (exit code {killed.wait()}): {counts(dynamodb)['replays']} replays", flush=True)
        timed(longhaul, "apply", *apply)
        timed(longhaul, "apply once more", *apply)
        while set(counts(dynamodb)["status"]) != {"completed"}:
            time.sleep(1)
        left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        print(f"in the end: {counts(dynamodb)}; dead letters {left['ApproximateNumberOfMessages']}"
              f" and {left['ApproximateNumberOfMessagesNotVisible']} hidden", flush=True)


if __name__ == "__main__":
    main()
