"""A front end of the stack: tokens, frames, and jobs followed to their end."""

import base64
import hashlib
import hmac
import json
import time

from verify.websocket import Refused, WebSocket

TOKEN_SECONDS = 3600
# Attempts to connect: a new stage refuses some connections at first.
CONNECT_ATTEMPTS = 6
CONNECT_RETRY_SECONDS = 5
ENDS = ("job_completed", "job_failed", "job_cancelled")
# A claim after a crash waits for the lease, the message's visibility and the sweep.
END_SECONDS = 420


class StepFailed(Exception):
    """The stack does not do what it should."""


def signed_token(secret, user, **claims):
    """A JWT (HS256) that the stack accepts."""

    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    now = int(time.time())
    claims = {"sub": user, "username": user, "iat": now, "exp": now + TOKEN_SECONDS} | claims
    text = part(b'{"alg":"HS256","typ":"JWT"}') + "." + part(json.dumps(claims).encode())
    return text + "." + part(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


class Client:
    """A connection. `way` is how it authenticates: `url`, `protocol` or `frame`."""

    def __init__(self, url, token, way="url"):
        address = f"{url}?token={token}" if way == "url" else url
        protocols = ("longhaul.v1", token) if way == "protocol" else ()
        for attempt in range(1, CONNECT_ATTEMPTS + 1):
            try:
                self.socket = WebSocket(address, protocols)
                break
            except (Refused, OSError) as error:
                final = isinstance(error, Refused) and error.status in (401, 403)
                if final or attempt == CONNECT_ATTEMPTS:
                    raise
                time.sleep(CONNECT_RETRY_SECONDS)
        if way == "frame":
            self.send({"action": "authenticate", "token": token})
            self.until("authenticated")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, frame):
        self.socket.send(json.dumps(frame))

    def until(self, *kinds, seconds=60, job=None):
        """The first frame of one of these types, of this job if one is named. An `error` frame fails the step, unless
        it is waited for."""
        end = time.monotonic() + seconds
        while True:
            try:
                frame = json.loads(self.socket.next(max(end - time.monotonic(), 0.001)))
            except TimeoutError:
                raise StepFailed(f"no {' or '.join(kinds)} within {seconds} s") from None
            kind = frame.get("type")
            if kind in kinds and (job is None or frame.get("jobId") == job):
                return frame
            if kind == "error" or kind is None:
                raise StepFailed(f"the stack answered with an error: {json.dumps(frame)[:300]}")

    def submit(self, frame):
        """Sends a frame that starts a job; the job's id, once it is queued."""
        self.send(frame)
        return self.until("job_queued")["jobId"]

    def noop(self, query, **params):
        """Submits a job of the kind `noop`; its id."""
        return self.submit({"action": "query", "kind": "noop", "query": query, "params": params})

    def end(self, job, seconds=END_SECONDS):
        """The event that ends the job."""
        return self.until(*ENDS, seconds=seconds, job=job)

    def completed(self, job, seconds=END_SECONDS):
        end = self.end(job, seconds)
        require(end["type"] == "job_completed", f"job {job} ended with {end['type']}: {end.get('code')} {end.get('error')}")
        return end


def require(holds, otherwise):
    if not holds:
        raise StepFailed(otherwise)
