/** Jobs that components follow by id: one handle and one subscription for all of them, which ends with the last one. */
import type { Longhaul } from "./client.js";
import type { Job } from "./job.js";
import { isOver } from "./reduce.js";

interface SharedJob {
  job: Job<any>;
  /** Whether only these components follow it. A job that the application follows too is left alone. */
  isOwned: boolean;
  users: number;
}

/** Number of ended jobs that are kept, so that a component that is shown again asks the server for nothing. */
const MAX_ENDED = 100;
const sharedJobs = new WeakMap<Longhaul, Map<string, SharedJob>>();

/** The job with this id, until `release` is called. */
export function acquireJob<R>(longhaul: Longhaul, id: string): { job: Job<R>; release: () => void } {
  const all = sharedJobs.get(longhaul) ?? new Map<string, SharedJob>();
  sharedJobs.set(longhaul, all);
  let shared = all.get(id);
  // A failed job may have been replayed, and one that is no longer followed may go on.
  if (!shared || (isOver(shared.job.state) && !isFinal(shared.job))) {
    const known = longhaul.find(id);
    shared = { job: known ?? longhaul.follow(id), isOwned: !known, users: 0 };
  }
  all.delete(id);
  all.set(id, shared);
  shared.users++;
  const acquired = shared;
  const release = () => {
    acquired.users--;
    // Another component may use it at once: after a change of the page, or in StrictMode.
    setTimeout(() => {
      if (acquired.users > 0) return;
      if (!isFinal(acquired.job)) {
        if (acquired.isOwned) acquired.job.leave();
        if (all.get(id) === acquired) all.delete(id);
      }
      for (const [old, { users }] of all) {
        if (all.size <= MAX_ENDED) break;
        if (users === 0) all.delete(old);
      }
    });
  };
  return { job: shared.job, release };
}

/** Whether the job can never change again. */
function isFinal(job: Job<any>): boolean {
  return ["completed", "cancelled"].includes(job.state.status) && !job.failure;
}
