"""The front end: accepts jobs over WebSockets and pushes their events from a channel of Redis."""

import asyncio
import http
import json
import logging
import os
import time
import uuid
from urllib.parse import parse_qs, urlsplit

import jwt
import redis.asyncio
import uvloop
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from jobs import APPEND, CHANNEL, REDIS, app, append

KINDS = ["noop"]
MAX_QUERY_BYTES = 24 * 1024
ENDS = {"job_completed", "job_failed"}
SECRET = os.environ["LONGHAUL_JWT_SECRET"]
log = logging.getLogger("front")


class Refused(Exception):
    def __init__(self, code, sentence, **details):
        super().__init__(sentence)
        self.frame = {
            "type": "error",
            "content": sentence,
            "data": {"code": code, "message": sentence, "details": details},
        }


class Follower:
    """The connection that receives a job's events. Events that come before the response to the submit wait in `early`."""

    def __init__(self, socket, request_id):
        self.socket, self.request_id = socket, request_id
        self.seq, self.early = 0, []


class Front:
    def __init__(self):
        # Requests wait while all connections are in use.
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            REDIS, max_connections=16, timeout=None, decode_responses=True
        )
        self.redis = redis.asyncio.Redis(connection_pool=pool)
        self.script = self.redis.register_script(APPEND)
        self.followed = {}

    async def run(self):
        async with self.redis.pubsub(ignore_subscribe_messages=True) as events:
            await events.subscribe(CHANNEL)
            async with serve(
                self.connection,
                "127.0.0.1",
                int(os.environ["PORT"]),
                process_request=self.authorize,
                compression=None,
                max_size=128 * 1024,
            ):
                async for message in events.listen():
                    await self.push_event(json.loads(message["data"]))

    def authorize(self, socket, request):
        try:
            token = parse_qs(urlsplit(request.path).query)["token"][0]
            socket.owner = jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["exp", "sub"]})["sub"]
        except (KeyError, jwt.InvalidTokenError):
            return socket.respond(http.HTTPStatus.UNAUTHORIZED, "No valid token.\n")

    async def connection(self, socket):
        tasks = set()
        try:
            async for text in socket:
                task = asyncio.create_task(self.handle(socket, text))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        except ConnectionClosed:
            pass
        finally:
            self.followed = {id: who for id, who in self.followed.items() if who.socket is not socket}

    async def handle(self, socket, text):
        request_id = None
        try:
            try:
                frame = json.loads(text)
                request_id = frame.get("requestId")
            except (ValueError, AttributeError):
                raise Refused("VALIDATION_ERROR", "This is not a JSON object.") from None
            match frame.get("action"):
                case "query":
                    await self.query(socket, frame, request_id)
                case "getJob":
                    await self.send(socket, await self.find(str(frame.get("jobId")), socket.owner), request_id)
                case "ping":
                    await self.send(socket, {"type": "pong"}, request_id)
                case _:
                    raise Refused("VALIDATION_ERROR", "Unknown action.", field="action")
        except Refused as refused:
            await self.send(socket, refused.frame, request_id)
        except Exception:
            log.exception("a frame")
            await self.send(socket, Refused("INTERNAL_ERROR", "Something went wrong.").frame, request_id)

    async def query(self, socket, frame, request_id):
        kind, query, params = checked(frame)
        job_id = str(uuid.uuid4())
        follower = self.followed[job_id] = Follower(socket, request_id)
        event = {"type": "job_queued", "seq": 1, "message": "Queued", "query": query, "progress": 5}
        fields = {"owner": socket.owner, "kind": kind, "query": query, "params": json.dumps(params)}
        try:
            await append(self.script, job_id, event, **fields, status="queued", progress=5, step=0)
            # Celery's client blocks.
            await asyncio.to_thread(app.send_task, kind, (job_id,), task_id=job_id)
        except BaseException:
            del self.followed[job_id]
            raise
        early, follower.early = follower.early, None
        for event in early:
            await self.push_event(event)

    async def push_event(self, event):
        follower = self.followed.get(event["jobId"])
        if follower is None:
            return
        if follower.early is not None:
            follower.early.append(event)
            return
        if event["seq"] <= follower.seq:
            return
        follower.seq = event["seq"]
        if event["type"] in ENDS:
            del self.followed[event["jobId"]]
        await self.send(follower.socket, event, follower.request_id)

    async def find(self, job_id, owner):
        job = await self.redis.hgetall(f"job:{job_id}")
        if job.get("owner") != owner:
            return {"type": "gone", "jobId": job_id}
        stored = {name: job[name] for name in ("kind", "query", "status")}
        stored |= {"jobId": job_id, "progress": int(job["progress"]), "head": int(job["seq"])}
        if "result" in job:
            stored["result"] = json.loads(job["result"])
        return {"type": "job", "job": stored}

    async def send(self, socket, frame, request_id):
        try:
            await socket.send(json.dumps({**frame, "requestId": request_id, "timestamp": int(time.time())}))
        except ConnectionClosed:
            pass


def checked(frame):
    kind, query, params = frame.get("kind"), frame.get("query"), frame.get("params", {})
    if kind not in KINDS:
        raise Refused("VALIDATION_ERROR", "Unknown kind.", field="kind", kinds=KINDS)
    if not isinstance(query, str) or not query.strip() or len(query.encode()) > MAX_QUERY_BYTES:
        raise Refused("VALIDATION_ERROR", "query must be text of at most 24 KiB.", field="query")
    if not isinstance(params, dict):
        raise Refused("VALIDATION_ERROR", "params must be an object.", field="params")
    params = {"steps": params.get("steps", 4), "bytes": params.get("bytes", 2048)}
    for (field, value), maximum in zip(params.items(), (100, 100 * 1024)):
        if type(value) is not int or not 0 <= value <= maximum:
            raise Refused("VALIDATION_ERROR", f"{field} must be a whole number of at most {maximum}.", field=field)
    return kind, query, params


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    uvloop.run(Front().run())
