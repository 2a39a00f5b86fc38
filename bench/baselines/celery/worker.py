"""Runs the jobs. A job that ran before continues from the progress in its hash."""

import json

import redis

from jobs import APPEND, REDIS, app, append

store = redis.Redis.from_url(REDIS, decode_responses=True)
script = store.register_script(APPEND)


class Superseded(Exception):
    """Another run of the job has written this event."""


@app.task(name="noop", bind=True)
def noop(self, job_id):
    job = store.hgetall(f"job:{job_id}")
    if job["status"] == "completed":
        return
    params = json.loads(job["params"])
    seq, step = int(job["seq"]), int(job["step"])
    attempt = 1 + bool(self.request.delivery_info.get("redelivered"))

    def publish(event, **fields):
        nonlocal seq
        if not append(script, job_id, {**event, "seq": seq + 1}, **fields):
            raise Superseded(job_id)
        seq += 1

    def report(message, progress):
        event = {"type": "progress_update", "status": "processing", "message": message, "progress": progress}
        publish({**event, "attempt": attempt}, status="processing", progress=progress, step=step)

    try:
        if seq == 1:
            report("Started", 10)
        while step < params["steps"]:
            step += 1
            report(f"Step {step} of {params['steps']}", max(10, 100 * step // params["steps"]))
        result = {"agent": "noop", "query": job["query"], "response": "x" * params["bytes"]}
        publish({"type": "job_completed", "result": result}, status="completed", progress=100, result=json.dumps(result))
    except Superseded:
        pass
