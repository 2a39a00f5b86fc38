"""DynamoDB's queries, indexes, transactions and capacity figures as AWS documents them."""

import time
import uuid

import pytest

from test_dynamodb import key, number, refused, text


def wait_until(condition, patience=15):
    """An index follows its table in its own time."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "the state did not come"
        time.sleep(0.05)


def in_group(dynamodb, table, group="open", **more):
    return dynamodb.query(
        TableName=table,
        IndexName="ranked",
        KeyConditionExpression="#g = :g",
        ExpressionAttributeNames={"#g": "group"},
        ExpressionAttributeValues={":g": text(group)},
        **more,
    )


def member(id, rank, **more):
    return key(id) | {"group": text("open"), "rank": number(rank)} | more


def test_a_query_is_in_the_order_of_the_sort_key_as_numbers(dynamodb, table):
    """Results are sorted by the sort key, numbers numerically; ScanIndexForward false reverses.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html"""
    name = table(sort=True)
    for at in (10, -1, 2, 1.5):
        dynamodb.put_item(TableName=name, Item=key() | {"at": number(at)})
    query = {
        "TableName": name,
        "KeyConditionExpression": "id = :id AND #a BETWEEN :low AND :high",
        "ExpressionAttributeNames": {"#a": "at"},
        "ExpressionAttributeValues": {":id": text("1"), ":low": number(-1), ":high": number(2)},
        "ConsistentRead": True,
    }
    up = [float(item["at"]["N"]) for item in dynamodb.query(**query)["Items"]]
    down = [float(item["at"]["N"]) for item in dynamodb.query(ScanIndexForward=False, **query)["Items"]]
    assert (up, down) == ([-1, 1.5, 2], [2, 1.5, -1])


def test_a_query_is_paged_by_the_last_evaluated_key(dynamodb, table):
    """Limit bounds the items evaluated; LastEvaluatedKey begins the next page, and is absent at the end.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html"""
    name = table(sort=True)
    for at in range(5):
        dynamodb.put_item(TableName=name, Item=key() | {"at": number(at)})
    query = {
        "TableName": name,
        "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": text("1")},
        "ConsistentRead": True,
        "Limit": 3,
    }
    first = dynamodb.query(**query)
    assert first["LastEvaluatedKey"] == key() | {"at": number(2)}
    second = dynamodb.query(ExclusiveStartKey=first["LastEvaluatedKey"], **query)
    assert [item["at"]["N"] for item in first["Items"] + second["Items"]] == ["0", "1", "2", "3", "4"]
    assert "LastEvaluatedKey" not in second


def test_a_page_of_a_query_has_at_most_1_mb(dynamodb, table):
    """A single Query returns at most 1 MB of data, then a LastEvaluatedKey.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html"""
    name = table(sort=True)
    for at in range(4):
        dynamodb.put_item(TableName=name, Item=key() | {"at": number(at), "body": text("a" * 390_000)})
    answer = dynamodb.query(
        TableName=name, KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": text("1")}
    )
    assert 2 <= answer["Count"] < 4
    assert "LastEvaluatedKey" in answer


def test_a_filter_is_applied_after_the_limit_and_counted(dynamodb, table):
    """A filter is applied after the read: ScannedCount counts before it, Count after.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.FilterExpression.html"""
    name = table(sort=True)
    for at in range(4):
        dynamodb.put_item(TableName=name, Item=key() | {"at": number(at), "odd": {"BOOL": at % 2 == 1}})
    answer = dynamodb.query(
        TableName=name,
        KeyConditionExpression="id = :id",
        FilterExpression="odd = :yes",
        ExpressionAttributeValues={":id": text("1"), ":yes": {"BOOL": True}},
        ConsistentRead=True,
        Limit=3,
    )
    assert (answer["Count"], answer["ScannedCount"]) == (1, 3)


def test_an_index_of_keys_has_only_keys_and_pages(dynamodb, table):
    """KEYS_ONLY projects the table's and the index's keys; a page's LastEvaluatedKey has them all.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html"""
    name = table(index=True)
    for rank in (3, 1, 2):
        dynamodb.put_item(TableName=name, Item=member(str(rank), rank, body=text("long")))
    wait_until(lambda: in_group(dynamodb, name)["Count"] == 3)
    first = in_group(dynamodb, name, Limit=2)
    assert first["Items"] == [member("1", 1), member("2", 2)]
    assert first["LastEvaluatedKey"] == member("2", 2)
    second = in_group(dynamodb, name, Limit=2, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert second["Items"] == [member("3", 3)]


def test_entries_of_equal_sort_key_page_without_loss(dynamodb, table):
    """The key values of a global secondary index don't need to be unique.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html"""
    name = table(index=True)
    for id in "abcde":
        dynamodb.put_item(TableName=name, Item=member(id, 7))
    wait_until(lambda: in_group(dynamodb, name)["Count"] == 5)
    seen, page = [], {}
    while page is not None:
        answer = in_group(dynamodb, name, Limit=2, **page)
        seen += [item["id"]["S"] for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        page = {"ExclusiveStartKey": last} if last else None
    assert sorted(seen) == list("abcde")


def test_an_index_is_sparse(dynamodb, table):
    """An item is in an index only if it has the index's keys; removing one takes it out.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-indexes-general-sparse-indexes.html"""
    name = table(index=True)
    dynamodb.put_item(TableName=name, Item=key("never") | {"rank": number(1)})
    dynamodb.put_item(TableName=name, Item=member("1", 1))
    wait_until(lambda: in_group(dynamodb, name)["Count"] == 1)
    dynamodb.update_item(
        TableName=name, Key=key(), UpdateExpression="REMOVE #g, #r", ExpressionAttributeNames={"#g": "group", "#r": "rank"}
    )
    wait_until(lambda: in_group(dynamodb, name)["Count"] == 0)


def test_an_index_key_of_the_wrong_type_is_refused(dynamodb, table):
    """An item whose attribute has another type than the index key is refused: ValidationException.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html"""
    name = table(index=True)
    refused("ValidationException", dynamodb.put_item, TableName=name, Item=key() | {"group": number(1)})
    refused("ValidationException", dynamodb.put_item, TableName=name, Item=member("1", 1) | {"group": text("")})


def test_an_index_can_not_be_read_consistently(dynamodb, table):
    """Strongly consistent reads are not supported on global secondary indexes: ValidationException.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html"""
    name = table(index=True)
    with pytest.raises(dynamodb.exceptions.ClientError) as refusal:
        in_group(dynamodb, name, ConsistentRead=True)
    assert refusal.value.response["Error"]["Code"] == "ValidationException"


def test_a_query_needs_the_partition_key_by_equality(dynamodb, table):
    """The condition must be an equality test on the partition key.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html"""
    wrong = {"KeyConditionExpression": "id > :id", "ExpressionAttributeValues": {":id": text("1")}}
    refused("ValidationException", dynamodb.query, TableName=table(sort=True), **wrong)


def test_a_transaction_writes_all_or_nothing_and_says_why(dynamodb, table):
    """TransactionCanceledException lists a reason per action, in their order, with the item if asked for.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
    name = table()
    dynamodb.put_item(TableName=name, Item=key("old") | {"v": number(1)})
    absent = {"TableName": name, "ConditionExpression": "attribute_not_exists(id)"}
    shown = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    writes = [
        {"Put": {"TableName": name, "Item": key("new")}},
        {"Put": absent | shown | {"Item": key("old")}},
        {"ConditionCheck": absent | {"Key": key("other")}},
    ]
    refusal = refused("TransactionCanceledException", dynamodb.transact_write_items, TransactItems=writes)
    reasons = refusal["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed", "None"]
    assert reasons[1]["Item"] == key("old") | {"v": number(1)}
    assert "[None, ConditionalCheckFailed, None]" in refusal["Error"]["Message"]
    assert "Item" not in dynamodb.get_item(TableName=name, Key=key("new"), ConsistentRead=True)


def test_a_transaction_puts_updates_deletes_and_checks(dynamodb, table):
    """The four kinds of action take effect together.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
    name = table()
    for id in ("update", "delete", "check"):
        dynamodb.put_item(TableName=name, Item=key(id))
    on = {"TableName": name}
    one = {":one": number(1)}
    dynamodb.transact_write_items(
        TransactItems=[
            {"Put": on | {"Item": key("put")}},
            {"Update": on | {"Key": key("update"), "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": one}},
            {"Delete": on | {"Key": key("delete")}},
            {"ConditionCheck": on | {"Key": key("check"), "ConditionExpression": "attribute_exists(id)"}},
        ]
    )
    items = dynamodb.scan(TableName=name, ConsistentRead=True)["Items"]
    assert sorted(item["id"]["S"] for item in items) == ["check", "put", "update"]
    assert {"id": text("update"), "n": number(1)} in items


def count_once(dynamodb, table, token, by=1):
    update = {
        "TableName": table,
        "Key": key(),
        "UpdateExpression": "ADD n :by",
        "ExpressionAttributeValues": {":by": number(by)},
    }
    return dynamodb.transact_write_items(TransactItems=[{"Update": update}], ClientRequestToken=token)


def test_a_transaction_with_the_same_token_is_done_once(dynamodb, table):
    """Repeated calls with one ClientRequestToken within 10 minutes have the effect of a single call.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
    name, token = table(), uuid.uuid4().hex
    for _ in range(3):
        count_once(dynamodb, name, token)
    item = dynamodb.get_item(TableName=name, Key=key(), ConsistentRead=True)["Item"]
    assert item["n"] == number(1)


def test_a_token_with_another_request_is_refused(dynamodb, table):
    """The same token with other parameters: IdempotentParameterMismatchException.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
    name, token = table(), uuid.uuid4().hex
    count_once(dynamodb, name, token)
    with pytest.raises(dynamodb.exceptions.IdempotentParameterMismatchException):
        count_once(dynamodb, name, token, by=2)


def test_a_transaction_has_100_actions_on_items_of_their_own(dynamodb, table):
    """Up to 100 actions; no two may target the same item: ValidationException.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
    name = table()
    puts = [{"Put": {"TableName": name, "Item": key(str(n))}} for n in range(101)]
    dynamodb.transact_write_items(TransactItems=puts[:100])
    refused("ValidationException", dynamodb.transact_write_items, TransactItems=puts)
    refused("ValidationException", dynamodb.transact_write_items, TransactItems=[puts[0], puts[0]])


def cost(answer):
    consumed = answer["ConsumedCapacity"]
    consumed = consumed[0] if isinstance(consumed, list) else consumed
    indexes = {index: units["CapacityUnits"] for index, units in consumed.get("GlobalSecondaryIndexes", {}).items()}
    return consumed["CapacityUnits"], indexes


def sized(id, bytes):
    """An item of this size in bytes, as DynamoDB counts it."""
    return key(id) | {"b": text("a" * (bytes - len("id") - len(id) - len("b")))}


@pytest.mark.parametrize(("bytes", "units"), [(10, 1), (1024, 1), (1025, 2), (2048, 2), (2049, 3)])
def test_a_write_costs_a_unit_a_kilobyte(dynamodb, table, bytes, units):
    """One write request unit is one write of up to 1 KB, rounded up to the next KB.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html"""
    name = table()
    answer = dynamodb.put_item(TableName=name, Item=sized("1", bytes), ReturnConsumedCapacity="TOTAL")
    assert cost(answer)[0] == units


def test_an_update_costs_the_larger_of_before_and_after(dynamodb, table):
    """UpdateItem consumes for the larger of the item before and after, however little changed.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html"""
    name = table()
    dynamodb.put_item(TableName=name, Item=sized("1", 3000))
    update = {"TableName": name, "Key": key(), "ReturnConsumedCapacity": "TOTAL"}
    values = {":v": number(1)}
    assert cost(dynamodb.update_item(UpdateExpression="SET v = :v", ExpressionAttributeValues=values, **update))[0] == 3
    assert cost(dynamodb.update_item(UpdateExpression="REMOVE b", **update))[0] == 3
    assert cost(dynamodb.delete_item(**update))[0] == 1


def test_an_index_costs_its_own_writes(dynamodb, table):
    """A put into an index costs one write there, a change of an index key two, a change of nothing indexed none.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html"""
    name = table(index=True)
    with_indexes = {"TableName": name, "ReturnConsumedCapacity": "INDEXES"}
    assert cost(dynamodb.put_item(Item=member("1", 1), **with_indexes)) == (2, {"ranked": 1})
    update = with_indexes | {"Key": key()}
    names = {"#r": "rank"}
    values = {":v": number(2)}
    moved = dynamodb.update_item(
        UpdateExpression="SET #r = :v", ExpressionAttributeNames=names, ExpressionAttributeValues=values, **update
    )
    assert cost(moved) == (3, {"ranked": 2})
    aside = dynamodb.update_item(UpdateExpression="SET v = :v", ExpressionAttributeValues=values, **update)
    assert cost(aside) == (1, {})
    out = dynamodb.update_item(UpdateExpression="REMOVE #r", ExpressionAttributeNames=names, **update)
    assert cost(out) == (2, {"ranked": 1})
    assert cost(dynamodb.put_item(Item=key("not in it"), **with_indexes)) == (1, {})


@pytest.mark.parametrize(
    ("bytes", "consistent", "units"),
    [(10, True, 1), (10, False, 0.5), (4096, True, 1), (4097, True, 2), (4097, False, 1)],
)
def test_a_read_costs_a_unit_per_4_kb_or_half_of_it(dynamodb, table, bytes, consistent, units):
    """One strongly consistent read of up to 4 KB is a unit, an eventually consistent one a half.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html"""
    name = table()
    dynamodb.put_item(TableName=name, Item=sized("1", bytes))
    answer = dynamodb.get_item(TableName=name, Key=key(), ConsistentRead=consistent, ReturnConsumedCapacity="TOTAL")
    assert cost(answer)[0] == units


def test_a_query_costs_the_sum_of_its_items(dynamodb, table):
    """A query sums its items' sizes and then rounds up to 4 KB.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html"""
    name = table(sort=True)
    for at in range(4):
        dynamodb.put_item(TableName=name, Item=key() | {"at": number(at), "b": text("a" * 1500)})
    answer = dynamodb.query(
        TableName=name,
        KeyConditionExpression="id = :id",
        ExpressionAttributeValues={":id": text("1")},
        ConsistentRead=True,
        ReturnConsumedCapacity="TOTAL",
    )
    assert cost(answer)[0] == 2


def test_a_transaction_costs_double(dynamodb, table):
    """DynamoDB performs two underlying writes of every item in the transaction.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html"""
    put = {"Put": {"TableName": table(), "Item": sized("1", 1500)}}
    answer = dynamodb.transact_write_items(TransactItems=[put], ReturnConsumedCapacity="TOTAL")
    assert cost(answer)[0] == 4
