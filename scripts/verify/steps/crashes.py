"""Workers that die: once, and each time until the job is given up; and jobs that take longer than an invocation."""

import json

from verify.client import require


def kill(verification):
    """A worker whose process aborts is followed by another, and the job completes."""
    with verification.client() as client:
        end = client.completed(client.noop("crashes once", crash=True, failures=1))
        attempts = end["usage"]["attempts"]
        require(attempts == 2, f"it took {attempts} attempts instead of 2")
    return {"attempts": attempts}


def poison(verification):
    """A job that crashes each worker ends as POISON, with a dead letter."""
    with verification.client() as client:
        job = client.noop("crashes always", crash=True)
        end = client.end(job, seconds=900)
        require(end["type"] == "job_failed" and end["code"] == "POISON", f"it ended with {end['type']} {end.get('code')}")
    listed = verification.longhaul("dlq", "list", *verification.on_stack(), "--code", "POISON", "--json", check=False)
    require(job in listed.stdout, f"its dead letter is not listed: {listed.stdout[:300]}{listed.stderr[:300]}")
    verification.longhaul("dlq", "purge", *verification.on_stack(), "--job", job, "--yes")
    return {"attempts": end["attempts"]}


def time_out(verification):
    """With WorkerTimeoutSeconds=10: a job with checkpoints goes on in the next invocation, one without fails with
    TIMEOUT, and a deadline ends a job."""
    with verification.client() as client:
        handed_over = client.noop("outlasts its worker, with checkpoints", steps=6, stepMs=3000, keep=True)
        attempts = client.completed(handed_over)["usage"]["attempts"]
        stuck = client.noop("outlasts its worker", steps=1, stepMs=30000)
        end = client.end(stuck, seconds=900)
        require(end["type"] == "job_failed" and end["code"] == "TIMEOUT", f"it ended with {end['type']} {end.get('code')}")
        late = {"action": "query", "kind": "noop", "query": "too late", "deadlineSeconds": 4, "params": {"steps": 8, "stepMs": 1000}}
        end = client.end(client.submit(late), seconds=300)
        require(end["type"] == "job_failed" and end["code"] == "DEADLINE", f"it ended with {json.dumps(end)[:200]}")
    return {"attempts of a job of 18 s in invocations of 10 s": attempts}
