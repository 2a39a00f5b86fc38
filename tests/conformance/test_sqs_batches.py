"""SQS batches, dead letters and move tasks as AWS documents them."""

import json

import pytest

from sqs_tools import arn, attributes, assert_empty, refused, receive_messages, wait_until

API = "AWS.SimpleQueueService."


def entries(count, **more):
    return [{"Id": str(n), "MessageBody": f"message {n}"} | more for n in range(count)]


def test_a_batch_of_ten_is_sent_received_and_deleted(sqs, queue):
    """SendMessageBatch and DeleteMessageBatch take up to 10 entries and report each.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html"""
    url = queue()
    sent = sqs.send_message_batch(QueueUrl=url, Entries=entries(10))
    assert sorted(entry["Id"] for entry in sent["Successful"]) == sorted(str(n) for n in range(10))
    assert not sent.get("Failed")
    messages = receive_messages(sqs, url, 10)
    assert {m["MessageId"] for m in messages} == {entry["MessageId"] for entry in sent["Successful"]}
    handles = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
    done = sqs.delete_message_batch(QueueUrl=url, Entries=handles)
    assert len(done["Successful"]) == 10
    assert not done.get("Failed")
    left = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    wait_until(lambda: set(attributes(sqs, url, *left).values()) == {"0"}, patience=70)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ([], "EmptyBatchRequest"),
        (entries(11), "TooManyEntriesInBatchRequest"),
        (entries(2, Id="same"), "BatchEntryIdsNotDistinct"),
        (entries(1, Id="not good!"), "InvalidBatchEntryId"),
        (entries(1, Id="i" * 81), "InvalidBatchEntryId"),
        (entries(2, MessageBody="a" * 524_289), "BatchRequestTooLong"),
    ],
    ids=["empty", "eleven", "twice", "letters", "long", "bytes"],
)
def test_a_malformed_batch_is_refused_whole(sqs, queue, wrong, code):
    """The errors of SendMessageBatch; the total of all messages is at most 1 MiB.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html"""
    url = queue()
    with pytest.raises(getattr(sqs.exceptions, code)) as refusal:
        sqs.send_message_batch(QueueUrl=url, Entries=wrong)
    assert refusal.value.response["Error"]["Code"] == API + code
    assert_empty(sqs, url)


def test_one_bad_entry_fails_alone(sqs, queue):
    """A batch can result in a combination of successful and unsuccessful entries: SenderFault and a Code.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_BatchResultErrorEntry.html"""
    url = queue()
    batch = [{"Id": "good", "MessageBody": "a"}, {"Id": "bad", "MessageBody": "a", "DelaySeconds": 901}]
    sent = sqs.send_message_batch(QueueUrl=url, Entries=batch)
    assert [entry["Id"] for entry in sent["Successful"]] == ["good"]
    (failed,) = sent["Failed"]
    assert (failed["Id"], failed["SenderFault"], failed["Code"]) == ("bad", True, "InvalidParameterValue")
    (message,) = receive_messages(sqs, url)
    handles = [{"Id": "good", "ReceiptHandle": message["ReceiptHandle"]}, {"Id": "bad", "ReceiptHandle": "nonsense"}]
    done = sqs.delete_message_batch(QueueUrl=url, Entries=handles)
    assert [entry["Id"] for entry in done["Successful"]] == ["good"]
    assert [(entry["Id"], entry["Code"]) for entry in done["Failed"]] == [("bad", "ReceiptHandleIsInvalid")]


def test_visibility_changes_in_a_batch(sqs, queue):
    """ChangeMessageVisibilityBatch changes up to 10 messages and reports each.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html"""
    url = queue()
    sqs.send_message_batch(QueueUrl=url, Entries=entries(2))
    one, two = receive_messages(sqs, url, 2)
    batch = [
        {"Id": "shown", "ReceiptHandle": one["ReceiptHandle"], "VisibilityTimeout": 0},
        {"Id": "over", "ReceiptHandle": two["ReceiptHandle"], "VisibilityTimeout": 43_201},
    ]
    done = sqs.change_message_visibility_batch(QueueUrl=url, Entries=batch)
    assert [entry["Id"] for entry in done["Successful"]] == ["shown"]
    assert [entry["Id"] for entry in done["Failed"]] == ["over"]
    assert receive_messages(sqs, url)[0]["MessageId"] == one["MessageId"]


@pytest.fixture
def dead_letters(sqs, queue):
    """A queue whose messages are received once at most, and its dead-letter queue."""

    def make(count=1):
        dead = queue()
        policy = json.dumps({"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": count})
        return queue(VisibilityTimeout=0, RedrivePolicy=policy), dead

    return make


def test_a_message_received_too_often_moves_to_the_dead_letter_queue(sqs, dead_letters):
    """When the receive count exceeds maxReceiveCount, SQS moves the message; id and sent timestamp stay.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"""
    url, dead = dead_letters(2)
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    for _ in range(2):
        alive = receive_messages(sqs, url, AttributeNames=["SentTimestamp"])[0]
    assert_empty(sqs, url)
    (message,) = receive_messages(sqs, dead, AttributeNames=["All"])
    assert (message["MessageId"], message["Body"]) == (alive["MessageId"], "poison")
    assert message["Attributes"]["SentTimestamp"] == alive["Attributes"]["SentTimestamp"]
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn(sqs, url)


def test_a_redrive_policy_reads_back_and_names_its_sources(sqs, dead_letters):
    """ListDeadLetterSourceQueues lists the queues whose RedrivePolicy has this one as target.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html"""
    url, dead = dead_letters(3)
    policy = json.loads(attributes(sqs, url, "RedrivePolicy")["RedrivePolicy"])
    assert (policy["deadLetterTargetArn"], int(policy["maxReceiveCount"])) == (arn(sqs, dead), 3)
    listed = wait_until(lambda: sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"])
    assert listed == [url]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert "RedrivePolicy" not in attributes(sqs, url)


@pytest.mark.parametrize("count", [0, 1001, "often"])
def test_a_redrive_policy_has_a_receive_count_of_1_to_1000(sqs, queue, count):
    """maxReceiveCount is an integer from 1 to 1,000.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue.html"""
    url, dead = queue(), queue()
    policy = json.dumps({"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": count})
    change = sqs.set_queue_attributes
    refused("InvalidParameterValue", change, QueueUrl=url, Attributes={"RedrivePolicy": policy})


def test_a_redrive_policy_needs_an_existing_target(sqs, queue):
    """The dead-letter queue must exist, in the same account and Region.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"""
    url = queue()
    policy = json.dumps({"deadLetterTargetArn": arn(sqs, url) + "-not", "maxReceiveCount": 1})
    change = sqs.set_queue_attributes
    refused("InvalidParameterValue", change, QueueUrl=url, Attributes={"RedrivePolicy": policy})


def test_a_dead_letter_queue_may_refuse_sources(sqs, queue):
    """RedriveAllowPolicy denyAll: no source queue can specify this queue as its dead-letter queue.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
    url, dead = queue(), queue(RedriveAllowPolicy=json.dumps({"redrivePermission": "denyAll"}))
    policy = json.dumps({"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": 1})
    change = sqs.set_queue_attributes
    refused("InvalidParameterValue", change, QueueUrl=url, Attributes={"RedrivePolicy": policy})


def bury(sqs, url, count):
    """Lets `count` messages die."""
    for n in range(0, count, 10):
        sqs.send_message_batch(QueueUrl=url, Entries=entries(min(10, count - n)))
    receive_messages(sqs, url, count)
    wait_until(lambda: "Messages" not in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10))


def task(sqs, dead):
    return sqs.list_message_move_tasks(SourceArn=arn(sqs, dead), MaxResults=10)["Results"][0]


def test_a_move_task_brings_dead_letters_back_as_new_messages(sqs, dead_letters):
    """StartMessageMoveTask moves messages from a dead-letter queue back to their source; ListMessageMoveTasks tells.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html"""
    url, dead = dead_letters()
    bury(sqs, url, 3)
    assert sqs.start_message_move_task(SourceArn=arn(sqs, dead))["TaskHandle"]
    done = wait_until(lambda: (seen := task(sqs, dead))["Status"] == "COMPLETED" and seen, patience=70)
    assert (done["ApproximateNumberOfMessagesMoved"], done["SourceArn"]) == (3, arn(sqs, dead))
    assert "TaskHandle" not in done
    assert {m["Attributes"]["ApproximateReceiveCount"] for m in receive_messages(sqs, url, 3, AttributeNames=["All"])} == {"1"}


def test_a_move_task_can_have_another_destination(sqs, queue, dead_letters):
    """DestinationArn: the queue that receives the moved messages.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html"""
    (url, dead), other = dead_letters(), queue()
    bury(sqs, url, 1)
    sqs.start_message_move_task(SourceArn=arn(sqs, dead), DestinationArn=arn(sqs, other))
    receive_messages(sqs, other)


def test_a_running_move_task_is_alone_and_can_be_cancelled(sqs, dead_letters):
    """One active task per queue; CancelMessageMoveTask ends a RUNNING task and tells how many moved.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CancelMessageMoveTask.html"""
    url, dead = dead_letters()
    bury(sqs, url, 20)
    handle = sqs.start_message_move_task(SourceArn=arn(sqs, dead), MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    running = task(sqs, dead)
    assert (running["Status"], running["MaxNumberOfMessagesPerSecond"]) == ("RUNNING", 1)
    with pytest.raises(sqs.exceptions.UnsupportedOperation):
        sqs.start_message_move_task(SourceArn=arn(sqs, dead))
    moved = sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    assert 0 <= moved < 20
    wait_until(lambda: task(sqs, dead)["Status"] == "CANCELLED")


def test_a_move_task_refuses_what_is_no_dead_letter_queue(sqs, queue):
    """The source must be the dead-letter queue of some queue, and exist: ResourceNotFoundException.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html"""
    source = arn(sqs, queue())
    refused("InvalidParameterValue", sqs.start_message_move_task, SourceArn=source)
    refused("ResourceNotFoundException", sqs.start_message_move_task, SourceArn=source + "-not")
    refused("ResourceNotFoundException", sqs.cancel_message_move_task, TaskHandle="bm90IGEgdGFzaw==")
