"""The usual three functions behind a WebSocket API, in Python: connections, messages, a worker.

What a team would write first: a table of connections, a table of jobs, a queue, and boto3. It does the standard
job of bench/README.md in Longhaul's native frames and nothing else: no lease, no retry, no recovery, no limits. It can
stream too, as a model would: it pushes four times a second and stores only the end; with `params.naive` it pushes each
token.
"""

import base64
import hashlib
import hmac
import json
import os
import time
import uuid
from datetime import datetime, timezone

import boto3

dynamodb = boto3.resource("dynamodb")
sqs = boto3.client("sqs")
CONNECTIONS = dynamodb.Table(os.environ["CONNECTIONS_TABLE"]) if "CONNECTIONS_TABLE" in os.environ else None
JOBS = dynamodb.Table(os.environ["JOBS_TABLE"]) if "JOBS_TABLE" in os.environ else None
gateway = None
if "CONNECTIONS_ENDPOINT" in os.environ:
    gateway = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CONNECTIONS_ENDPOINT"])


def now():
    return int(time.time())


def stamp():
    return datetime.now(timezone.utc).isoformat()


def push(connection, frame):
    frame["timestamp"] = now()
    gateway.post_to_connection(ConnectionId=connection, Data=json.dumps(frame).encode())


def authorize(event, context):
    """Before `$connect`: verifies a token that is signed with a shared secret."""
    head, claims, signature = event["queryStringParameters"]["token"].split(".")
    secret = os.environ["LONGHAUL_JWT_SECRET"].encode()
    signed = hmac.new(secret, f"{head}.{claims}".encode(), hashlib.sha256).digest()
    known = base64.urlsafe_b64decode(signature + "==")
    claims = json.loads(base64.urlsafe_b64decode(claims + "=="))
    allowed = hmac.compare_digest(signed, known) and claims["exp"] > now()
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow" if allowed else "Deny", "Resource": event["methodArn"]}
    return {
        "principalId": claims["sub"],
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"userId": claims["sub"]},
    }


def connection(event, context):
    """`$connect` and `$disconnect`."""
    request = event["requestContext"]
    key = {"connectionId": request["connectionId"]}
    if request["eventType"] == "CONNECT":
        user = request["authorizer"]["userId"]
        CONNECTIONS.put_item(Item={**key, "userId": user, "connectedAt": stamp(), "ttl": now() + 86400})
    else:
        CONNECTIONS.update_item(
            Key=key,
            UpdateExpression="SET #status = :ended",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":ended": "DISCONNECTED"},
        )
    return {"statusCode": 200}


def message(event, context):
    """`$default`: submits a job, or returns one."""
    request = event["requestContext"]
    frame = json.loads(event["body"])
    if frame["action"] == "getJob":
        job = JOBS.get_item(Key={"jobId": frame["jobId"]}, ConsistentRead=True)["Item"]
        return {"statusCode": 200, "body": json.dumps({"type": "job", "job": {"result": json.loads(job["result"])}})}
    job = str(uuid.uuid4())
    JOBS.put_item(
        Item={
            "jobId": job,
            "userId": request["authorizer"]["userId"],
            "connectionId": request["connectionId"],
            "requestId": frame["requestId"],
            "kind": frame["kind"],
            "query": frame["query"],
            "params": json.dumps(frame["params"]),
            "status": "queued",
            "progress": 5,
            "seq": 1,
            "createdAt": stamp(),
            "ttl": now() + 7 * 86400,
        }
    )
    queued = {"type": "job_queued", "jobId": job, "seq": 1, "message": "Queued", "query": frame["query"], "progress": 5}
    push(request["connectionId"], {**queued, "requestId": frame["requestId"]})
    sqs.send_message(QueueUrl=os.environ["JOBS_QUEUE_URL"], MessageBody=json.dumps({"jobId": job}))
    return {"statusCode": 200}


def worker(event, context):
    """The queue: runs jobs; each change is stored before it is pushed."""
    for record in event["Records"]:
        run(json.loads(record["body"])["jobId"])
    return {"batchItemFailures": []}


def change(job, unwritten=0, **values):
    """Writes these values and the next event's number, which counts `unwritten` earlier events too. Returns the new row."""
    names = {f"#{name}": name for name in values}
    sets = ", ".join(f"#{name} = :{name}" for name in values)
    answer = JOBS.update_item(
        Key={"jobId": job},
        UpdateExpression=f"SET {sets} ADD seq :count",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={":count": 1 + unwritten, **{f":{name}": value for name, value in values.items()}},
        ReturnValues="ALL_NEW",
    )
    return answer["Attributes"]


def push_event(row, kind, **fields):
    event = {"type": kind, "jobId": row["jobId"], "seq": int(row["seq"]), "requestId": row["requestId"], **fields}
    push(row["connectionId"], event)


def run(job):
    row = change(job, status="processing", message="Started", startedAt=stamp())
    push_event(row, "progress_update", status="processing", message="Started", progress=int(row["progress"]), attempt=1)
    params = json.loads(row["params"])
    steps = params["steps"]
    for step in range(1, steps + 1):
        time.sleep(params.get("stepMs", 0) / 1000)
        progress, text = step * 100 // (steps + 1), f"Step {step} of {steps}"
        row = change(job, progress=progress, message=text)
        push_event(row, "progress_update", status="processing", message=text, progress=progress, attempt=1)
    pushed, response = stream(row, **params["stream"]) if "stream" in params else (0, "x" * params["bytes"])
    result = {"agent": "noop", "query": row["query"], "response": response}
    row = change(job, pushed, status="completed", progress=100, result=json.dumps(result), finishedAt=stamp())
    push_event(row, "job_completed", result=result)


def stream(row, tokens, tokenMs, naive=False):
    """Streams this number of tokens. Returns the number of pushed events, and the text."""
    pushed, pushed_length, text, due = 0, 0, "", time.monotonic()
    for token in range(tokens):
        time.sleep(tokenMs / 1000)
        text += f"{token:3d} "[:4]
        if naive or time.monotonic() >= due or token == tokens - 1:
            pushed += 1
            push_event({**row, "seq": int(row["seq"]) + pushed}, "chunk", content=text[pushed_length:])
            pushed_length, due = len(text), time.monotonic() + 0.25
    return pushed, text


def no_operation(event, context):
    """For the other functions of the template."""
    return None


deliver = publish = fanout = sweep = no_operation
