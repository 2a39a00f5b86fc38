/**
 * The caller's jobs as a list that stays true: pages as they are wanted, what is new looked for while somebody
 * looks. It draws nothing. The server tells of jobs that are followed, not of new ones, so those are asked for.
 */
import type { JobView } from "longhaul-client";
import { useLonghaul } from "longhaul-client/react";
import { useCallback, useEffect, useRef, useState } from "react";

const PAGE = 25;
/** How often it looks for new jobs, which costs a frame and a query of one page. */
const LOOK_MS = 10_000;

export interface Listing {
  jobs: readonly JobView[];
  /** `Loading`, what went wrong, or nothing. */
  said: string;
  hasMore: boolean;
  more(): void;
  /** Corrects an entry by what was heard of the job. */
  correct(jobId: string, by: Partial<JobView>): void;
}

export function useListing(status: JobView["status"] | undefined): Listing {
  const { longhaul, connection } = useLonghaul();
  const [jobs, setJobs] = useState<readonly JobView[]>([]);
  const [said, setSaid] = useState("");
  const [hasMore, setMore] = useState(false);
  const rest = useRef<AsyncGenerator<JobView, void>>(undefined);

  const more = useCallback(async () => {
    const from = rest.current!;
    setSaid("Loading");
    try {
      const { page, isLast } = await read(from);
      // A newer listing has begun: this one is nobody's.
      if (rest.current !== from) return;
      setJobs((shown) => merged(page, shown));
      setMore(!isLast);
      setSaid("");
    } catch (error) {
      if (rest.current === from) setSaid((error as Error).message);
    }
  }, []);

  useEffect(() => {
    setJobs([]);
    rest.current = longhaul.jobs({ status, pageSize: PAGE });
    void more();
    return () => {
      rest.current = undefined;
    };
  }, [longhaul, status, more]);

  useEffect(() => {
    if (connection.state !== "open") return;
    let isShown = true;
    const look = async () => {
      if (document.visibilityState === "hidden") return;
      const { page } = await read(longhaul.jobs({ status, pageSize: PAGE }));
      if (isShown) setJobs((shown) => merged(page, shown));
    };
    const looks = () => void look().catch(() => {});
    const timer = setInterval(looks, LOOK_MS);
    document.addEventListener("visibilitychange", looks);
    // Another tab has submitted a job, which the client library notes there.
    addEventListener("storage", looks);
    looks();
    return () => {
      isShown = false;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", looks);
      removeEventListener("storage", looks);
    };
  }, [longhaul, connection.state, status]);

  const correct = useCallback((jobId: string, by: Partial<JobView>) => {
    setJobs((shown) => shown.map((job) => (job.jobId === jobId ? { ...job, ...by } : job)));
  }, []);
  return { jobs, said, hasMore, more: () => void more(), correct };
}

async function read(from: AsyncGenerator<JobView, void>): Promise<{ page: JobView[]; isLast: boolean }> {
  const page: JobView[] = [];
  while (page.length < PAGE) {
    const { value, done } = await from.next();
    if (done) return { page, isLast: true };
    page.push(value);
  }
  return { page, isLast: false };
}

/** Both, newest first, each job once and as the server knew it last. */
function merged(page: readonly JobView[], shown: readonly JobView[]): JobView[] {
  const byId = new Map(shown.map((job) => [job.jobId, job]));
  for (const job of page) if ((byId.get(job.jobId)?.seq ?? -1) <= job.seq) byId.set(job.jobId, job);
  return [...byId.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
}
