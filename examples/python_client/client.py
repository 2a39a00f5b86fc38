"""Runs a job, loses its socket in the middle, prints each event once, and counts its history. Needs the package `websockets`.

usage: python client.py URL TOKEN
"""

import json
import random
import socket
import sys
import time
import uuid
from collections.abc import Iterator

from frames import ErrorFrame, EventsPage, GetEventsRequest, JobEvent, QueryRequest, Subscribed, SubscribeJobRequest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

SILENCE = 30  # seconds
ENDS = ("job_completed", "job_failed", "job_cancelled")


def run_job(url: str, token: str, query: QueryRequest) -> Iterator[JobEvent]:
    """Submits a job, and yields its events in order and once each, over as many sockets as that takes."""
    request: QueryRequest | SubscribeJobRequest = query
    last, head, dropped = 0, 0, False
    while True:
        try:
            with connect(url, subprotocols=[Subprotocol("longhaul.v1"), Subprotocol(token)]) as connection:
                connection.send(json.dumps(request))
                asked = request["action"] == "subscribe"
                while True:
                    frame: JobEvent | Subscribed | ErrorFrame = json.loads(connection.recv(SILENCE))
                    if frame["type"] == "error":
                        sys.exit(frame["content"])
                    if frame["type"] == "subscribed":
                        if frame["mode"] == "gone":
                            sys.exit("The job is unknown, or past its retention.")
                        events, head, asked = frame["events"], frame["head"], False
                    elif "seq" in frame:
                        # An event that comes too early is left out here, and `head` makes the client ask for it.
                        events, head = [frame] if frame["seq"] == last + 1 else [], max(head, frame["seq"])
                    else:
                        continue
                    for event in events:
                        if event["seq"] <= last:
                            continue
                        last = event["seq"]
                        yield event
                        if event["type"] in ENDS:
                            return
                        if event["type"] == "progress_update" and not dropped:
                            dropped = True
                            connection.socket.shutdown(socket.SHUT_RDWR)  # as if the network failed
                    if frame["type"] == "subscribed" and not frame["more"]:
                        last = max(last, head)
                    request = {"action": "subscribe", "jobId": frame["jobId"], "after": last}
                    if last < head and not asked:
                        connection.send(json.dumps(request))
                        asked = True
        except (ConnectionClosed, OSError):  # also TimeoutError, after a silence
            print(f"connecting again after event {last}", file=sys.stderr)
            time.sleep(random.random())


def history(url: str, token: str, job_id: str) -> Iterator[JobEvent]:
    """Yields every event of a job so far, also those that a compact replay left out."""
    request: GetEventsRequest = {"action": "getEvents", "jobId": job_id, "after": 0}
    more = True
    with connect(url, subprotocols=[Subprotocol("longhaul.v1"), Subprotocol(token)]) as connection:
        while more:
            connection.send(json.dumps(request))
            page: EventsPage | ErrorFrame = json.loads(connection.recv(SILENCE))
            if page["type"] == "error":
                sys.exit(page["content"])
            for event in page["events"]:
                request["after"] = event["seq"]
                yield event
            more = page["more"]


def main() -> None:
    url, token = sys.argv[1:]
    query: QueryRequest = {
        "action": "query",
        "kind": "noop",
        "query": "Count to twenty",
        "params": {"steps": 20, "stepMs": 100, "text": 40},
        "idempotencyKey": str(uuid.uuid4()),
    }
    end, job_id = "", ""
    try:
        for event in run_job(url, token, query):
            print(json.dumps(event), flush=True)
            end, job_id = event["type"], event["jobId"]
        print(f"the whole history has {sum(1 for _ in history(url, token, job_id))} events", file=sys.stderr)
    except InvalidStatus as error:
        sys.exit(f"{url} refuses the token: {error}")
    sys.exit(end != "job_completed")


if __name__ == "__main__":
    main()
