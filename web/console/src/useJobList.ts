/**
 * A hook for the list of the user's own jobs: loads pages on demand and looks for new jobs while the page is visible.
 * The server pushes events of followed jobs, but does not announce new jobs.
 */
import type { JobView } from "longhaul-client";
import { useLonghaul } from "longhaul-client/react";
import { useCallback, useEffect, useRef, useState } from "react";

const PAGE_SIZE = 25;
/** How often to look for new jobs. Costs one frame and a query of one page. */
const REFRESH_MS = 10_000;

export interface JobList {
  jobs: readonly JobView[];
  /** A loading notice, an error message, or empty. */
  notice: string;
  hasMore: boolean;
  loadMore(): void;
  /** Updates an entry with fields from the job's events. */
  updateJob(jobId: string, fields: Partial<JobView>): void;
}

export function useJobList(status: JobView["status"] | undefined): JobList {
  const { longhaul, connection } = useLonghaul();
  const [jobs, setJobs] = useState<readonly JobView[]>([]);
  const [notice, setNotice] = useState("");
  const [hasMore, setHasMore] = useState(false);
  const remaining = useRef<AsyncGenerator<JobView, void>>(undefined);

  const loadMore = useCallback(async () => {
    const source = remaining.current!;
    setNotice("Loading…");
    try {
      const { page, isLast } = await readPage(source);
      // Discard the page of a list that was replaced in the meantime.
      if (remaining.current !== source) return;
      setJobs((current) => merge(page, current));
      setHasMore(!isLast);
      setNotice("");
    } catch (error) {
      if (remaining.current === source) setNotice((error as Error).message);
    }
  }, []);

  useEffect(() => {
    setJobs([]);
    remaining.current = longhaul.jobs({ status, pageSize: PAGE_SIZE });
    void loadMore();
    return () => {
      remaining.current = undefined;
    };
  }, [longhaul, status, loadMore]);

  useEffect(() => {
    if (connection.state !== "open") return;
    let isMounted = true;
    const loadNewest = async () => {
      if (document.visibilityState === "hidden") return;
      const { page } = await readPage(longhaul.jobs({ status, pageSize: PAGE_SIZE }));
      if (isMounted) setJobs((current) => merge(page, current));
    };
    const refresh = () => void loadNewest().catch(() => {});
    const timer = setInterval(refresh, REFRESH_MS);
    document.addEventListener("visibilitychange", refresh);
    // The client library stores submitted jobs, so this event shows that another tab has submitted one.
    addEventListener("storage", refresh);
    refresh();
    return () => {
      isMounted = false;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", refresh);
      removeEventListener("storage", refresh);
    };
  }, [longhaul, connection.state, status]);

  const updateJob = useCallback((jobId: string, fields: Partial<JobView>) => {
    setJobs((current) => current.map((job) => (job.jobId === jobId ? { ...job, ...fields } : job)));
  }, []);
  return { jobs, notice, hasMore, loadMore: () => void loadMore(), updateJob };
}

async function readPage(source: AsyncGenerator<JobView, void>): Promise<{ page: JobView[]; isLast: boolean }> {
  const page: JobView[] = [];
  while (page.length < PAGE_SIZE) {
    const { value, done } = await source.next();
    if (done) return { page, isLast: true };
    page.push(value);
  }
  return { page, isLast: false };
}

/** Both lists, newest first, without duplicates. Of two versions of a job, the one with the higher `seq` remains. */
function merge(page: readonly JobView[], current: readonly JobView[]): JobView[] {
  const byId = new Map(current.map((job) => [job.jobId, job]));
  for (const job of page) if ((byId.get(job.jobId)?.seq ?? -1) <= job.seq) byId.set(job.jobId, job);
  return [...byId.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
}
