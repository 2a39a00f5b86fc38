/** Svelte stores, which any framework with that contract can read: `$job.progress`, `$connection.state`. */
import type { Longhaul } from "./client.js";
import type { Job } from "./job.js";
import type { StateChange } from "./options.js";
import type { JobState } from "./reduce.js";

export interface Readable<T> {
  /** Calls `run` now and after each change. The returned function stops that. */
  subscribe(run: (value: T) => void): () => void;
}

/** The state of a job, including a large result once it is downloaded. */
export function jobStore<R>(job: Job<R>): Readable<JobState<R>> {
  return {
    subscribe(run) {
      const off = job.onChange(() => run(job.state));
      run(job.state);
      // The state says why there is no result.
      job.result().catch(() => {});
      return off;
    },
  };
}

/** The state of the connection. */
export function connectionStore(longhaul: Longhaul): Readable<StateChange> {
  return {
    subscribe(run) {
      const off = longhaul.on("state", run);
      run(longhaul.state);
      return off;
    },
  };
}
