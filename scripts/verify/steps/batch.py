"""A batch of jobs over several connections, in minutes of its own, so that CloudWatch's minutes count nothing else."""

import json
import threading
import time
from datetime import datetime, timedelta, timezone

from verify.client import ENDS, require
from verify.verification import now

CONNECTIONS = 10
# Apart by more than the window in which reports share a write.
NOOP = {"steps": 4, "stepMs": 250, "bytes": 1000}
JOB_SECONDS = 1
# Of one connection, and so of one user, whose limit is 20.
OPEN_JOBS = 8
BATCH_SECONDS = 900


def next_minute():
    return now().replace(second=0, microsecond=0) + timedelta(minutes=1)


def wait_until(time_of_day):
    while now() < time_of_day:
        time.sleep(min((time_of_day - now()).total_seconds(), 5) + 0.05)


class Worker(threading.Thread):
    """One connection: submits its jobs one after the other, and follows all of them to their ends."""

    def __init__(self, connect, user, jobs):
        super().__init__(daemon=True)
        self.connect, self.user, self.jobs = connect, user, jobs
        self.completed, self.gaps, self.error = 0, 0, None

    def run(self):
        try:
            with self.connect(user=self.user) as client:
                self.follow(client)
        except Exception as error:  # reported by the step
            self.error = error

    def follow(self, client):
        """Counts the jobs that completed, and those with a missing event."""
        last, sent, queued, ended = {}, 0, 0, 0
        end = time.monotonic() + BATCH_SECONDS
        while ended < self.jobs:
            # One after the other: the next is sent when the last is queued.
            if sent == queued and sent < self.jobs and sent - ended < OPEN_JOBS:
                client.send({"action": "query", "kind": "noop", "query": "batch", "params": NOOP})
                sent += 1
            event = client.until("job_queued", "progress_update", *ENDS, seconds=end - time.monotonic())
            job, seq = event["jobId"], event["seq"]
            if event["type"] == "job_queued":
                queued += 1
            elif last.get(job) is not None and seq != last[job] + 1:
                last[job] = None
                self.gaps += 1
            if last.get(job, 0) is not None:
                last[job] = seq
            if event["type"] in ENDS:
                ended += 1
                self.completed += event["type"] == "job_completed"


def run_jobs(connect, jobs):
    """The batch itself: its facts. `connect(user=...)` opens a connection."""
    workers = [Worker(connect, f"batch-{at}", jobs // CONNECTIONS) for at in range(CONNECTIONS)]
    began = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    errors = [str(worker.error) for worker in workers if worker.error]
    require(not errors, "; ".join(errors))
    completed = sum(worker.completed for worker in workers)
    total = jobs // CONNECTIONS * CONNECTIONS
    require(completed == total, f"{completed} of {total} jobs completed")
    seconds = time.monotonic() - began
    return {"jobs": total, "seconds": round(seconds, 1), "jobs a second": round(total / seconds, 1), "with a gap in seq": sum(w.gaps for w in workers)}


def expected_write_units(longhaul, jobs):
    """What `longhaul cost`, which tests compare with the wire log, says for this batch: all, and those of indexes."""
    per_connection = jobs // CONNECTIONS
    options = ["--jobs", "1", "--jobs-per-connection", str(per_connection), "--seconds", str(JOB_SECONDS)]
    # The last report shares the write of the end, which follows at once.
    options += ["--reports", str(NOOP["steps"] - 1), "--result-bytes", str(NOOP["bytes"])]
    estimate = json.loads(longhaul("cost", "--json", *options).stdout)
    of_job = sum(call["writeUnits"] for call in estimate["calls"])
    of_connection = sum(call["writeUnits"] for call in estimate["callsOfConnection"])
    return of_job * jobs + of_connection * CONNECTIONS


def run(verification):
    wait_until(next_minute())
    start = now().replace(second=0, microsecond=0)
    facts = run_jobs(verification.client, verification.options.jobs)
    # The rows of connections change at their close.
    wait_until(next_minute() + timedelta(seconds=5))
    end = now().astimezone(timezone.utc).replace(second=0, microsecond=0)
    verification.state.set(batch={"start": start.isoformat(), "end": end.isoformat(), "jobs": facts["jobs"]})
    return facts


def window(verification):
    """The first and last minute of the batch, and its jobs."""
    batch = verification.state["batch"]
    return datetime.fromisoformat(batch["start"]), datetime.fromisoformat(batch["end"]), batch["jobs"]
