"""A job through every way in: three ways to authenticate, every action that starts a job, the dialects, a session's
turn, an idempotency key, and the operator's retry."""

import base64
import gzip
import hashlib
import json
import urllib.request

from verify.client import StepFailed, require
from verify.websocket import Refused

PIECE = base64.b64encode(bytes(16000)).decode()


def bad_token(verification):
    """A token that nobody signed gets 403 at the handshake."""
    good = verification.secret
    try:
        verification.secret = lambda: "not the stack's secret"
        verification.client().socket.close()
    except Refused as refused:
        require(refused.status == 403, f"a forged token got HTTP {refused.status} instead of 403")
        return
    finally:
        verification.secret = good
    raise StepFailed("a forged token was accepted")


def ways_to_authenticate(verification):
    for way in ("url", "protocol", "frame"):
        with verification.client(way=way) as client:
            client.completed(client.noop(f"token by {way}"))


def question(verification):
    """`finops_query` on the sample bill."""
    with verification.client() as client:
        job = client.submit({"action": "finops_query", "query": "top 5 services, year to date"})
        analysis = client.completed(job)["result"]["cost_analysis"]
        require(analysis["sample"] and float(analysis["total"]) > 0, f"not an answer from the sample bill: {json.dumps(analysis)[:200]}")


def large_result(verification):
    """A result that is too large for a frame is in the bucket, and its URL can be fetched."""
    with verification.client() as client:
        end = client.completed(client.noop("large result", bytes=200_000))
        reference = end.get("resultRef")
        require(reference and reference["bytes"] > 200_000, f"no resultRef: {json.dumps(end)[:200]}")
        with urllib.request.urlopen(reference["url"], timeout=60) as response:
            body = response.read()
            if response.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
        require(hashlib.sha256(body).hexdigest() == reference["sha256"], "what its URL returns has another hash")


def dialects(verification):
    """Chat front ends' own frames, answered by `chat`."""
    ask = "What was my S3 spend in May?"
    with verification.client() as client:
        client.send({"action": "sendMessage", "message": ask})
        client.until("complete", seconds=120)
    with verification.client() as client:
        client.send({"action": "chat_message", "message": ask})
        while not client.until("chat_response", seconds=120)["metadata"].get("done"):
            pass
    with verification.client() as client:
        client.send({"action": "text_message", "data": {"text": ask}})
        while not client.until("text_response", seconds=120)["data"].get("done"):
            pass


def voice(verification):
    with verification.client() as client:
        client.send({"action": "voice_start", "data": {"format": "pcm"}})
        session = client.until("voice_started")
        session = session.get("sessionId") or session["data"]["sessionId"]
        client.send({"action": "voice_data", "data": {"sessionId": session, "index": 0, "audio": PIECE}})
        client.until("voice_ack")
        client.send({"action": "voice_end", "data": {"sessionId": session}})
        client.until("text_response", seconds=120)


def session_turn(verification):
    with verification.client() as client:
        client.send({"action": "startSession"})
        session = client.until("sessionStarted")["sessionId"]
        turn = {"action": "query", "kind": "noop", "query": "a turn", "sessionId": session}
        client.completed(client.submit(turn))


def idempotency_key(verification):
    frame = {"action": "query", "kind": "noop", "query": "once", "idempotencyKey": "once"}
    with verification.client() as client:
        job = client.submit(frame)
        client.completed(job)
        client.send(frame)
        again = client.until("subscribed")
        require(again["jobId"] == job, "a second submit under one idempotency key started another job")


def operators_retry(verification):
    """A rejected job that `longhaul jobs retry` runs once more."""
    with verification.client() as client:
        job = client.noop("rejected", fail="reject")
        require(client.end(job)["type"] == "job_failed", "a job that rejects did not fail")
        url = verification.output("WebSocketUrl")
        verification.longhaul("jobs", "retry", *verification.on_stack(), "--websocket", url, job)
        require(client.end(job)["type"] == "job_failed", "the retried job did not run again")


DOORS = [bad_token, ways_to_authenticate, question, large_result, dialects, voice, session_turn, idempotency_key, operators_retry]


def run(verification):
    """All doors are tried, so that one run finds every fault."""
    faults = []
    for door in DOORS:
        name = door.__name__.replace("_", " ")
        try:
            door(verification)
        except (StepFailed, Refused, OSError, KeyError) as error:
            faults.append(f"{name}: {type(error).__name__}: {error}")
    require(not faults, "; ".join(faults))
    return {"ways in": len(DOORS)}
