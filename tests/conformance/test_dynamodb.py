"""DynamoDB as AWS documents it, for what a queue of jobs needs. Each test cites the page that states what it asserts."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError


def text(value):
    return {"S": value}


def number(value):
    return {"N": str(value)}


def key(value="1"):
    return {"id": text(value)}


def refused(code, call, **arguments):
    """Asserts that a call is refused with this error code, and gives the whole answer."""
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    response = refusal.value.response
    assert response["Error"]["Code"] == code, response["Error"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return response


def get(dynamodb, table, id="1"):
    return dynamodb.get_item(TableName=table, Key=key(id), ConsistentRead=True).get("Item")


def test_a_put_under_a_condition_creates_once(dynamodb, table):
    """attribute_not_exists on the key lets a put create and never replace: ConditionalCheckFailedException.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html"""
    name = table()
    put = {"TableName": name, "ConditionExpression": "attribute_not_exists(id)"}
    dynamodb.put_item(Item=key() | {"v": number(1)}, **put)
    refusal = refused("ConditionalCheckFailedException", dynamodb.put_item, Item=key() | {"v": number(2)}, **put)
    assert "Item" not in refusal
    assert get(dynamodb, name) == key() | {"v": number(1)}


@pytest.mark.parametrize("operation", ["put_item", "update_item", "delete_item"])
def test_a_failed_condition_can_show_the_item(dynamodb, table, operation):
    """ReturnValuesOnConditionCheckFailure ALL_OLD returns the item as it was in the failing operation.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html"""
    name, item = table(), key() | {"v": number(1)}
    dynamodb.put_item(TableName=name, Item=item)
    what = {"Item": item} if operation == "put_item" else {"Key": key()}
    if operation == "update_item":
        what["UpdateExpression"] = "REMOVE w"
    refusal = refused(
        "ConditionalCheckFailedException",
        getattr(dynamodb, operation),
        TableName=name,
        ConditionExpression="v = :two",
        ExpressionAttributeValues={":two": number(2)},
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
        **what,
    )
    assert refusal["Item"] == item


def test_a_condition_on_a_missing_item_shows_none(dynamodb, table):
    """A condition is evaluated on an item that doesn't exist as on one without attributes.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html"""
    refusal = refused(
        "ConditionalCheckFailedException",
        dynamodb.update_item,
        TableName=table(),
        Key=key(),
        UpdateExpression="SET v = :one",
        ConditionExpression="attribute_exists(id)",
        ExpressionAttributeValues={":one": number(1)},
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    assert not refusal.get("Item")


def test_an_update_creates_counts_and_answers_with_the_whole_item(dynamodb, table):
    """UpdateItem adds an item that doesn't exist; if_not_exists gives a default; ALL_NEW returns all attributes.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html"""
    name = table()
    update = {
        "TableName": name,
        "Key": key(),
        "UpdateExpression": "SET n = if_not_exists(n, :zero) + :one, #s = :s",
        "ExpressionAttributeNames": {"#s": "status"},
        "ExpressionAttributeValues": {":zero": number(0), ":one": number(1), ":s": text("open")},
        "ReturnValues": "ALL_NEW",
    }
    dynamodb.update_item(**update)
    assert dynamodb.update_item(**update)["Attributes"] == key() | {"n": number(2), "status": text("open")}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("NONE", None),
        ("ALL_OLD", {"id": text("1"), "a": number(1), "b": number(1)}),
        ("UPDATED_OLD", {"a": number(1)}),
        ("UPDATED_NEW", {"a": number(2)}),
        ("ALL_NEW", {"id": text("1"), "a": number(2), "b": number(1)}),
    ],
)
def test_an_update_returns_what_is_asked_for(dynamodb, table, asked, expected):
    """ReturnValues: NONE, ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATED_NEW.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html"""
    name = table()
    dynamodb.put_item(TableName=name, Item=key() | {"a": number(1), "b": number(1)})
    answer = dynamodb.update_item(
        TableName=name,
        Key=key(),
        UpdateExpression="SET a = :two",
        ExpressionAttributeValues={":two": number(2)},
        ReturnValues=asked,
    )
    assert answer.get("Attributes") == expected


def test_add_and_delete_keep_a_set(dynamodb, table):
    """ADD puts elements into a set, DELETE takes them out; a set that becomes empty is removed.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html"""
    name = table()

    def change(verb, *elements):
        return dynamodb.update_item(
            TableName=name,
            Key=key(),
            UpdateExpression=f"{verb} members :m",
            ExpressionAttributeValues={":m": {"SS": list(elements)}},
            ReturnValues="ALL_NEW",
        )["Attributes"].get("members")

    assert change("ADD", "a", "b") is not None
    assert sorted(change("ADD", "b", "c")["SS"]) == ["a", "b", "c"]
    assert change("DELETE", "a", "c", "x") == {"SS": ["b"]}
    assert change("DELETE", "b") is None


def test_add_counts_from_zero(dynamodb, table):
    """ADD on a number that doesn't exist starts at 0.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html"""
    name = table()
    for _ in range(2):
        answer = dynamodb.update_item(
            TableName=name,
            Key=key(),
            UpdateExpression="ADD n :five",
            ExpressionAttributeValues={":five": number(5)},
            ReturnValues="UPDATED_NEW",
        )
    assert answer["Attributes"] == {"n": number(10)}


def test_an_empty_set_and_a_key_in_an_update_are_refused(dynamodb, table):
    """An empty set is not allowed; the primary key can't be updated: ValidationException.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html"""
    name = table()
    refused("ValidationException", dynamodb.put_item, TableName=name, Item=key() | {"s": {"SS": []}})
    refused(
        "ValidationException",
        dynamodb.update_item,
        TableName=name,
        Key=key(),
        UpdateExpression="SET id = :two",
        ExpressionAttributeValues={":two": text("2")},
    )


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("SET a = :missing", {":other": number(1)}),
        ("SET status = :v", {":v": number(1)}),
        ("SET a = :v, a = :v", {":v": number(1)}),
        ("SET a = :v", {":v": number(1), ":unused": number(1)}),
        ("FOLD a", {":v": number(1)}),
    ],
    ids=["undefined value", "reserved word", "overlapping paths", "unused value", "syntax"],
)
def test_a_malformed_update_is_refused(dynamodb, table, expression, values):
    """Undefined or unused values, reserved words, overlapping paths and bad syntax: ValidationException.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeNames.html
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html"""
    refused(
        "ValidationException",
        dynamodb.update_item,
        TableName=table(),
        Key=key(),
        UpdateExpression=expression,
        ExpressionAttributeValues=values,
    )


def test_a_delete_can_return_what_it_deleted_and_repeats_without_error(dynamodb, table):
    """DeleteItem is idempotent; ALL_OLD returns the deleted item.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteItem.html"""
    name = table()
    dynamodb.put_item(TableName=name, Item=key())
    delete = {"TableName": name, "Key": key(), "ReturnValues": "ALL_OLD"}
    assert dynamodb.delete_item(**delete)["Attributes"] == key()
    assert "Attributes" not in dynamodb.delete_item(**delete)


def test_an_item_has_at_most_400_kb_with_its_names(dynamodb, table):
    """The maximum item size is 400 KB, which includes attribute names (UTF-8) and values.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
    name, whole = table(), 400 * 1024
    fits = whole - len("id") - len("1") - len("body")
    dynamodb.put_item(TableName=name, Item=key() | {"body": text("a" * fits)})
    too_long = key() | {"body": text("a" * (fits + 1))}
    assert "size" in refused("ValidationException", dynamodb.put_item, TableName=name, Item=too_long)["Error"]["Message"]


def test_an_update_can_not_grow_an_item_past_400_kb(dynamodb, table):
    """The limit holds for the item that an update would make.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
    name = table()
    dynamodb.put_item(TableName=name, Item=key() | {"body": text("a" * 300_000)})
    refused(
        "ValidationException",
        dynamodb.update_item,
        TableName=name,
        Key=key(),
        UpdateExpression="SET more = :m",
        ExpressionAttributeValues={":m": text("a" * 120_000)},
    )
    assert "more" not in get(dynamodb, name)


def test_a_missing_table_is_told_as_such(dynamodb, fresh):
    """ResourceNotFoundException: the operation tried to access a nonexistent table.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html"""
    name = fresh()
    refused("ResourceNotFoundException", dynamodb.get_item, TableName=name, Key=key())
    refused("ResourceNotFoundException", dynamodb.put_item, TableName=name, Item=key())
    refused("ResourceNotFoundException", dynamodb.describe_table, TableName=name)


def test_a_key_has_to_fit_the_schema(dynamodb, table):
    """The key must match the schema, and a text key may not be empty: ValidationException.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html"""
    name = table()
    for wrong in ({"id": number(1)}, {"other": text("1")}, key() | {"at": number(1)}, key("")):
        refused("ValidationException", dynamodb.get_item, TableName=name, Key=wrong)
    for wrong in ({"v": number(1)}, {"id": number(1)}, key("")):
        refused("ValidationException", dynamodb.put_item, TableName=name, Item=wrong)


def test_a_table_that_exists_is_not_created_again(dynamodb, table):
    """CreateTable: ResourceInUseException for a name in use.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html"""
    refused(
        "ResourceInUseException",
        dynamodb.create_table,
        TableName=table(),
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_a_batch_get_takes_100_keys_and_no_more(dynamodb, table):
    """BatchGetItem retrieves as many as 100 items; a request for more is a ValidationException.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
    name = table()
    for start in range(0, 100, 25):
        puts = [{"PutRequest": {"Item": key(str(n))}} for n in range(start, start + 25)]
        assert not dynamodb.batch_write_item(RequestItems={name: puts})["UnprocessedItems"]
    keys = [key(str(n)) for n in range(101)]
    answer = dynamodb.batch_get_item(RequestItems={name: {"Keys": keys[:100], "ConsistentRead": True}})
    assert len(answer["Responses"][name]) == 100
    assert answer["UnprocessedKeys"] == {}
    refused("ValidationException", dynamodb.batch_get_item, RequestItems={name: {"Keys": keys}})


def test_a_batch_get_leaves_out_what_does_not_exist_and_refuses_a_key_twice(dynamodb, table):
    """A nonexistent item is not returned; duplicate keys are a ValidationException.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
    name = table()
    dynamodb.put_item(TableName=name, Item=key())
    answer = dynamodb.batch_get_item(RequestItems={name: {"Keys": [key(), key("none")], "ConsistentRead": True}})
    assert answer["Responses"][name] == [key()]
    refused("ValidationException", dynamodb.batch_get_item, RequestItems={name: {"Keys": [key(), key()]}})


def test_a_batch_get_stops_at_16_mb(dynamodb, table):
    """A response holds at most 16 MB; the keys that were left are in UnprocessedKeys.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
    name, ids = table(), [str(n) for n in range(45)]
    for id in ids:
        dynamodb.put_item(TableName=name, Item=key(id) | {"body": text("a" * 400_000)})
    answer = dynamodb.batch_get_item(RequestItems={name: {"Keys": [key(id) for id in ids]}})
    left = answer["UnprocessedKeys"][name]["Keys"]
    assert 0 < len(left) < 45
    assert len(left) + len(answer["Responses"][name]) == 45


def test_a_batch_write_takes_25_puts_and_deletes_and_no_more(dynamodb, table):
    """BatchWriteItem has up to 25 puts and deletes, no item twice.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html"""
    name = table()
    puts = [{"PutRequest": {"Item": key(str(n))}} for n in range(26)]
    dynamodb.batch_write_item(RequestItems={name: puts[:25]})
    refused("ValidationException", dynamodb.batch_write_item, RequestItems={name: puts})
    twice = [puts[0], {"DeleteRequest": {"Key": key("0")}}]
    refused("ValidationException", dynamodb.batch_write_item, RequestItems={name: twice})


def test_time_to_live_is_described_as_it_was_set(dynamodb, table):
    """UpdateTimeToLive names the attribute; DescribeTimeToLive gives status and attribute.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTimeToLive.html
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html"""
    name = table()
    off = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert off["TimeToLiveStatus"] == "DISABLED"
    wanted = {"Enabled": True, "AttributeName": "ttl"}
    assert dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=wanted)["TimeToLiveSpecification"] == wanted
    on = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert on["TimeToLiveStatus"] in ("ENABLING", "ENABLED")
    assert on["AttributeName"] == "ttl"


@pytest.mark.parametrize("operation", ["FoldTable", ""])
def test_an_operation_that_does_not_exist_is_refused(endpoint, operation):
    """UnknownOperationException with status 400 for an unknown action.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html"""
    where = endpoint or "https://dynamodb.us-east-1.amazonaws.com"
    headers = {"X-Amz-Target": f"DynamoDB_20120810.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(urllib.request.Request(where, data=b"{}", headers=headers, method="POST"), timeout=10)
    assert refusal.value.code == 400
    assert json.load(refusal.value)["__type"].endswith("UnknownOperationException")
