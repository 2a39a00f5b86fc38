"""The measurements of bench/growth.py: a row for each size of a curve.

Each function takes the program and the sizes in ascending order, and reaches them one after the other on one stack.
"""

import asyncio
import json
import os
import re
import subprocess
import threading
import time
import urllib.request

import load
import replay_dlq
import seed
from stack import Stack

DURATION = re.compile(r"\tDuration: ([\d.]+) ms")
JOBS = 400


def ask(stack, user, frames):
    """Milliseconds to the response of each frame, sent in sequence on one connection."""
    async def response_times():
        times = []
        async with stack.connect(stack.token(user)) as socket:
            for frame in frames:
                since = time.monotonic()
                await socket.send(json.dumps(frame))
                answer = json.loads(await socket.recv())
                assert answer["type"] == "jobs" and answer["jobs"], answer
                times.append(1000 * (time.monotonic() - since))
        return times
    return asyncio.run(response_times())


def standard(stack, rounds=3, jobs=JOBS):
    return load.median([asyncio.run(load.measure(stack, jobs)) for _ in range(rounds)])


def a_job(stack):
    """The row of a real standard job that has ended and left the index of open jobs."""
    async def run():
        async with stack.connect(stack.token("alice")) as socket:
            await load.one(socket)
    asyncio.run(run())
    dynamodb = stack.client("dynamodb")
    while True:
        [row] = dynamodb.scan(TableName="longhaul-jobs")["Items"]
        if row["status"]["S"] == "completed" and "openShard" not in row:
            return row
        time.sleep(0.1)


def sweeps(stack):
    """The median duration, in milliseconds, of five sweeps that had nothing to repair."""
    took = lambda: [float(millis) for millis in DURATION.findall(stack.log("sweep").read_text())]
    before = len(took())
    while len(found := took()[before:]) < 5:
        time.sleep(0.5)
    return load.quantile(found, 0.5)


def finished(longhaul, sizes):
    """A tenth of the jobs belong to one user, the others to a thousand users; all from the last five days."""
    with Stack(longhaul, "--tick-seconds", "2", data=os.environ.get("GROWTH_DATA")) as stack:
        seeded = stack.data / "seeded.json"
        row, there = json.loads(seeded.read_text()) if seeded.exists() else (a_job(stack), 0)
        for size in sizes:
            user = lambda number: "many" if number % 10 == 0 else f"few-{number // 10 * 9 % 1000}"
            rate = seed.write(stack, "longhaul-jobs", seed.copies(row, size - there, user, 5 * seed.DAY))
            there = size
            seeded.write_text(json.dumps([row, there]))
            listing = [{"action": "listJobs", "limit": 20}] * 100
            few, many = ask(stack, "few-9", listing), ask(stack, "many", listing)
            yield size, {
                **standard(stack), "sweepMs": sweeps(stack), "seededPerSecond": rate,
                "listFewP50": load.quantile(few, 0.5), "listFewP99": load.quantile(few, 0.99),
                "listManyP50": load.quantile(many, 0.5), "listManyP99": load.quantile(many, 0.99),
                "dataMB": sum(path.stat().st_size for path in stack.data.rglob("*") if path.is_file()) / 1e6,
            }


def connections(longhaul, sizes):
    """Idle connections of a hundred users, and four that run jobs. Idle memory is that of the cloud's own process."""
    with Stack(longhaul, "--tick-seconds", "3600") as stack:
        users = list(stack.tokens([f"idle-{number}" for number in range(100)]).values())
        with asyncio.Runner() as runner:
            sockets = []

            async def more(count):
                limit = asyncio.Semaphore(16)

                async def connect(number):
                    async with limit:
                        sockets.append(await stack.connect(users[number % len(users)]))

                await asyncio.gather(*(connect(number) for number in range(count)))

            first = None
            for size in sizes:
                since, count = time.monotonic(), size - len(sockets)
                runner.run(more(count))
                rate = count / (time.monotonic() - since)
                idle = load.memory(stack, functions=False)
                first = first or (size, idle)
                row = load.median([runner.run(load.measure(stack, JOBS)) for _ in range(3)])
                each = (idle - first[1]) / 1e3 / (size - first[0]) if size > first[0] else None
                yield size, {**row, "idleMB": idle / 1e6, "idleKBEach": each, "openedPerSecond": rate}


def fanout(longhaul, sizes):
    """Subscribers of one topic, each on a connection of its own; milliseconds from the publish to each receive."""
    with Stack(longhaul, "--tick-seconds", "3600") as stack, asyncio.Runner() as runner:
        users = list(stack.tokens([f"user-{number}" for number in range(100)]).values())
        sns, sockets = stack.client("sns"), []
        topic = "arn:aws:sns:us-east-1:000000000000:longhaul-publish"
        subscribe = {"action": "subscribe", "data": {"topic": "news"}}
        publication = json.dumps({"topic": "news", "type": "news", "data": {"text": "x" * 100}})

        async def more(size):
            limit = asyncio.Semaphore(16)

            async def join(number):
                async with limit:
                    socket = await stack.connect(users[number % len(users)])
                    await socket.send(json.dumps(subscribe))
                    answer = json.loads(await socket.recv())
                    assert answer["type"] == "subscriptionConfirmed", answer
                    sockets.append(socket)

            await asyncio.gather(*(join(number) for number in range(len(sockets), size)))

        async def publish():
            async def receive(socket):
                frame = json.loads(await asyncio.wait_for(socket.recv(), 60))
                assert frame["type"] == "news", frame
                return 1000 * (time.monotonic() - since)

            waiting = [asyncio.create_task(receive(socket)) for socket in sockets]
            await asyncio.sleep(0)
            since = time.monotonic()
            await asyncio.to_thread(sns.publish, TopicArn=topic, Message=publication)
            times = await asyncio.gather(*waiting)
            return min(times), max(times)

        for size in sizes:
            runner.run(more(size))
            for _ in range(3):
                runner.run(publish())
            before = load.used(stack)
            first, last = zip(*(runner.run(publish()) for _ in range(30)))
            by_function = load.spent(before, load.used(stack), 30)
            yield size, {"firstP50": load.quantile(first, 0.5), "firstP99": load.quantile(first, 0.99),
                         "lastP50": load.quantile(last, 0.5), "lastP99": load.quantile(last, 0.99),
                         "cpuMsEach": sum(by_function.values()) / size, "cpuMsBy": by_function}


def followers(longhaul, sizes):
    """Followers of one job at a time, its submitter among them; milliseconds between the first and the last follower that receives an event."""
    job = {**load.JOB, "params": {"steps": 4, "stepMs": 150, "bytes": 2048}}
    with Stack(longhaul, "--tick-seconds", "3600") as stack, asyncio.Runner() as runner:
        token, sockets, spreads, completed = stack.token("alice"), [], [], []

        async def more(size):
            sockets.extend([await stack.connect(token) for _ in range(size - len(sockets))])

        async def receive_all(socket):
            """The time at which it received each event, by number."""
            received = {}
            while True:
                frame = json.loads(await asyncio.wait_for(socket.recv(), 60))
                if frame["type"] != "subscribed":
                    received[frame["seq"]] = time.monotonic()
                if frame["type"] == "job_completed":
                    return received

        async def run_job():
            since = time.monotonic()
            await sockets[0].send(json.dumps(job))
            queued = json.loads(await sockets[0].recv())
            subscribe = json.dumps({"action": "subscribe", "jobId": queued["jobId"], "after": 0})

            async def follow(socket):
                await socket.send(subscribe)
                return await receive_all(socket)

            received = await asyncio.gather(receive_all(sockets[0]), *(follow(socket) for socket in sockets[1:]))
            events = [[times[seq] for times in received if seq in times] for seq in max(received, key=len)]
            whole = [times for times in events if len(times) == len(sockets)]
            assert len(events[-1]) == len(sockets), f"{len(events[-1])} of {len(sockets)} received the end"
            spreads.extend(1000 * (max(times) - min(times)) for times in whole)
            completed.append(1000 * (max(events[-1]) - since))

        for size in sizes:
            runner.run(more(size))
            for _ in range(3):
                runner.run(run_job())
            spreads.clear(), completed.clear()
            before, runs = load.used(stack), 40
            for _ in range(runs):
                runner.run(run_job())
            cpu = sum(load.spent(before, load.used(stack), runs).values())
            yield size, {"spreadP50": load.quantile(spreads, 0.5), "spreadP99": load.quantile(spreads, 0.99),
                         "completedP50": load.quantile(completed, 0.5), "completedP99": load.quantile(completed, 0.99),
                         "cpuMs": cpu}


def faults(stack, rules):
    request = urllib.request.Request(f"{stack.endpoint}/_local/faults", json.dumps({"rules": rules}).encode())
    urllib.request.urlopen(request).read()


def backlog(longhaul, sizes):
    """Standard jobs of one user, all queued; at the same time single jobs of another user. Each size on a stack of its own."""
    for size in sizes:
        with Stack(longhaul, "--tick-seconds", "3600") as stack:
            alone = asyncio.run(load.measure(stack, 100, connections=1))
            # Jobs stay queued until this fault is removed.
            faults(stack, [{"service": "sqs", "operation": "ReceiveMessage", "caller": "event-source",
                            "effect": {"fail": {"code": "ServiceUnavailable", "status": 503}}}])
            ended = lambda: len(DURATION.findall(stack.log("worker").read_text()))
            ids = [seed.id_at(time.time()) for _ in range(size)]
            row, alone_ended = a_queued_job(stack), ended()
            # The shard is the id's last byte modulo the number of shards, OPEN_SHARDS in shared/src/domain/job/mod.rs.
            rows = ({**row, "jobId": {"S": job}, "openShard": {"S": str(int(job[-2:], 16) % 8)}} for job in ids)
            seed.write(stack, "longhaul-jobs", rows)
            queue = stack.client("sqs").get_queue_url(QueueName="longhaul-jobs")["QueueUrl"]
            seed.send(stack, queue, ((json.dumps({"v": 1, "job": job}), "bulk") for job in ids))
            faults(stack, [])
            while (before := ended()) <= alone_ended:
                time.sleep(0.1)
            since = time.monotonic()
            beside = asyncio.run(load.measure(stack, 100, connections=1))
            rate = (ended() - before) / (time.monotonic() - since)
            # Per job that ended meanwhile, and not per measured job.
            beside["cpuMs"] *= beside["jobsPerSecond"] / rate
            yield size, {**beside, "drainedPerSecond": rate, "aloneP50": alone["completedP50"],
                         "aloneP99": alone["completedP99"]}


def a_queued_job(stack):
    """The row of a real waiting job. Polls that began before the queue was blocked receive the first jobs."""
    async def submit():
        async with stack.connect(stack.token("bulk")) as socket:
            await socket.send(json.dumps(load.JOB))
            return json.loads(await socket.recv())["jobId"]
    while True:
        key = {"jobId": {"S": asyncio.run(submit())}}
        time.sleep(1)
        row = stack.client("dynamodb").get_item(TableName="longhaul-jobs", Key=key, ConsistentRead=True)["Item"]
        if row["status"]["S"] == "queued":
            # Its follower has disconnected.
            return {name: value for name, value in row.items() if name != "followers"}


def replay(longhaul, sizes):
    """Dead letters, planned, and applied for at most a minute while the jobs run. Each size on a stack of its own."""
    for size in sizes:
        with Stack(longhaul, "--tick-seconds", "3600") as stack:
            replay_dlq.fill(stack, size)
            plan, apply = replay_dlq.commands(stack)
            planned, plan_bytes = command([longhaul, "dlq", *plan])
            took, apply_bytes = command([longhaul, "dlq", *apply], max_seconds=60)
            # Dead letters are deleted last, so the rows show the progress.
            pages = stack.client("dynamodb").get_paginator("scan").paginate(
                TableName="longhaul-jobs", Select="COUNT", FilterExpression="attribute_exists(replays)")
            replayed = sum(page["Count"] for page in pages)
            yield size, {"planSeconds": planned, "planMB": plan_bytes / 1e6, "applyMB": apply_bytes / 1e6,
                         "replayed": replayed, "perSecond": replayed / took}


def command(arguments, max_seconds=280):
    """Runs a command for at most `max_seconds`; returns its seconds and its peak memory in bytes."""
    since = time.monotonic()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    timer = threading.Timer(max_seconds, process.kill)
    timer.start()
    _, _, usage = os.wait4(process.pid, 0)
    timer.cancel()
    return time.monotonic() - since, 1024 * usage.ru_maxrss
