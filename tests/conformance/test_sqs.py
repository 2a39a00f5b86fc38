"""SQS queues and messages as AWS documents them. Each test cites the page that states what it asserts."""

import hashlib
import json
import struct
import threading
import time
import urllib.error
import urllib.request

import pytest

from sqs_tools import attributes, assert_empty, refused, receive_messages, wait_until

VISIBILITY_OF_A_MOMENT = 1
NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"


def test_a_queue_is_found_by_its_name(sqs, queue):
    """GetQueueUrl returns the URL of an existing queue by its name.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html"""
    url = queue()
    assert sqs.get_queue_url(QueueName=url.rsplit("/", 1)[1])["QueueUrl"] == url


def test_defaults_are_reported(sqs, queue):
    """CreateQueue's defaults: visibility 30 s, delay 0, retention 4 days, wait 0, 1 MiB.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"""
    have = attributes(sqs, queue())
    expected = {
        "VisibilityTimeout": "30",
        "DelaySeconds": "0",
        "MessageRetentionPeriod": "345600",
        "ReceiveMessageWaitTimeSeconds": "0",
        "MaximumMessageSize": "1048576",
    }
    assert {name: have.get(name) for name in expected} == expected


def test_creating_again_with_the_same_attributes_returns_the_same_queue(sqs, queue):
    """If the name and the attributes match an existing queue, CreateQueue returns its URL.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"""
    url = queue(VisibilityTimeout=7)
    name = url.rsplit("/", 1)[1]
    again = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "7"})
    assert again["QueueUrl"] == url


def test_creating_again_with_other_attributes_is_refused(sqs, queue):
    """CreateQueue with a name in use and other attribute values fails: QueueNameExists.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"""
    name = queue(VisibilityTimeout=7).rsplit("/", 1)[1]
    with pytest.raises(sqs.exceptions.QueueNameExists):
        sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "8"})


@pytest.mark.parametrize("name", ["", "a" * 81, "with space", "dot.ted"])
def test_a_queue_name_has_80_letters_digits_hyphens_and_underscores(sqs, name):
    """A queue name has up to 80 alphanumeric characters, hyphens and underscores.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"""
    refused("InvalidParameterValue", sqs.create_queue, QueueName=name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VisibilityTimeout", "43201"),
        ("VisibilityTimeout", "-1"),
        ("DelaySeconds", "901"),
        ("MessageRetentionPeriod", "59"),
        ("MessageRetentionPeriod", "1209601"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
        ("MaximumMessageSize", "1023"),
        ("MaximumMessageSize", "1048577"),
        ("VisibilityTimeout", "soon"),
    ],
)
def test_an_attribute_outside_its_range_is_refused(sqs, queue, name, value):
    """SetQueueAttributes: the valid values of each attribute; InvalidAttributeValue otherwise.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
    url = queue()
    refused("InvalidAttributeValue", sqs.set_queue_attributes, QueueUrl=url, Attributes={name: value})


def test_an_unknown_attribute_is_refused(sqs, queue):
    """SetQueueAttributes and GetQueueAttributes: InvalidAttributeName if the attribute doesn't exist.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
    url = queue()
    refused("InvalidAttributeName", sqs.set_queue_attributes, QueueUrl=url, Attributes={"Colour": "red"})
    refused("InvalidAttributeName", sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Colour"])


def test_set_attributes_are_reported_and_only_those_asked_for(sqs, queue):
    """GetQueueAttributes returns the attributes asked for, as SetQueueAttributes set them.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html"""
    url = queue()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "5", "VisibilityTimeout": "60"})
    assert attributes(sqs, url, "DelaySeconds") == {"DelaySeconds": "5"}
    assert attributes(sqs, url, "VisibilityTimeout") == {"VisibilityTimeout": "60"}


def test_listing_is_by_prefix_and_in_pages(sqs, fresh):
    """ListQueues filters by prefix; MaxResults has to be set for a NextToken to come.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html"""
    prefix = fresh()
    urls = [sqs.create_queue(QueueName=f"{prefix}-{n}")["QueueUrl"] for n in range(3)]
    try:
        listed = wait_until(
            lambda: len(found := sqs.list_queues(QueueNamePrefix=prefix).get("QueueUrls", [])) == 3 and found
        )
        assert sorted(listed) == urls
        page = sqs.list_queues(QueueNamePrefix=prefix, MaxResults=2)
        rest = sqs.list_queues(QueueNamePrefix=prefix, MaxResults=2, NextToken=page["NextToken"])
        assert len(page["QueueUrls"]) == 2
        assert sorted(page["QueueUrls"] + rest["QueueUrls"]) == urls
        assert "NextToken" not in rest
    finally:
        for url in urls:
            sqs.delete_queue(QueueUrl=url)


def test_a_queue_that_does_not_exist_is_named_by_both_codes(sqs, queue):
    """QueueDoesNotExist; for clients of the query protocol's time, its code is AWS.SimpleQueueService.NonExistentQueue.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-faqs.html"""
    url = queue() + "-not"
    assert refused(NO_QUEUE, sqs.send_message, QueueUrl=url, MessageBody="a")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName=url.rsplit("/", 1)[1])
    for call in (sqs.receive_message, sqs.get_queue_attributes, sqs.purge_queue, sqs.list_queue_tags):
        refused(NO_QUEUE, call, QueueUrl=url)


def test_a_deleted_queue_is_gone_with_its_messages(sqs, queue):
    """DeleteQueue deletes the queue regardless of its contents.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html"""
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="lost")
    sqs.delete_queue(QueueUrl=url)

    def gone():
        try:
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        except sqs.exceptions.QueueDoesNotExist:
            return True

    wait_until(gone, patience=70)


def test_tags_come_and_go(sqs, queue):
    """TagQueue adds or overwrites tags, UntagQueue removes them by key, ListQueueTags lists them.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html"""
    url = queue()
    sqs.tag_queue(QueueUrl=url, Tags={"team": "a", "stage": "dev"})
    sqs.tag_queue(QueueUrl=url, Tags={"team": "b"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "b", "stage": "dev"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["team", "stage"])
    assert not sqs.list_queue_tags(QueueUrl=url).get("Tags")


def test_a_message_comes_back_as_it_was_sent(sqs, queue):
    """SendMessage answers with the id and the MD5 of the body; ReceiveMessage gives id, body and MD5.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""
    url, body = queue(), 'tab\tnewline\n"quote" <angle> äöü 漢字 🚚'
    sent = sqs.send_message(QueueUrl=url, MessageBody=body)
    (message,) = receive_messages(sqs, url)
    digest = hashlib.md5(body.encode()).hexdigest()
    assert (sent["MD5OfMessageBody"], message["MD5OfBody"]) == (digest, digest)
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], body)


@pytest.mark.parametrize("body", ["\x00", "a\x0bb", "\ufffe", "\uffff"])
def test_characters_outside_xml_are_refused(sqs, queue, body):
    """A body may hold #x9 | #xA | #xD | #x20-#xD7FF | #xE000-#xFFFD | #x10000-#x10FFFF: InvalidMessageContents.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""
    url = queue()
    refused("InvalidMessageContents", sqs.send_message, QueueUrl=url, MessageBody=body)


def test_an_empty_body_is_refused(sqs, queue):
    """The minimum size of a message is one character; MessageBody is required.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""
    url = queue()
    refused("MissingParameter", sqs.send_message, QueueUrl=url, MessageBody="")


def test_a_message_has_at_most_the_queues_maximum_size(sqs, queue):
    """MaximumMessageSize limits a message in bytes, its attributes included.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html"""
    url = queue(MaximumMessageSize=1024)
    sqs.send_message(QueueUrl=url, MessageBody="a" * 1024)
    refused("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="a" * 1025)
    named = {"n": {"DataType": "String", "StringValue": "v"}}
    refused(
        "InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="a" * 1020, MessageAttributes=named
    )


def test_a_message_has_at_most_1_mib(sqs, queue):
    """The maximum message size is 1 MiB (1,048,576 bytes).
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html"""
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="a" * 1_048_576)
    refused("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="a" * 1_048_577)


def test_attributes_come_back_with_the_documented_digest(sqs, queue):
    """Attributes of type String, Number and Binary; the MD5 is computed over the sorted, length-prefixed parts.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html"""
    url = queue()
    given = {
        "text": {"DataType": "String", "StringValue": "ä"},
        "number": {"DataType": "Number.int", "StringValue": "42"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    encoded = b""
    for name, value in sorted(given.items()):
        for part in (name.encode(), value["DataType"].encode()):
            encoded += struct.pack(">I", len(part)) + part
        raw = value.get("BinaryValue") or value["StringValue"].encode()
        encoded += (b"\x02" if "BinaryValue" in value else b"\x01") + struct.pack(">I", len(raw)) + raw
    sent = sqs.send_message(QueueUrl=url, MessageBody="a", MessageAttributes=given)
    (message,) = receive_messages(sqs, url, MessageAttributeNames=["All"])
    digest = hashlib.md5(encoded).hexdigest()
    assert (sent["MD5OfMessageAttributes"], message["MD5OfMessageAttributes"]) == (digest, digest)
    assert message["MessageAttributes"] == given


def test_only_attributes_asked_for_come(sqs, queue):
    """MessageAttributeNames: names, All, or a prefix with .*; none asked for, none returned.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html"""
    url = queue(VisibilityTimeout=0)
    named = {name: {"DataType": "String", "StringValue": "v"} for name in ("bar.a", "bar.b", "foo")}
    sqs.send_message(QueueUrl=url, MessageBody="a", MessageAttributes=named)
    for asked, expected in [([], []), (["foo"], ["foo"]), (["bar.*"], ["bar.a", "bar.b"]), (["All"], sorted(named))]:
        (message,) = receive_messages(sqs, url, MessageAttributeNames=asked)
        assert sorted(message.get("MessageAttributes", {})) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"AWS.reserved": {"DataType": "String", "StringValue": "v"}},
        {"a..b": {"DataType": "String", "StringValue": "v"}},
        {"n": {"DataType": "Colour", "StringValue": "v"}},
        {"n": {"DataType": "Number", "StringValue": "seven"}},
        {"n": {"DataType": "String", "StringValue": ""}},
        {f"n{n}": {"DataType": "String", "StringValue": "v"} for n in range(11)},
    ],
    ids=["reserved", "periods", "type", "number", "empty", "eleven"],
)
def test_a_malformed_attribute_is_refused(sqs, queue, wrong):
    """An attribute's name, type and value have rules, and a message has at most ten.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html"""
    url = queue()
    refused("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="a", MessageAttributes=wrong)


def test_system_attributes_and_the_trace_header_come_when_asked_for(sqs, queue):
    """ApproximateReceiveCount, SentTimestamp (ms), ApproximateFirstReceiveTimestamp, SenderId, AWSTraceHeader.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html"""
    url, trace = queue(VisibilityTimeout=0), "Root=1-5759e988-bd862e3fe1be46a994272793"
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
    before = time.time() * 1000
    sqs.send_message(QueueUrl=url, MessageBody="a", MessageSystemAttributes=header)
    receive_messages(sqs, url)
    (message,) = receive_messages(sqs, url, MessageSystemAttributeNames=["All"])
    about = message["Attributes"]
    assert (about["ApproximateReceiveCount"], about["AWSTraceHeader"]) == ("2", trace)
    # A minute of grace for clocks that differ.
    assert before - 60_000 < int(about["SentTimestamp"]) <= int(about["ApproximateFirstReceiveTimestamp"])
    assert about["SenderId"]
    (bare,) = receive_messages(sqs, url)
    assert "Attributes" not in bare


def test_the_older_name_of_the_parameter_works_too(sqs, queue):
    """AttributeNames is deprecated in favour of MessageSystemAttributeNames, and still honoured.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html"""
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="a")
    (message,) = receive_messages(sqs, url, AttributeNames=["SentTimestamp"])
    assert list(message["Attributes"]) == ["SentTimestamp"]


def test_only_the_trace_header_is_a_senders_system_attribute(sqs, queue):
    """The only supported message system attribute of a sender is AWSTraceHeader, of type String.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""
    url = queue()
    wrong = {"Other": {"DataType": "String", "StringValue": "v"}}
    refused("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="a", MessageSystemAttributes=wrong)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MaxNumberOfMessages", 0),
        ("MaxNumberOfMessages", 11),
        ("WaitTimeSeconds", 21),
        ("VisibilityTimeout", 43_201),
        ("VisibilityTimeout", -1),
    ],
)
def test_receive_refuses_numbers_out_of_range(sqs, queue, name, value):
    """MaxNumberOfMessages is 1 to 10, WaitTimeSeconds 0 to 20, VisibilityTimeout 0 to 43,200.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html"""
    url = queue()
    refused("InvalidParameterValue", sqs.receive_message, QueueUrl=url, **{name: value})


def test_a_received_message_is_hidden_and_comes_back(sqs, queue):
    """A received message is invisible for the visibility timeout, then received again.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html"""
    url = queue(VisibilityTimeout=VISIBILITY_OF_A_MOMENT)
    sqs.send_message(QueueUrl=url, MessageBody="a")
    first = receive_messages(sqs, url)[0]
    assert_empty(sqs, url)
    again = receive_messages(sqs, url, AttributeNames=["ApproximateReceiveCount"])[0]
    assert (again["MessageId"], again["Attributes"]["ApproximateReceiveCount"]) == (first["MessageId"], "2")
    assert again["ReceiptHandle"] != first["ReceiptHandle"]


def test_a_long_poll_returns_as_soon_as_a_message_is_sent(sqs, queue, client):
    """With WaitTimeSeconds the call returns sooner than that if a message is available.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html"""
    url, other = queue(), client("sqs")
    sender = threading.Timer(0.3, lambda: other.send_message(QueueUrl=url, MessageBody="late"))
    sender.start()
    answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
    sender.join()
    assert [message["Body"] for message in answer["Messages"]] == ["late"]


def test_the_queues_own_wait_makes_a_long_poll_which_zero_overrides(sqs, queue):
    """ReceiveMessageWaitTimeSeconds of the queue holds unless WaitTimeSeconds is given.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html"""
    url = queue(ReceiveMessageWaitTimeSeconds=2, DelaySeconds=1)
    sqs.send_message(QueueUrl=url, MessageBody="a")
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1


def test_a_deleted_message_does_not_come_back(sqs, queue):
    """DeleteMessage deletes the message of a receipt handle; deleting it again is no error.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html"""
    url = queue(VisibilityTimeout=VISIBILITY_OF_A_MOMENT)
    sqs.send_message(QueueUrl=url, MessageBody="a")
    handle = receive_messages(sqs, url)[0]["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=VISIBILITY_OF_A_MOMENT + 1)


def test_an_old_receipt_handle_deletes_nothing(sqs, queue):
    """A handle from an earlier receive: the request succeeds, but the message might not be deleted.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html"""
    url = queue(VisibilityTimeout=0)
    sqs.send_message(QueueUrl=url, MessageBody="a")
    old = receive_messages(sqs, url)[0]["ReceiptHandle"]
    receive_messages(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=old)
    receive_messages(sqs, url)


def test_a_handle_that_is_none_is_refused(sqs, queue):
    """ReceiptHandleIsInvalid: the specified receipt handle isn't valid.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html"""
    url = queue()
    refused("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=url, ReceiptHandle="nonsense")
    change = sqs.change_message_visibility
    refused("ReceiptHandleIsInvalid", change, QueueUrl=url, ReceiptHandle="nonsense", VisibilityTimeout=1)


def test_visibility_is_changed_to_zero_and_to_longer(sqs, queue):
    """ChangeMessageVisibility sets a new timeout from now; 0 makes the message visible at once.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html"""
    url = queue(VisibilityTimeout=VISIBILITY_OF_A_MOMENT)
    sqs.send_message(QueueUrl=url, MessageBody="a")
    handle = receive_messages(sqs, url)[0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60)
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=VISIBILITY_OF_A_MOMENT + 1)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    receive_messages(sqs, url)


def test_visibility_has_a_ceiling_of_12_hours_from_the_receive(sqs, queue):
    """The maximum is 12 hours (43,200 s) from the time of the receive; an extension can't go beyond.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html"""
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="a")
    handle = receive_messages(sqs, url)[0]["ReceiptHandle"]
    change = sqs.change_message_visibility
    refused("InvalidParameterValue", change, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43_201)
    time.sleep(1.1)  # Only so is a second of the twelve hours gone.
    refused("InvalidParameterValue", change, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43_200)
    change(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43_000)


def test_the_visibility_of_a_message_not_in_flight_cannot_change(sqs, queue):
    """MessageNotInflight: the specified message isn't in flight.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html"""
    url = queue(VisibilityTimeout=0)
    sqs.send_message(QueueUrl=url, MessageBody="a")
    handle = receive_messages(sqs, url)[0]["ReceiptHandle"]
    with pytest.raises(sqs.exceptions.MessageNotInflight):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=9)


def test_a_delayed_message_comes_late_and_its_own_delay_wins(sqs, queue):
    """DelaySeconds of the queue hides a new message; DelaySeconds of the message overrides it.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html"""
    url = queue(DelaySeconds=1)
    sqs.send_message(QueueUrl=url, MessageBody="late")
    sqs.send_message(QueueUrl=url, MessageBody="now", DelaySeconds=0)
    assert [message["Body"] for message in receive_messages(sqs, url)] == ["now"]
    assert_empty(sqs, url)
    assert [message["Body"] for message in receive_messages(sqs, url)] == ["late"]
    refused("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="a", DelaySeconds=901)


def test_counts_tell_visible_in_flight_and_delayed(sqs, queue):
    """ApproximateNumberOfMessages, ...NotVisible (in flight), ...Delayed.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html"""
    url = queue()
    for delay in (0, 0, 900):
        sqs.send_message(QueueUrl=url, MessageBody="a", DelaySeconds=delay)
    receive_messages(sqs, url)
    kinds = ["ApproximateNumberOfMessages" + kind for kind in ("", "NotVisible", "Delayed")]
    wait_until(lambda: [attributes(sqs, url, *kinds)[kind] for kind in kinds] == ["1", "1", "1"], patience=70)


def test_a_purge_empties_and_may_not_be_repeated_for_a_minute(sqs, queue):
    """PurgeQueue deletes all messages; PurgeQueueInProgress within 60 seconds of another.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html"""
    url = queue(VisibilityTimeout=VISIBILITY_OF_A_MOMENT)
    for _ in range(2):
        sqs.send_message(QueueUrl=url, MessageBody="a")
    receive_messages(sqs, url)
    sqs.purge_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.PurgeQueueInProgress):
        sqs.purge_queue(QueueUrl=url)
    wait_until(lambda: "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2), patience=70)


def test_a_group_that_fills_the_queue_does_not_starve_the_others(sqs, queue):
    """Fair queues: with MessageGroupId, a noisy tenant's backlog doesn't delay the quiet tenants' messages.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html"""
    url = queue()
    for batch in range(5):
        entries = [{"Id": str(n), "MessageBody": f"noisy {batch}-{n}", "MessageGroupId": "noisy"} for n in range(10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    receive_messages(sqs, url, 10)
    sqs.send_message(QueueUrl=url, MessageBody="quiet", MessageGroupId="quiet")
    messages = receive_messages(sqs, url, 10, AttributeNames=["MessageGroupId"])
    assert "quiet" in [message["Attributes"]["MessageGroupId"] for message in messages]


def test_what_belongs_to_fifo_queues_is_refused(sqs, queue):
    """MessageDeduplicationId applies only to FIFO queues; a group id has up to 128 characters.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""
    send, url = sqs.send_message, queue()
    refused("InvalidParameterValue", send, QueueUrl=url, MessageBody="a", MessageDeduplicationId="d")
    refused("InvalidParameterValue", send, QueueUrl=url, MessageBody="a", MessageGroupId="g" * 129)


def test_an_operation_that_does_not_exist_is_refused(endpoint):
    """An unknown action is a 4xx error of the JSON protocol and no server error.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html"""
    where = endpoint or "https://sqs.us-east-1.amazonaws.com"
    headers = {"X-Amz-Target": "AmazonSQS.FoldQueue", "Content-Type": "application/x-amz-json-1.0"}
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(urllib.request.Request(where, data=b"{}", headers=headers, method="POST"), timeout=10)
    assert 400 <= refusal.value.code < 500
    assert endpoint is None or "__type" in json.load(refusal.value)
