"""Lambda's invocations as AWS documents them, on a function that every stack has."""

import json

import pytest
from botocore.exceptions import ClientError

SWEEP = "longhaul-sweep"


@pytest.fixture
def functions(client, endpoint):
    if endpoint is None:
        pytest.skip("it needs a stack of the name longhaul, and runs its functions")
    return client("lambda")


def streamed(functions, name, payload):
    """What came in pieces, and how it ended."""
    events = list(functions.invoke_with_response_stream(FunctionName=name, Payload=payload)["EventStream"])
    pieces = [event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event]
    return b"".join(pieces), events[-1]["InvokeComplete"]


def test_a_response_comes_whole_or_as_a_stream_of_events(functions):
    """A function that does not stream is answered all the same; InvokeComplete ends the stream.
    https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html"""
    whole = functions.invoke(FunctionName=SWEEP, Payload=b"{}")
    assert whole["StatusCode"] == 200
    answer = json.load(whole["Payload"])
    payload, complete = streamed(functions, SWEEP, b"{}")
    assert type(json.loads(payload)) is type(answer)
    assert "ErrorCode" not in complete


def test_an_invocation_without_a_payload_gets_an_empty_object(functions):
    """The payload is optional: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""
    whole = functions.invoke(FunctionName=SWEEP)
    assert "FunctionError" not in whole, whole["Payload"].read()
    events = list(functions.invoke_with_response_stream(FunctionName=SWEEP)["EventStream"])
    assert "ErrorCode" not in events[-1]["InvokeComplete"]


@pytest.mark.parametrize("call", ["invoke", "invoke_with_response_stream"])
def test_a_payload_that_is_no_json_is_refused(functions, call):
    """InvalidRequestContentException: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""
    with pytest.raises(ClientError) as error:
        getattr(functions, call)(FunctionName=SWEEP, Payload=b"hello")
    assert error.value.response["Error"]["Code"] == "InvalidRequestContentException"


def test_a_function_is_named_by_name_arn_or_partial_arn(functions):
    """https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestSyntax"""
    for name in [SWEEP, f"arn:aws:lambda:us-east-1:000000000000:function:{SWEEP}", f"000000000000:function:{SWEEP}"]:
        assert functions.invoke(FunctionName=name)["StatusCode"] == 200


def test_a_function_that_fails_says_so_at_the_streams_end(functions):
    """https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStreamCompleteEvent.html"""
    payload, complete = streamed(functions, "longhaul-message", b'{"no":"event"}')
    assert payload == b""
    assert complete["ErrorCode"] and json.loads(complete["ErrorDetails"])["errorMessage"]


@pytest.mark.parametrize("call", ["invoke", "invoke_with_response_stream"])
def test_an_unknown_function_is_not_found(functions, call):
    with pytest.raises(ClientError) as error:
        getattr(functions, call)(FunctionName="nowhere", Payload=b"{}")
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"
