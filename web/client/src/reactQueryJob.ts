/** React: a job that a component submits, as one object of data, error and progress. */
"use client";
import { useCallback, useMemo, useRef, useState } from "react";
import { newIdempotencyKey, type QueryOptions } from "./client.js";
import type { LonghaulError } from "./error.js";
import type { Job } from "./job.js";
import type { JobEvent, ResultOf } from "./protocol.js";
import { useClient } from "./reactClient.js";
import { useJobState, useOutcome, type UseJobOptions } from "./reactJob.js";
import { isOver, type Status } from "./reduce.js";

export type UseQueryJobOptions<R> = UseJobOptions<R> & Pick<QueryOptions, "params" | "deadlineSeconds">;
export type SubmitOptions = Omit<QueryOptions, "signal">;

export interface QueryJob<R> {
  /**
   * Submits a job, whose state this object then shows. A text that is being answered is not submitted again, so an effect
   * that StrictMode runs twice makes one job; after its end the same text makes another one. Await the job for its result.
   */
  submit(text: string, options?: SubmitOptions): Job<R>;
  /** `idle` before the first submit. */
  status: Status | "idle";
  /** Percent, 0 to 100. */
  progress: number;
  message: string;
  /** The text streamed so far. */
  content: string;
  data?: R;
  error?: LonghaulError;
  /** From the submit to the end. */
  isPending: boolean;
  /** Requests cancellation. */
  cancel(): Promise<void>;
  /** Forgets the job, which keeps running. */
  reset(): void;
  /** All events of the job so far. */
  events: readonly JobEvent<R>[];
  job?: Job<R>;
}

/** Submits jobs of a kind and shows the latest one. Unmounting the component cancels nothing. */
export function useQueryJob<K extends string, R = ResultOf<K>>(kind: K, options: UseQueryJobOptions<R> = {}): QueryJob<R> {
  const longhaul = useClient("useQueryJob");
  const [job, setJob] = useState<Job<R>>();
  const [hookKey] = useState(newIdempotencyKey);
  const latest = useRef({ count: 0, signature: "", job: undefined as Job<R> | undefined });
  const { params, deadlineSeconds } = options;
  const defaults = JSON.stringify({ params, deadlineSeconds });

  const submit = useCallback(
    (text: string, more: SubmitOptions = {}) => {
      const options = { ...(JSON.parse(defaults) as QueryOptions), ...more };
      const signature = JSON.stringify([kind, text, options]);
      const { current } = latest;
      if (current.job && current.signature === signature && !isOver(current.job.state)) return current.job;
      const submitted = longhaul.query(kind, text, { idempotencyKey: `${hookKey}-${++current.count}`, ...options }) as Job<R>;
      Object.assign(current, { signature, job: submitted });
      // Wrapped: React would call a function, and await nothing.
      setJob(() => submitted);
      return submitted;
    },
    [longhaul, kind, hookKey, defaults],
  );
  const cancel = useCallback(async () => job?.cancel(), [job]);
  const reset = useCallback(() => {
    latest.current.job = undefined;
    setJob(undefined);
  }, []);

  const state = useJobState(job, options.throttle);
  const error = useOutcome(job, options);
  const events = useMemo(() => [...(job?.events ?? [])], [job, state]);
  const { status, progress, message, content, result } = state;
  return { submit, cancel, reset, job, events, progress, message, content, error, data: result, status: job ? status : "idle", isPending: !!job && !isOver(state) };
}
