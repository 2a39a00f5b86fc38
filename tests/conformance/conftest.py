"""The fixtures of every conformance test: an endpoint, clients for it, and queues and tables that are deleted afterwards.

    pytest tests/conformance                          starts the embedded cloud itself
    pytest tests/conformance --endpoint http://...    anyone's endpoint
    pytest tests/conformance --endpoint aws           AWS, with the credentials and region of the environment

Expectations are in the tests, each with the page of AWS's documentation that states it.
"""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from cloud import CREDENTIALS, REGION, Cloud, local_client


def pytest_addoption(parser):
    parser.addoption("--endpoint", help="the endpoint to test, or `aws`; without it the embedded cloud is started")


def pytest_configure(config):
    config.addinivalue_line("markers", "differs(why): a known difference of the embedded cloud, and its reason")


def pytest_collection_modifyitems(config, items):
    """A known difference must fail: once it does not, the mark has to go."""
    if config.getoption("endpoint"):
        return
    for item in items:
        for mark in item.iter_markers("differs"):
            item.add_marker(pytest.mark.xfail(reason=mark.args[0], strict=True))


def pytest_terminal_summary(terminalreporter):
    """Prints the counts in cargo's format, which scripts/test sums up."""
    count = {outcome: len(tests) for outcome, tests in terminalreporter.stats.items()}
    failed = count.get("failed", 0) + count.get("error", 0)
    # A known difference is tested too: the test must fail.
    passed = count.get("passed", 0) + count.get("xfailed", 0)
    skipped = count.get("skipped", 0)
    verdict = "FAILED" if failed else "ok"
    terminalreporter.write_line(
        f"test result: {verdict}. {passed} passed; {failed} failed; {skipped} ignored"
    )


@pytest.fixture(scope="session")
def cloud_data(tmp_path_factory):
    """The data folder of the embedded cloud."""
    return tmp_path_factory.mktemp("small-cloud")


@pytest.fixture(scope="session")
def endpoint(request, cloud_data):
    """The endpoint's URL; None stands for AWS itself."""
    given = request.config.getoption("endpoint")
    if given:
        yield None if given == "aws" else given
        return
    cloud = Cloud(cloud_data)
    yield cloud.endpoint
    cloud.stop()


@pytest.fixture(scope="session")
def client(endpoint):
    """Makes a client for a service; the service, not boto3, is to refuse what is wrong."""

    def make(service):
        if endpoint is None:
            return boto3.client(service, config=Config(parameter_validation=False))
        return local_client(service, endpoint)

    return make


@pytest.fixture(scope="session")
def sqs(client):
    return client("sqs")


@pytest.fixture(scope="session")
def dynamodb(client):
    return client("dynamodb")


@pytest.fixture(scope="session")
def aws(endpoint):
    """Runs the stock `aws` command line and gives what it printed."""
    beside = Path(sys.executable).parent / "aws"
    program = str(beside) if beside.exists() else "aws"

    def run(*words):
        environment, where = dict(os.environ), []
        if endpoint is not None:
            environment |= {name.upper(): value for name, value in CREDENTIALS.items()}
            environment |= {"AWS_DEFAULT_REGION": REGION, "AWS_MAX_ATTEMPTS": "1"}
            where = ["--endpoint-url", endpoint]
        command = [program, *words, *where, "--output", "json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def fresh():
    """A name that nobody else uses."""
    return lambda: f"conformance-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def queue(sqs, fresh):
    """Makes queues, gives their URLs, and deletes them after the test."""
    made = []

    def make(**attributes):
        attributes = {name: str(value) for name, value in attributes.items()}
        made.append(sqs.create_queue(QueueName=fresh(), Attributes=attributes)["QueueUrl"])
        return made[-1]

    yield make
    for url in made:
        try:
            sqs.delete_queue(QueueUrl=url)
        except sqs.exceptions.QueueDoesNotExist:
            pass


@pytest.fixture
def table(dynamodb, fresh):
    """Makes tables with the key `id` (text), with a KEYS_ONLY index on `group` and `rank` if asked."""
    made = []

    def make(index=False, sort=False):
        name = fresh()
        attributes = [("id", "S")] + [("at", "N")] * sort + [("group", "S"), ("rank", "N")] * index
        keys = [("id", "HASH")] + [("at", "RANGE")] * sort
        schema = {"AttributeDefinitions": [{"AttributeName": a, "AttributeType": t} for a, t in attributes]}
        if index:
            schema["GlobalSecondaryIndexes"] = [
                {
                    "IndexName": "ranked",
                    "KeySchema": _keys([("group", "HASH"), ("rank", "RANGE")]),
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ]
        dynamodb.create_table(TableName=name, KeySchema=_keys(keys), BillingMode="PAY_PER_REQUEST", **schema)
        made.append(name)
        dynamodb.get_waiter("table_exists").wait(TableName=name)
        return name

    yield make
    for name in made:
        dynamodb.delete_table(TableName=name)


@pytest.fixture(scope="session")
def s3(client):
    return client("s3")


@pytest.fixture
def bucket(s3, fresh):
    """A bucket that is emptied and deleted after the test."""
    name, region = fresh(), s3.meta.region_name
    # us-east-1 is where a bucket is that does not say where.
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **where)
    yield name
    # A refusal that comes before its body was read ends its connection, and this client tries nothing twice.
    s3.close()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for found in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=found["Key"])
    for upload in s3.list_multipart_uploads(Bucket=name).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    s3.delete_bucket(Bucket=name)


def _keys(keys):
    return [{"AttributeName": name, "KeyType": kind} for name, kind in keys]
