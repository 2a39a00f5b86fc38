/** React: the current state of one job. */
"use client";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { callSafely, type LonghaulError } from "./error.js";
import type { Job } from "./job.js";
import type { JobView } from "./protocol.js";
import { useOptionalClient } from "./reactClient.js";
import { initial, isOver, type JobState, type Status } from "./reduce.js";
import { acquireJob } from "./sharedJobs.js";

export interface JobCallbacks<R> {
  /** Called once with the result. */
  onFinish?: (result: R, job: Job<R>) => void;
  /** Called once if there is no result. */
  onError?: (error: LonghaulError, job: Job<R>) => void;
}

export interface UseJobOptions<R> extends JobCallbacks<R> {
  /** Minimum time between two renders in milliseconds, for answers that stream fast. The end is never delayed. Default 50. */
  throttle?: number;
}

export interface UsedJob<R> extends JobState<R> {
  /** The job itself, to cancel it or to iterate over it. */
  job?: Job<R>;
  /** Why there is no result: the job failed, was refused, or could not be followed. */
  failure?: LonghaulError;
  /** Whether there is a job that has not ended. */
  isPending: boolean;
}

const NO_JOB = initial<never>();
const subscribeToNothing = () => () => {};

/**
 * The current state of a job, including a large result once it is downloaded. Pass the job from `query`, a job id, a row
 * of `useJobs`, or nothing. Components share one subscription for each id; it ends with the last of them. The server is
 * asked for nothing about a row that has ended.
 */
export function useJob<R = unknown>(source: Job<R> | JobView<R> | string | null | undefined, options: UseJobOptions<R> = {}): UsedJob<R> {
  const longhaul = useOptionalClient();
  const [followed, setFollowed] = useState<{ id: string; job: Job<R> }>();
  const given = source && typeof source === "object" && "onChange" in source ? source : undefined;
  const view = source && typeof source === "object" && "userId" in source ? source : undefined;
  const id = typeof source === "string" ? source : view && isOpen(view) ? view.jobId : undefined;
  useEffect(() => {
    if (id === undefined) return;
    if (!longhaul) throw new Error("useJob with a job id must be used inside a LonghaulProvider.");
    const { job, release } = acquireJob<R>(longhaul, id);
    setFollowed({ id, job });
    return release;
  }, [longhaul, id]);
  const job = given ?? (followed && followed.id === id ? followed.job : undefined);
  const state = useJobState(job, options.throttle);
  const failure = useOutcome(job, options);
  const shown = view && state.status === "submitting" ? { ...state, ...stateOf(view) } : state;
  return { ...shown, job, failure, isPending: source != null && !isOver(shown) };
}

/** The state of a job, at most once in `throttle` milliseconds. */
export function useJobState<R>(job: Job<R> | undefined, throttle = 50): JobState<R> {
  const subscribe = useCallback(
    (onChange: () => void) => {
      if (!job) return subscribeToNothing();
      let timer: ReturnType<typeof setTimeout> | undefined;
      let isStale = false;
      const render = () => {
        clearTimeout(timer);
        timer = isOver(job.state) ? undefined : setTimeout(() => ((timer = undefined), isStale && render()), throttle);
        isStale = false;
        onChange();
      };
      const off = job.onChange(() => (timer && !isOver(job.state) ? (isStale = true) : render()));
      return () => {
        clearTimeout(timer);
        off();
      };
    },
    [job, throttle],
  );
  return useSyncExternalStore<JobState<R>>(subscribe, () => job?.state ?? NO_JOB, () => NO_JOB);
}

/** Downloads the result, calls back once, and returns why there is no result. */
export function useOutcome<R>(job: Job<R> | undefined, callbacks: JobCallbacks<R>): LonghaulError | undefined {
  const [failed, setFailed] = useState<{ job: Job<R>; failure: LonghaulError }>();
  const latest = useRef(callbacks);
  useEffect(() => void (latest.current = callbacks));
  useEffect(() => {
    let isMounted = true;
    job?.result().then(
      (result) => isMounted && callSafely(() => latest.current.onFinish?.(result, job)),
      (failure: LonghaulError) => {
        if (!isMounted) return;
        setFailed({ job, failure });
        callSafely(() => latest.current.onError?.(failure, job));
      },
    );
    return () => {
      isMounted = false;
    };
  }, [job]);
  return failed && failed.job === job ? failed.failure : undefined;
}

export function isOpen({ status }: JobView): boolean {
  return status === "queued" || status === "processing";
}

function stateOf<R>(view: JobView<R>): Partial<JobState<R>> {
  const { jobId, progress, message, attempt, query, error, cancelledBy, result } = view;
  return { jobId, status: view.status as Status, progress, message, attempt, query, error, cancelledBy, result };
}
