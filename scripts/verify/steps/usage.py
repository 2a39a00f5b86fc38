"""What the stack used, from CloudWatch: the batch's write units against the estimate, and the bill."""

import json
import time
from datetime import datetime, timedelta

from verify.client import require
from verify.steps import batch
from verify.verification import now

# CloudWatch has a minute's metrics of DynamoDB a few minutes later.
SETTLE = timedelta(minutes=6)
# Retries, heartbeats and the sweep's repairs write a little more than the estimate.
TOLERANCE = 0.05
WRITES, READS = "ConsumedWriteCapacityUnits", "ConsumedReadCapacityUnits"
# The stack while it idles, by the hour, in USD, from https://aws.amazon.com/cloudwatch/pricing/ and
# https://aws.amazon.com/secrets-manager/pricing/: about 60 metrics in alarms at 0.10 a month, about 60 metrics of our own
# at 0.30 a month, a secret at 0.40 a month.
STANDING_PER_HOUR = (60 * 0.10 + 60 * 0.30 + 0.40) / 730


def sums(verification, metrics, start, end):
    """The sum of each metric: `metrics` has (namespace, name, dimensions) by key."""
    keys, found = list(metrics), {}
    # The period divides the window; CloudWatch keeps minutes for 15 days.
    period = max(60, int((end - start).total_seconds()) // 60 * 60)
    for first in range(0, len(keys), 100):
        some = keys[first : first + 100]
        queries = [
            {
                "Id": f"m{at}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": metrics[key][0],
                        "MetricName": metrics[key][1],
                        "Dimensions": [{"Name": name, "Value": value} for name, value in metrics[key][2].items()],
                    },
                    "Period": period,
                    "Stat": "Sum",
                },
            }
            for at, key in enumerate(some)
        ]
        place = ["--start-time", start.isoformat(), "--end-time", end.isoformat()]
        answer = verification.aws("cloudwatch", "get-metric-data", "--metric-data-queries", json.dumps(queries), *place)
        for result in answer["MetricDataResults"]:
            found[some[int(result["Id"][1:])]] = sum(result["Values"])
    return found


def tables(verification):
    """The tables with their indexes."""
    listed = verification.aws("dynamodb", "list-tables")["TableNames"]
    names = [name for name in listed if name.startswith(f"{verification.stack}-")]
    described = {name: verification.aws("dynamodb", "describe-table", "--table-name", name)["Table"] for name in names}
    return {name: [index["IndexName"] for index in one.get("GlobalSecondaryIndexes", [])] for name, one in described.items()}


def table_metrics(listed, name):
    metrics = {("table", table): ("AWS/DynamoDB", name, {"TableName": table}) for table in listed}
    for table, indexes in listed.items():
        for index in indexes:
            dimensions = {"TableName": table, "GlobalSecondaryIndexName": index}
            metrics["index", f"{table}/{index}"] = ("AWS/DynamoDB", name, dimensions)
    return metrics


def agrees(in_tables, in_indexes, expected):
    """Whether the measured units are the estimate's. DynamoDB's documentation says that a table's metric is "for a table
    and all of its global secondary indexes"; if it is the table's alone, its indexes are added."""
    return any(abs(units - expected) <= TOLERANCE * expected for units in (in_tables, in_tables + in_indexes))


def write_units(verification):
    start, end, jobs = batch.window(verification)
    while now() < end + SETTLE:
        time.sleep(5)
    found = sums(verification, table_metrics(tables(verification), WRITES), start, end)
    in_tables = sum(units for (sort, _), units in found.items() if sort == "table")
    in_indexes = sum(units for (sort, _), units in found.items() if sort == "index")
    expected = batch.expected_write_units(verification.longhaul, jobs)
    facts = {
        "jobs": jobs,
        "metrics of tables": in_tables,
        "metrics of indexes": in_indexes,
        "longhaul cost": expected,
    }
    require(agrees(in_tables, in_indexes, expected), f"not within {TOLERANCE:.0%}: {json.dumps(facts)}")
    return facts


def quantities(verification, start, end):
    """What was used of each billed unit, by (service, unit) as in `longhaul cost`."""
    listed = tables(verification)
    functions = verification.aws("lambda", "list-functions")["Functions"]
    functions = {one["FunctionName"]: one["MemorySize"] for one in functions if one["FunctionName"].startswith(f"{verification.stack}-")}
    queues = verification.aws("sqs", "list-queues", "--queue-name-prefix", f"{verification.stack}-").get("QueueUrls", [])
    queues = [url.rsplit("/", 1)[1] for url in queues]
    api = {"ApiId": verification.output("ApiId")}
    metrics = table_metrics(listed, WRITES)
    metrics |= {("read", *key): value for key, value in table_metrics(listed, READS).items()}
    for name in functions:
        for metric in ("Invocations", "Duration"):
            metrics[metric, name] = ("AWS/Lambda", metric, {"FunctionName": name})
    for name in queues:
        for metric in ("NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted", "NumberOfEmptyReceives"):
            metrics["requests", name, metric] = ("AWS/SQS", metric, {"QueueName": name})
    metrics["messages",] = ("AWS/ApiGateway", "MessageCount", api)
    found = sums(verification, metrics, start, end)
    total = lambda first: sum(value for key, value in found.items() if key[0] == first)  # noqa: E731
    gb_seconds = sum(found[key] / 1000 * functions[key[1]] / 1024 for key in found if key[0] == "Duration")
    return {
        ("DynamoDB", "write units"): total("table") + total("index"),
        ("DynamoDB", "read units"): total("read"),
        ("Lambda", "invocations"): total("Invocations"),
        ("Lambda", "GB-seconds"): gb_seconds,
        ("SQS", "requests"): total("requests"),
        ("API Gateway", "messages"): total("messages"),
    }


def bill(verification):
    """List prices without free tiers. AWS's own bill has it a day later; the report says where."""
    start, end = datetime.fromisoformat(verification.state["started"]), now()
    prices = json.loads(verification.longhaul("cost", "--json").stdout)["bill"]
    prices = {(line["service"], line["what"]): line["price"] / line["per"] for line in prices}
    used = quantities(verification, start.replace(second=0, microsecond=0), end + timedelta(minutes=1))
    missing = [" ".join(unit) for unit, amount in used.items() if not amount]
    require(not missing, f"CloudWatch has no figures for {', '.join(missing)}")
    hours = (end - start).total_seconds() / 3600
    lines = {" ".join(unit): round(amount * prices[unit], 4) for unit, amount in used.items()}
    lines["alarms, metrics, secret"] = round(hours * STANDING_PER_HOUR, 4)
    total = sum(lines.values())
    limit = verification.options.limit
    require(total < limit, f"{total:.2f} USD is more than {limit:.2f} USD: {json.dumps(lines)}")
    return lines | {"total USD": round(total, 4)}
