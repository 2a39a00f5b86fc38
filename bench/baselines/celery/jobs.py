"""The job in Redis and Celery's application, shared by the front end and the worker.

A job is a hash, and its events are a list. One script writes both and notifies the front ends. It accepts an event only
if it is the next, so a job that runs twice sends each event once.
"""

import json
import os

from celery import Celery

REDIS = f"redis://127.0.0.1:{os.environ['REDIS_PORT']}/0"
CHANNEL = "job_events"
LEASE_SECONDS = int(os.environ["LEASE_SECONDS"])

app = Celery("analyses", broker=REDIS)
app.conf.update(
    # A job leaves the queue only after its end, since its worker may die.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    # The lease of a dead worker's jobs. By default Celery checks after ten seconds, and then on every hundredth check.
    broker_transport_options={
        "visibility_timeout": LEASE_SECONDS,
        "unacked_restore_interval": min(LEASE_SECONDS, 10),
        "unacked_restore_throttle": 1,
    },
    broker_connection_retry_on_startup=True,
)

APPEND = """
if tonumber(redis.call('HGET', KEYS[1], 'seq') or 0) ~= tonumber(ARGV[1]) - 1 then return 0 end
redis.call('HSET', KEYS[1], 'seq', ARGV[1], unpack(ARGV, 4))
redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[2])
return 1
"""


def append(script, job_id, event, **fields):
    """Calls the registered script; returns whether the event was the next, or an awaitable of that."""
    pairs = [part for field in fields.items() for part in field]
    text = json.dumps({**event, "jobId": job_id})
    return script(keys=[f"job:{job_id}", f"events:{job_id}"], args=[event["seq"], text, CHANNEL, *pairs])
