"""The stock `aws` command line drives every operation that an operator of this project uses.

What each operation does is stated in the other files; here, that the command line's own reading of
requests and answers agrees. https://docs.aws.amazon.com/cli/latest/reference/sqs/
"""

import json

import pytest

from sqs_tools import arn, attributes, receive_messages


class Scene:
    """A queue with messages, its dead-letter queue, and names that commands are filled in with."""

    def __init__(self, sqs, queue, fresh):
        self.dead = queue()
        policy = json.dumps({"deadLetterTargetArn": arn(sqs, self.dead), "maxReceiveCount": 5})
        self.url = queue(RedrivePolicy=policy)
        self.name = self.url.rsplit("/", 1)[1]
        self.fresh = fresh()
        self.dead_arn = arn(sqs, self.dead)

    def receipt(self, sqs):
        sqs.send_message(QueueUrl=self.url, MessageBody="a")
        return receive_messages(sqs, self.url)[0]["ReceiptHandle"]


@pytest.fixture
def scene(sqs, queue, fresh):
    return Scene(sqs, queue, fresh)


SQS = {
    "create-queue": ("--queue-name {fresh} --attributes DelaySeconds=3", lambda a, s: a["QueueUrl"].endswith(s.fresh)),
    "get-queue-url": ("--queue-name {name}", lambda a, s: a["QueueUrl"] == s.url),
    "list-queues": ("--queue-name-prefix {name}", lambda a, s: a["QueueUrls"] == [s.url]),
    "get-queue-attributes": (
        "--queue-url {url} --attribute-names All",
        lambda a, s: s.dead_arn in a["Attributes"]["RedrivePolicy"],
    ),
    "set-queue-attributes": ("--queue-url {url} --attributes DelaySeconds=3", None),
    "tag-queue": ("--queue-url {url} --tags team=a", None),
    "untag-queue": ("--queue-url {url} --tag-keys team", None),
    "list-queue-tags": ("--queue-url {url}", None),
    "send-message": ("--queue-url {url} --message-body hello", lambda a, s: a["MD5OfMessageBody"].startswith("5d41402a")),
    "send-message-batch": (
        "--queue-url {url} --entries Id=a,MessageBody=1 Id=b,MessageBody=2",
        lambda a, s: [entry["Id"] for entry in a["Successful"]] == ["a", "b"],
    ),
    "receive-message": (
        "--queue-url {filled} --message-system-attribute-names All --wait-time-seconds 5",
        lambda a, s: a["Messages"][0]["Attributes"]["ApproximateReceiveCount"] == "1",
    ),
    "delete-message": ("--queue-url {url} --receipt-handle {receipt}", None),
    "delete-message-batch": (
        "--queue-url {url} --entries Id=a,ReceiptHandle={receipt}",
        lambda a, s: a["Successful"] == [{"Id": "a"}],
    ),
    "change-message-visibility": ("--queue-url {url} --receipt-handle {receipt} --visibility-timeout 9", None),
    "change-message-visibility-batch": (
        "--queue-url {url} --entries Id=a,ReceiptHandle={receipt},VisibilityTimeout=9",
        lambda a, s: a["Successful"] == [{"Id": "a"}],
    ),
    "purge-queue": ("--queue-url {url}", None),
    "list-dead-letter-source-queues": ("--queue-url {dead}", lambda a, s: a["queueUrls"] == [s.url]),
    "start-message-move-task": ("--source-arn {dead_arn}", lambda a, s: a["TaskHandle"]),
    "list-message-move-tasks": ("--source-arn {moving}", lambda a, s: a["Results"][0]["Status"] == "RUNNING"),
    "cancel-message-move-task": ("--task-handle {task}", lambda a, s: a["ApproximateNumberOfMessagesMoved"] >= 0),
    "delete-queue": ("--queue-url {url}", None),
}


@pytest.mark.parametrize("operation", SQS)
def test_sqs(sqs, aws, scene, operation):
    """One use of each operation. https://docs.aws.amazon.com/cli/latest/reference/sqs/index.html"""
    arguments, expected = SQS[operation]
    filled = vars(scene).copy()
    if "{receipt}" in arguments:
        filled["receipt"] = scene.receipt(sqs)
    if "{filled}" in arguments:
        sqs.send_message(QueueUrl=scene.url, MessageBody="a")
        filled["filled"] = scene.url
    if "{task}" in arguments or "{moving}" in arguments:
        for _ in range(9):
            sqs.send_message(QueueUrl=scene.dead, MessageBody="a")
        begun = {"DestinationArn": arn(sqs, scene.url), "MaxNumberOfMessagesPerSecond": 1}
        filled["task"] = sqs.start_message_move_task(SourceArn=scene.dead_arn, **begun)["TaskHandle"]
        filled["moving"] = scene.dead_arn
    printed = aws("sqs", operation, *(word.format(**filled) for word in arguments.split()))
    try:
        if expected:
            assert expected(json.loads(printed), scene), printed
        else:
            assert printed.strip() in ("", "{}")
        if operation == "set-queue-attributes":
            assert attributes(sqs, scene.url, "DelaySeconds") == {"DelaySeconds": "3"}
    finally:
        if operation == "create-queue":
            sqs.delete_queue(QueueUrl=json.loads(printed)["QueueUrl"])


def test_a_queues_url_may_end_with_a_slash(sqs, aws, scene):
    aws("sqs", "send-message", "--queue-url", f"{scene.url}/", "--message-body", "hello")
    assert [message["Body"] for message in receive_messages(sqs, scene.url)] == ["hello"]


def test_sts(aws, endpoint):
    """https://docs.aws.amazon.com/cli/latest/reference/sts/get-caller-identity.html"""
    identity = json.loads(aws("sts", "get-caller-identity"))
    assert set(identity) == {"Account", "Arn", "UserId"}
    assert endpoint is None or identity["Account"] == "000000000000"


def test_lambda_and_logs(aws, endpoint, tmp_path):
    """An invocation without a payload, and its log by two commands.
    https://docs.aws.amazon.com/cli/latest/reference/lambda/invoke.html
    https://docs.aws.amazon.com/cli/latest/reference/logs/filter-log-events.html
    https://docs.aws.amazon.com/cli/latest/reference/logs/get-log-events.html"""
    if endpoint is None:
        pytest.skip("it needs a stack of the name longhaul, and runs its functions")
    answer = json.loads(aws("lambda", "invoke", "--function-name", "longhaul-sweep", str(tmp_path / "out")))
    assert "FunctionError" not in answer, (tmp_path / "out").read_text()
    group = ["--log-group-name", "/aws/lambda/longhaul-sweep"]
    reports = json.loads(aws("logs", "filter-log-events", *group, "--filter-pattern", "REPORT"))["events"]
    stream = ["--log-stream-name", reports[-1]["logStreamName"]]
    events = json.loads(aws("logs", "get-log-events", *group, *stream, "--start-from-head"))["events"]
    assert reports[-1]["message"] in [event["message"] for event in events]


DYNAMODB = {
    "put-item": ["--item", '{"id":{"S":"2"}}', "--condition-expression", "attribute_not_exists(id)"],
    "get-item": ["--key", '{"id":{"S":"1"}}', "--consistent-read"],
    "update-item": ["--key", '{"id":{"S":"1"}}', "--update-expression", "ADD n :one"]
    + ["--expression-attribute-values", '{":one":{"N":"1"}}', "--return-values", "ALL_NEW"],
    "delete-item": ["--key", '{"id":{"S":"1"}}', "--return-values", "ALL_OLD"],
    "query": ["--key-condition-expression", "id = :id", "--expression-attribute-values", '{":id":{"S":"1"}}'],
    "scan": [],
    "describe-table": [],
    "describe-time-to-live": [],
}


@pytest.mark.parametrize("operation", DYNAMODB)
def test_dynamodb(dynamodb, aws, table, operation):
    """One use of each operation. https://docs.aws.amazon.com/cli/latest/reference/dynamodb/index.html"""
    name = table()
    dynamodb.put_item(TableName=name, Item={"id": {"S": "1"}})
    printed = aws("dynamodb", operation, "--table-name", name, *DYNAMODB[operation])
    answer = json.loads(printed) if printed.strip() else {}
    expected = {
        "put-item": lambda: dynamodb.scan(TableName=name)["Count"] == 2,
        "get-item": lambda: answer["Item"] == {"id": {"S": "1"}},
        "update-item": lambda: answer["Attributes"]["n"] == {"N": "1"},
        "delete-item": lambda: answer["Attributes"] == {"id": {"S": "1"}},
        "query": lambda: answer["Count"] == 1,
        "scan": lambda: answer["Count"] == 1,
        "describe-table": lambda: answer["Table"]["TableStatus"] == "ACTIVE",
        "describe-time-to-live": lambda: answer["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED",
    }
    assert expected[operation](), printed


def test_dynamodb_transactions_and_batches(dynamodb, aws, table):
    """https://docs.aws.amazon.com/cli/latest/reference/dynamodb/transact-write-items.html
    https://docs.aws.amazon.com/cli/latest/reference/dynamodb/batch-get-item.html"""
    name, item = table(), {"id": {"S": "1"}}
    aws("dynamodb", "transact-write-items", "--transact-items", json.dumps([{"Put": {"TableName": name, "Item": item}}]))
    printed = aws("dynamodb", "batch-get-item", "--request-items", json.dumps({name: {"Keys": [item]}}))
    assert json.loads(printed)["Responses"][name] == [item]
