#!/usr/bin/env python3
"""A question about one month of a large bill, compared with DuckDB on the same file: seconds, memory, figures.

    .tools/python/bin/pip install duckdb
    .tools/python/bin/python bench/large_bill.py target/release/longhaul [ROWS] [FOLDER]

Makes a FOCUS bill in Parquet (22 columns, Snappy; three months, 6 services, 20 accounts, a million resources, tags as a
map) in FOLDER unless it exists, starts a stack on it, and asks over a WebSocket. The worker's memory is from Lambda's line
in its log; the longest silence is between two frames. Amounts are compared as exact decimals.
"""

import asyncio
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from multiprocessing import Process, Queue
from pathlib import Path

import duckdb
import websockets

LONGHAUL = sys.argv[1]
ROWS = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
FOLDER = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.gettempdir())
QUESTION = {"action": "finops_query", "query": "What did we spend in May 2026 by service?"}
REPORT = re.compile(r"\tDuration: ([\d.]+) ms.*Max Memory Used: (\d+) MB")

BILL = """COPY (SELECT
    (['Amazon Simple Storage Service', 'Amazon Elastic Compute Cloud', 'AWS Lambda', 'Amazon DynamoDB',
      'Amazon Relational Database Service', 'Amazon CloudFront'])[1 + (hash(i) % 6)::int] AS ServiceName,
    'Storage' AS ServiceCategory, 'USD' AS BillingCurrency,
    (100000000000 + (hash(i * 7) % 20))::varchar AS SubAccountId, 'account-' || (hash(i * 7) % 20) AS SubAccountName,
    (['us-east-1', 'eu-west-1', 'eu-central-1', 'ap-southeast-2'])[1 + (hash(i * 3) % 4)::int] AS RegionId,
    'arn:aws:s3:::bucket-' || (hash(i * 11) % 1000000) AS ResourceId,
    TIMESTAMP '2026-03-01' + INTERVAL (i % 92) DAY AS ChargePeriodStart,
    TIMESTAMP '2026-03-02' + INTERVAL (i % 92) DAY AS ChargePeriodEnd,
    TIMESTAMP '2026-03-01' AS BillingPeriodStart, 'Usage' AS ChargeCategory, 'Standard' AS PricingCategory,
    (hash(i * 23) % 10000000) / 1e6 AS BilledCost, (hash(i * 29) % 10000000) / 1e6 AS EffectiveCost,
    (hash(i * 31) % 12000000) / 1e6 AS ListCost, (hash(i * 37) % 100000) / 1e3 AS ConsumedQuantity,
    'GB' AS ConsumedUnit,
    MAP {'team': 'team-' || (hash(i * 13) % 12), 'env': (['production', 'staging'])[1 + (hash(i * 17) % 2)::int]} AS Tags,
    'Requests and storage ' || (hash(i * 5) % 400) AS ChargeDescription, 'AWS' AS ProviderName, 'AWS' AS PublisherName,
    'sku-' || (hash(i * 19) % 5000) AS SkuId
    FROM range(ROWS) r(i)) TO 'FILE' (FORMAT parquet, COMPRESSION snappy)"""
SUMS = """SELECT ServiceName, sum(BilledCost::decimal(18, 6))::varchar FROM 'FILE'
    WHERE ChargePeriodStart >= '2026-05-01' AND ChargePeriodStart < '2026-06-01' GROUP BY ServiceName"""


def of(sql, file):
    return sql.replace("ROWS", str(ROWS)).replace("FILE", str(file))


def sums(file, answer):
    since = time.monotonic()
    rows = duckdb.connect().execute(of(SUMS, file)).fetchall()
    took = time.monotonic() - since
    answer.put((dict(rows), took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def in_process(work, *arguments):
    """Runs the function in a process of its own, to measure its memory."""
    answer = Queue()
    process = Process(target=work, args=(*arguments, answer))
    process.start()
    found = answer.get()
    process.join()
    return found


async def ask(url, token):
    """Returns the result, its seconds, and the longest silence."""
    async with websockets.connect(f"{url}/?token={token}") as socket:
        since = last = time.monotonic()
        silence = 0
        await socket.send(json.dumps(QUESTION))
        async for frame in socket:
            now = time.monotonic()
            silence, last = max(silence, now - last), now
            event = json.loads(frame)
            if event["type"] == "job_failed":
                sys.exit(f"the job failed: {event}")
            if event["type"] == "job_completed":
                return event["result"], now - since, silence


def longhaul(file):
    with tempfile.TemporaryDirectory() as data:
        options = ["--port", "0", "--aws-port", "0", "--data", data, "--bill", str(file)]
        process = subprocess.Popen([LONGHAUL, "up", *options], stdout=subprocess.PIPE, text=True)
        try:
            for line in process.stdout:
                name, _, rest = line.strip().partition(" ")
                if name == "WebSocket":
                    url = rest.strip()
                if name == "READY":
                    break
            token = subprocess.run([LONGHAUL, "token", "--user", "alice", "--data", data], capture_output=True, text=True)
            result, took, silence = asyncio.run(ask(url, token.stdout.strip()))
            log = Path(data, "logs", "longhaul-worker.log")
            while not (report := REPORT.search(log.read_text())):
                time.sleep(0.01)
            groups = {group["key"]: group["amount"] for group in result["cost_analysis"]["groups"]}
            return groups, took, int(report.group(2)), silence
        finally:
            process.terminate()
            process.wait()


def main():
    file = FOLDER / f"bill-{ROWS}.parquet"
    if not file.exists():
        duckdb.connect().execute(of(BILL, file))
    ours, took, memory, silence = longhaul(file)
    theirs, their_took, their_memory = in_process(sums, file)
    same = {key: Decimal(amount) for key, amount in ours.items()} == {key: Decimal(amount) for key, amount in theirs.items()}
    print(f"{ROWS:,} rows, {file.stat().st_size / 1e6:.0f} MB; the figures are {'the same' if same else 'NOT the same'}\n")
    print("| | seconds | peak memory MB | longest silence s |\n| --- | --- | --- | --- |")
    print(f"| longhaul | {took:.1f} | {memory} | {silence:.2f} |")
    print(f"| DuckDB {duckdb.__version__} | {their_took:.2f} | {their_memory:.0f} | |")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
