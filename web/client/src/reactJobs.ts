/** React: the list of a user's jobs. Open ones are followed; new ones are looked for while the page is visible. */
"use client";
import { useCallback, useEffect, useRef, useState } from "react";
import type { JobFilter } from "./client.js";
import type { LonghaulError } from "./error.js";
import type { JobView } from "./protocol.js";
import { useLonghaul } from "./reactClient.js";
import { isOpen } from "./reactJob.js";
import type { JobState } from "./reduce.js";
import { acquireJob } from "./sharedJobs.js";

/** Pages of new jobs that a look reads at most. */
const MAX_NEW_PAGES = 10;

export interface UseJobsOptions {
  /**
   * How often to look for new jobs, in milliseconds: the server does not announce them. Each look costs a frame and a
   * query of one page, and another for each page whose jobs are all new. `null`: only when the connection opens and when
   * the page is shown. Default 10,000.
   */
  refreshMs?: number | null;
}

export interface JobList {
  /** The loaded jobs, newest first. */
  jobs: readonly JobView[];
  /** Whether a page is being loaded on demand. */
  isPending: boolean;
  error?: LonghaulError;
  hasMore: boolean;
  loadMore(): void;
  /** Looks for new jobs now. */
  refresh(): void;
}

/** The jobs that match `filter`, newest first, as they change. */
export function useJobs(filter: JobFilter = {}, { refreshMs = 10_000 }: UseJobsOptions = {}): JobList {
  const { longhaul, connection } = useLonghaul();
  const [jobs, setJobs] = useState<readonly JobView[]>([]);
  const [page, setPage] = useState<{ isPending: boolean; hasMore: boolean; error?: LonghaulError }>({ isPending: true, hasMore: false });
  const remaining = useRef<AsyncGenerator<JobView, void>>(undefined);
  const { status, kind, userId, pageSize = 25 } = filter;

  const loadMore = useCallback(async () => {
    const source = remaining.current!;
    setPage((page) => ({ ...page, isPending: true, error: undefined }));
    const loaded = await readPage(source, pageSize).catch((error: LonghaulError) => ({ error, jobs: [], isLast: true }));
    // Discard the page of a list that was replaced in the meantime.
    if (remaining.current !== source) return;
    setJobs((current) => merge(loaded.jobs, current));
    setPage({ isPending: false, hasMore: !loaded.isLast, error: "error" in loaded ? loaded.error : undefined });
  }, [pageSize]);

  const list = useCallback(() => longhaul.jobs({ status, kind, userId, pageSize }), [longhaul, status, kind, userId, pageSize]);
  useEffect(() => {
    setJobs([]);
    remaining.current = list();
    void loadMore();
    return () => {
      remaining.current = undefined;
    };
  }, [list, loadMore]);

  const known = useRef<readonly JobView[]>(jobs);
  known.current = jobs;
  const refresh = useCallback(async () => {
    const source = remaining.current;
    const newer = list();
    const found = await readUntilKnown(newer, pageSize, known.current).catch(() => undefined);
    if (!found || !source || remaining.current !== source) return;
    if (found.isGap) {
      // More new jobs than that: the list starts again with the newest, and older ones are loaded on demand.
      remaining.current = newer;
      setPage((page) => ({ ...page, hasMore: true }));
      setJobs(found.jobs);
    } else {
      setJobs((current) => merge(found.jobs, current));
    }
  }, [list, pageSize]);
  useEffect(() => {
    if (connection.state !== "open") return;
    const look = () => void (document.visibilityState === "hidden" || refresh());
    const timer = refreshMs === null ? undefined : setInterval(look, refreshMs);
    document.addEventListener("visibilitychange", look);
    // The client stores submitted jobs, so this event shows that another tab has submitted one.
    addEventListener("storage", look);
    look();
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
      removeEventListener("storage", look);
    };
  }, [connection.state, refresh, refreshMs]);

  const openIds = jobs.filter(isOpen).map(({ jobId }) => jobId).sort().join(" ");
  useEffect(() => {
    const followed = openIds.split(" ").filter(Boolean).map((id) => acquireJob(longhaul, id));
    const stops = followed.map(({ job, release }) => {
      const update = () => setJobs((current) => current.map((view) => (view.jobId === job.id ? updated(view, job.state) : view)));
      const off = job.onChange(update);
      return () => (off(), release());
    });
    return () => stops.forEach((stop) => stop());
  }, [longhaul, openIds]);

  const matching = status ? jobs.filter((job) => job.status === status) : jobs;
  return { jobs: matching, ...page, loadMore: () => void loadMore(), refresh: () => void refresh() };
}

async function readPage(source: AsyncGenerator<JobView, void>, size: number): Promise<{ jobs: JobView[]; isLast: boolean }> {
  const jobs: JobView[] = [];
  while (jobs.length < size) {
    const { value, done } = await source.next();
    if (done) return { jobs, isLast: true };
    jobs.push(value);
  }
  return { jobs, isLast: false };
}

/**
 * Reads pages of the newest jobs until one of them is known, so that no job between the new and the known ones is left out.
 * `isGap`: the pages read contain no known job.
 */
async function readUntilKnown(source: AsyncGenerator<JobView, void>, size: number, known: readonly JobView[]): Promise<{ jobs: JobView[]; isGap: boolean }> {
  const ids = new Set(known.map(({ jobId }) => jobId));
  const jobs: JobView[] = [];
  for (let pages = 0; pages < MAX_NEW_PAGES; pages++) {
    const page = await readPage(source, size);
    jobs.push(...page.jobs);
    if (!ids.size || page.isLast || page.jobs.some(({ jobId }) => ids.has(jobId))) return { jobs, isGap: false };
  }
  return { jobs, isGap: true };
}

/** A row with what the job's events say since. */
function updated(view: JobView, state: JobState): JobView {
  const { progress, message, attempt, applied, error, cancelledBy } = state;
  // As in a row: a job that waits for its next attempt is queued.
  const status = state.status !== "retrying" ? state.status : state.interruption ? "queued" : "processing";
  if (applied <= view.seq || status === "submitting" || status === "gone" || status === "refused") return view;
  return { ...view, status, progress, message, attempt, seq: applied, error, cancelledBy };
}

/** Both lists, newest first, without duplicates. Of two versions of a job, the one with the higher `seq` remains. */
function merge(page: readonly JobView[], current: readonly JobView[]): JobView[] {
  const byId = new Map(current.map((job) => [job.jobId, job]));
  for (const job of page) if ((byId.get(job.jobId)?.seq ?? -1) <= job.seq) byId.set(job.jobId, job);
  return [...byId.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
}
