"""CloudWatch Logs as the runbook reads it, on the log of a function that every stack has."""

import json
import time

import pytest
from botocore.exceptions import ClientError

FUNCTION = "longhaul-sweep"
GROUP = f"/aws/lambda/{FUNCTION}"
MAX_WAIT = 60


@pytest.fixture(scope="module")
def logs(client, endpoint):
    """A client, after the function has run twice."""
    if endpoint is None:
        pytest.skip("it needs a stack of the name longhaul, and runs its functions")
    functions = client("lambda")
    for _ in range(2):
        functions.invoke(FunctionName=FUNCTION)
    found = client("logs")
    end = time.monotonic() + MAX_WAIT
    while len(reports(found)) < 2:
        assert time.monotonic() < end, "the log has no REPORT"
    return found


def reports(logs):
    return logs.filter_log_events(logGroupName=GROUP, filterPattern="REPORT")["events"]


def refusal(call, **request):
    with pytest.raises(ClientError) as error:
        call(**request)
    return error.value.response["Error"]["Code"]


def test_a_function_has_a_group_and_each_environment_a_stream(logs):
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html"""
    groups = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    assert [group["logGroupName"] for group in groups] == [GROUP]
    streams = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert streams and all("/[$LATEST]" in stream["logStreamName"] for stream in streams)
    assert refusal(logs.describe_log_streams, logGroupName="/aws/lambda/nobody") == "ResourceNotFoundException"


def test_a_streams_events_are_read_in_pages_in_both_directions(logs):
    """Without startFromHead the latest come first. A token that leads nowhere is returned again.
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html"""
    name = logs.describe_log_streams(logGroupName=GROUP)["logStreams"][0]["logStreamName"]
    stream = {"logGroupName": GROUP, "logStreamName": name}
    events = logs.get_log_events(**stream, startFromHead=True)["events"]
    times = [event["timestamp"] for event in events]
    assert len(events) >= 3 and times == sorted(times)
    assert events[0]["message"].endswith("\n")
    forward, page = [], logs.get_log_events(**stream, startFromHead=True, limit=2)
    while page["events"]:
        forward += page["events"]
        page = logs.get_log_events(**stream, nextToken=page["nextForwardToken"], limit=2)
    assert forward == events
    again = logs.get_log_events(**stream, nextToken=page["nextForwardToken"], limit=2)
    assert (again["events"], again["nextForwardToken"]) == ([], page["nextForwardToken"])
    latest = logs.get_log_events(**stream, limit=2)
    assert latest["events"] == events[-2:]
    before = logs.get_log_events(**stream, limit=1, nextToken=latest["nextBackwardToken"])
    assert before["events"] == events[-3:-2]
    later = logs.get_log_events(**stream, startTime=times[-1], startFromHead=True)["events"]
    assert later == [event for event in events if event["timestamp"] >= times[-1]]
    assert refusal(logs.get_log_events, logGroupName=GROUP, logStreamName="nowhere") == "ResourceNotFoundException"
    assert refusal(logs.get_log_events, **stream, nextToken="x") == "InvalidParameterException"


def test_events_are_filtered_by_pattern_and_time_over_all_streams(logs):
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html"""
    found = reports(logs)
    assert all(event["message"].startswith("REPORT RequestId: ") for event in found)
    request = found[0]["message"].split()[2]
    of_request = logs.filter_log_events(logGroupName=GROUP, filterPattern=f'"{request}"')["events"]
    assert {event["message"].split()[0] for event in of_request} >= {"START", "END", "REPORT"}
    lines = logs.filter_log_events(logGroupName=GROUP, filterPattern='{ $.level = "INFO" }')["events"]
    assert all(json.loads(event["message"])["level"] == "INFO" for event in lines)
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, filterPattern="REPORT", limit=1)
    assert [event for page in pages for event in page["events"]] == found
    later = logs.filter_log_events(logGroupName=GROUP, filterPattern="REPORT", startTime=found[-1]["timestamp"] + 1)
    assert later["events"] == []
    assert refusal(logs.filter_log_events, logGroupName="/aws/lambda/nobody") == "ResourceNotFoundException"
    assert refusal(logs.filter_log_events, logGroupName=GROUP, filterPattern="[a, b]") == "InvalidParameterException"


def test_nothing_but_reading_is_supported(logs):
    request = {"logGroupName": GROUP, "logStreamName": "s", "logEvents": [{"timestamp": 0, "message": "m"}]}
    assert refusal(logs.put_log_events, **request) == "UnknownOperationException"
