"""Helpers of the SQS tests: receiving until the expected messages have arrived, and expected errors by code."""

import time

import pytest
from botocore.exceptions import ClientError

MAX_WAIT = 15


def receive_messages(sqs, url, count=1, **arguments):
    """Receives until `count` messages have arrived: AWS may return fewer than there are."""
    messages, until = [], time.monotonic() + MAX_WAIT
    while len(messages) < count and time.monotonic() < until:
        asked = {"MaxNumberOfMessages": min(10, count - len(messages)), "WaitTimeSeconds": 1} | arguments
        messages += sqs.receive_message(QueueUrl=url, **asked).get("Messages", [])
    assert len(messages) == count, f"{len(messages)} messages arrived, not {count}"
    return messages


def assert_empty(sqs, url):
    """Asserts that no message is visible."""
    assert "Messages" not in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)


def attributes(sqs, url, *names):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names or ["All"]).get("Attributes", {})


def arn(sqs, url):
    return attributes(sqs, url, "QueueArn")["QueueArn"]


def wait_until(condition, patience=MAX_WAIT):
    """Waits for a state that AWS brings about in its own time."""
    end = time.monotonic() + patience
    while not (seen := condition()):
        assert time.monotonic() < end, "the state did not come"
        time.sleep(0.05)
    return seen


def refused(code, call, **arguments):
    """Asserts that a call is refused with this error code (4xx), and gives the error."""
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    response = refusal.value.response
    assert response["Error"]["Code"] == code, response["Error"]
    assert 400 <= response["ResponseMetadata"]["HTTPStatusCode"] < 500
    return response
