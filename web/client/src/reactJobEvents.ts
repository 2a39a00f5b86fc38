/** React: the whole history of one job, as it grows. */
"use client";
import { useEffect, useState } from "react";
import type { LonghaulError } from "./error.js";
import type { Job } from "./job.js";
import type { JobEvent, JobView } from "./protocol.js";
import { useOptionalClient } from "./reactClient.js";
import { acquireJob } from "./sharedJobs.js";

export interface JobEvents<R> {
  /** Every event so far, each once and in order. A new array after each change. */
  events: readonly JobEvent<R>[];
  /** Whether more may follow: events of the past that are being loaded, or of a job that has not ended. */
  isPending: boolean;
  /** Why the history ends before the job: there is no such job, or it could not be followed. */
  error?: LonghaulError;
}

const NONE: JobEvents<never> = { events: [], isPending: false };

/**
 * Every event of a job from its first one on, the same live and after a reload, of open and of ended jobs. Pass the job from
 * `query`, a job id, a row of `useJobs`, or nothing. It shares the subscription of `useJob`. Renders come at most every
 * `throttle` milliseconds, by default 50.
 */
export function useJobEvents<R = unknown>(
  source: Job<R> | JobView<R> | string | null | undefined,
  { throttle = 50 }: { throttle?: number } = {},
): JobEvents<R> {
  const longhaul = useOptionalClient();
  const given = source && typeof source === "object" && "onChange" in source ? source : undefined;
  const id = typeof source === "string" ? source : given ? undefined : (source as JobView<R> | null | undefined)?.jobId;
  const [shown, setShown] = useState<JobEvents<R> & { of?: unknown }>(NONE);
  const of = given ?? id;
  useEffect(() => {
    if (of === undefined) return;
    if (!given && !longhaul) throw new Error("useJobEvents with a job id must be used inside a LonghaulProvider.");
    const { job, release } = given ? { job: given, release: () => {} } : acquireJob<R>(longhaul!, id!);
    const events: JobEvent<R>[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isMounted = true;
    const show = (more: Partial<JobEvents<R>> = {}) => {
      clearTimeout(timer);
      timer = undefined;
      if (isMounted) setShown({ events: [...events], isPending: true, of, ...more });
    };
    const collect = async () => {
      for await (const event of job.history()) {
        if (!isMounted) return;
        events.push(event);
        timer ??= setTimeout(show, throttle);
      }
    };
    collect().then(
      () => show({ isPending: false }),
      (error: LonghaulError) => show({ isPending: false, error }),
    );
    return () => {
      isMounted = false;
      clearTimeout(timer);
      release();
    };
  }, [longhaul, given, id, throttle]);
  if (of === undefined) return NONE;
  const { of: current, ...history } = shown;
  return current === of ? history : { events: [], isPending: true };
}
