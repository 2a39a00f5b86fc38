/** The admins' list of jobs: the open jobs of all users, or all jobs of one user. */
import type { JobView, Longhaul } from "longhaul-client";
import { type FormEvent, useCallback, useState } from "react";
import { listOpenJobs, listUserJobs } from "./adminApi";
import { JobRow } from "./JobRow";
import { JOB_STATUSES, StatusFilter } from "./StatusFilter";
import { usePagedQuery } from "./usePagedQuery";

/** Refresh interval of the open jobs. Each refresh costs one frame and a page of each shard of the open-jobs index. */
const REFRESH_MS = 5_000;

export function AllJobs() {
  const [user, setUser] = useState("");
  const [status, setStatus] = useState<JobView["status"]>();
  // Ended jobs are listed per user only.
  const statuses = user ? JOB_STATUSES : (["queued", "processing"] as const);
  const activeStatus = statuses.find((available) => available === status);
  const fetchPage = useCallback(
    (longhaul: Longhaul, cursor?: string) => (user ? listUserJobs(longhaul, user, activeStatus, cursor) : listOpenJobs(longhaul, activeStatus)),
    [user, activeStatus],
  );
  const { items, notice, isTruncated, loadMore } = usePagedQuery(fetchPage, user ? undefined : REFRESH_MS);
  const search = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setUser(String(new FormData(event.currentTarget).get("user")).trim());
  };
  return (
    <>
      <form role="search" className="row" onSubmit={search}>
        <label>
          User <input name="user" type="search" placeholder="All users" />
        </label>
        <StatusFilter statuses={statuses} selected={activeStatus} onSelect={setStatus} />
        <button>Search</button>
      </form>
      <ul className="jobs">
        {items.map((job) => (
          <JobRow key={job.jobId} job={job} userId={job.userId} />
        ))}
      </ul>
      <p role="status">{notice || summary(items.length, user, isTruncated || loadMore !== undefined)}</p>
      {loadMore && (
        <button className="secondary" onClick={loadMore}>
          Load older jobs
        </button>
      )}
    </>
  );
}

/** An empty `user` stands for the open jobs of all users. */
function summary(count: number, user: string, hasMore: boolean): string {
  const jobs = `${count || "No"} ${user ? "" : "open "}job${count === 1 ? "" : "s"}${user && ` for ${user}`}`;
  return hasMore ? `${jobs} shown; there are more` : jobs;
}
