/** The caller's jobs, newest first, a page at a time. */
import type { JobView } from "longhaul-client";
import { useLonghaul } from "longhaul-client/react";
import { useCallback, useEffect, useRef, useState } from "react";
import { Link } from "./route";

const STATUSES = ["queued", "processing", "completed", "failed", "cancelled"] as const;
const PAGE = 25;

export function Jobs() {
  const { longhaul } = useLonghaul();
  const [status, setStatus] = useState<JobView["status"]>();
  const [jobs, setJobs] = useState<JobView[]>([]);
  const [said, setSaid] = useState("");
  const left = useRef<AsyncGenerator<JobView, void>>(undefined);

  const more = useCallback(async (from: AsyncGenerator<JobView, void>) => {
    setSaid("Loading");
    const page: JobView[] = [];
    try {
      while (page.length < PAGE) {
        const { value, done } = await from.next();
        if (done) break;
        page.push(value);
      }
    } catch (error) {
      return setSaid((error as Error).message);
    }
    // A newer listing has begun: this one is nobody's.
    if (left.current !== from) return;
    setJobs((shown) => [...shown, ...page]);
    setSaid(page.length < PAGE ? "No more jobs" : "");
  }, []);
  const refresh = useCallback(() => {
    setJobs([]);
    left.current = longhaul.jobs({ status, pageSize: PAGE });
    void more(left.current);
  }, [longhaul, status, more]);
  useEffect(refresh, [refresh]);

  return (
    <>
      <h1>Jobs</h1>
      <div className="row">
        <label>
          Status{" "}
          <select value={status ?? ""} onChange={(event) => setStatus((event.target.value || undefined) as typeof status)}>
            <option value="">all</option>
            {STATUSES.map((status) => (
              <option key={status}>{status}</option>
            ))}
          </select>
        </label>
        <button className="quiet" onClick={refresh}>
          Refresh
        </button>
      </div>
      <ul className="jobs">
        {jobs.map((job) => (
          <li key={job.jobId}>
            <Link to={`/jobs/${job.jobId}`}>{job.query}</Link>
            <p className="facts">
              <span className={`status ${job.status}`}>{job.status}</span>
              <span>{job.kind}</span>
              {job.status === "processing" && <span>{job.progress} %</span>}
              {job.attempt > 1 && <span>{job.attempt} attempts</span>}
              <time dateTime={job.createdAt}>{new Date(job.createdAt).toLocaleString()}</time>
            </p>
          </li>
        ))}
      </ul>
      <p role="status">{said}</p>
      {!said && (
        <button className="quiet" onClick={() => left.current && void more(left.current)}>
          More
        </button>
      )}
    </>
  );
}
