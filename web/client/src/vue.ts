/** Vue: refs that follow a job and the connection until their component or scope ends. */
import { getCurrentScope, onScopeDispose, type ShallowRef, shallowRef } from "vue";
import type { Longhaul } from "./client.js";
import type { Job } from "./job.js";
import type { StateChange } from "./options.js";
import type { JobState } from "./reduce.js";
import { connectionStore, jobStore, type Readable } from "./svelte.js";

/** The state of a job, including a large result once it is downloaded. */
export function useJob<R>(job: Job<R>): Readonly<ShallowRef<JobState<R>>> {
  return toRef(jobStore(job), job.state);
}

/** The state of the connection. */
export function useConnection(longhaul: Longhaul): Readonly<ShallowRef<StateChange>> {
  return toRef(connectionStore(longhaul), longhaul.state);
}

function toRef<T>(store: Readable<T>, initial: T): Readonly<ShallowRef<T>> {
  const ref = shallowRef(initial) as ShallowRef<T>;
  const off = store.subscribe((value) => (ref.value = value));
  if (getCurrentScope()) onScopeDispose(off);
  return ref;
}
