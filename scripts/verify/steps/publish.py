"""Publications of back ends: by SNS, by EventBridge and by `longhaul publish`, to a topic and to a user's inbox."""

import json

from verify.client import StepFailed, require

TOPIC = "verify"
# SNS, two queues and two functions, some of them cold.
ARRIVAL_SECONDS = 90


def message(door, **where):
    return json.dumps({"type": "verified", "data": {"door": door}} | (where or {"topic": TOPIC}))


def by_sns(verification, text):
    verification.aws("sns", "publish", "--topic-arn", verification.output("PublishTopicArn"), "--message", text)


def by_event_bridge(verification, text):
    entry = {"EventBusName": verification.output("PublishBusName"), "Source": "verify", "DetailType": "verified", "Detail": text}
    answer = verification.aws("events", "put-events", "--entries", json.dumps([entry]))
    require(answer["FailedEntryCount"] == 0, f"EventBridge refused an event: {json.dumps(answer)}")


def by_longhaul(verification, text):
    payload = json.dumps(json.loads(text)["data"])
    verification.longhaul("publish", *verification.on_stack(), "--topic", TOPIC, "--type", "verified", "--payload", payload)


def run(verification):
    faults = []
    with verification.client(user="subscriber") as client:
        client.send({"action": "subscribe", "data": {"topic": TOPIC}})
        client.until("subscriptionConfirmed")
        for door, publish in [("sns", by_sns), ("event-bridge", by_event_bridge), ("longhaul", by_longhaul)]:
            publish(verification, message(door))
            try:
                while client.until("verified", seconds=ARRIVAL_SECONDS)["data"].get("door") != door:
                    pass
            except StepFailed as error:
                faults.append(f"{door}: {error}")
    # Stored while the user is away, pushed at the next connect, and gone once it is acknowledged.
    by_sns(verification, message("inbox", userId="absent"))
    try:
        stored_for(verification, "absent")
    except StepFailed as error:
        faults.append(f"inbox: {error}")
    require(not faults, "; ".join(faults))
    return {"by": "SNS, EventBridge, longhaul publish; a user's inbox"}


def stored_for(verification, user):
    with verification.client(user=user) as client:
        received = client.until("verified", seconds=ARRIVAL_SECONDS)
        client.send({"action": "notificationAck", "data": {"notificationId": received["notificationId"]}})
        client.until("ackConfirmed")
