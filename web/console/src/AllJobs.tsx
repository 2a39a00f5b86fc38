/** The admins' list of jobs: the open jobs of all users, or all jobs of one user. */
import type { Longhaul } from "longhaul-client";
import { type FormEvent, useCallback } from "react";
import { listOpenJobs, listUserJobs } from "./adminApi";
import { EmptyState } from "./EmptyState";
import { filterJobs, JOB_STATUSES, JobFilterFields, useJobFilters } from "./jobFilters";
import { JobTable } from "./JobTable";
import { useSearchParam } from "./router";
import { usePagedQuery } from "./usePagedQuery";

/** Refresh interval of the open jobs. Each refresh costs one frame and a page of each shard of the open-jobs index. */
const REFRESH_MS = 5_000;
const OPEN_STATUSES = ["queued", "processing"] as const;

export function AllJobs() {
  const [user, setUser] = useSearchParam("user");
  // Ended jobs are listed per user only.
  const statuses = user ? JOB_STATUSES : OPEN_STATUSES;
  const filters = useJobFilters(statuses);
  const { status } = filters;
  const fetchPage = useCallback(
    (longhaul: Longhaul, cursor?: string) => (user ? listUserJobs(longhaul, user, status, cursor) : listOpenJobs(longhaul, status)),
    [user, status],
  );
  const { items, notice, isTruncated, loadMore } = usePagedQuery(fetchPage, user ? undefined : REFRESH_MS);
  const matches = filterJobs(items, filters);
  const hasMore = isTruncated || loadMore !== undefined;
  const search = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setUser(String(new FormData(event.currentTarget).get("user")).trim());
  };
  return (
    <>
      <form role="search" className="row" onSubmit={search}>
        <label>
          User <input name="user" type="search" placeholder="All users" defaultValue={user} />
        </label>
        <button className="secondary">Show user</button>
        <JobFilterFields filters={filters} statuses={statuses} kinds={items.map(({ kind }) => kind)} />
      </form>
      <JobTable jobs={matches} showsUser />
      {!items.length && !notice && !hasMore ? (
        <EmptyState title={user ? `No jobs for ${user}` : "No open jobs"} command={user ? undefined : 'longhaul ask "What was my S3 spend in May?"'}>
          <p>{user ? "Check the user's id: it is the subject of the user's token." : "A job that is queued or running appears here. Enter a user to see that user's ended jobs."}</p>
        </EmptyState>
      ) : (
        <p role="status" className="summary">
          {notice || summary(matches.length, items.length, user, hasMore)}
        </p>
      )}
      {loadMore && (
        <button className="secondary" onClick={loadMore}>
          Load older jobs
        </button>
      )}
    </>
  );
}

/** An empty `user` stands for the open jobs of all users. */
function summary(matchCount: number, count: number, user: string, hasMore: boolean): string {
  const jobs = `${count || "No"} ${user ? "" : "open "}job${count === 1 ? "" : "s"}${user && ` for ${user}`}`;
  const shown = matchCount < count ? `${matchCount} of ${jobs} shown` : jobs;
  return hasMore ? `${shown}${matchCount < count ? "" : " shown"}; there are more` : shown;
}
