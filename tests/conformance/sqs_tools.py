"""What the SQS tests share: reading a queue until it gave what is expected, and refusals by code."""

import time

import pytest
from botocore.exceptions import ClientError

PATIENCE = 15


def take(sqs, url, count=1, **arguments):
    """Receives until `count` messages came: AWS may return fewer than there are."""
    messages, until = [], time.monotonic() + PATIENCE
    while len(messages) < count and time.monotonic() < until:
        asked = {"MaxNumberOfMessages": min(10, count - len(messages)), "WaitTimeSeconds": 1} | arguments
        messages += sqs.receive_message(QueueUrl=url, **asked).get("Messages", [])
    assert len(messages) == count, f"{len(messages)} messages came, not {count}"
    return messages


def nothing(sqs, url):
    """Asserts that nothing is to be received now."""
    assert "Messages" not in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)


def attributes(sqs, url, *names):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names or ["All"]).get("Attributes", {})


def arn(sqs, url):
    return attributes(sqs, url, "QueueArn")["QueueArn"]


def until(condition, patience=PATIENCE):
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
