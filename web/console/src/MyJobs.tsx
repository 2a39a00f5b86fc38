/** The user's own jobs, newest first. Open jobs are followed, so their progress is live. */
import { useJobs } from "longhaul-client/react";
import { useContext } from "react";
import { StaleNotice } from "./ConnectionStatus";
import { EmptyState } from "./EmptyState";
import { filterJobs, JOB_STATUSES, JobFilterFields, useJobFilters } from "./jobFilters";
import { JobTable } from "./JobTable";
import { Link, PageHeading } from "./router";
import { SessionContext } from "./session";

/** Rows of a page, more than a screen has. */
const PAGE_ROWS = 50;

export function MyJobs() {
  const user = useContext(SessionContext)?.user ?? "";
  const filters = useJobFilters(JOB_STATUSES);
  const { jobs, isPending, error, hasMore, loadMore } = useJobs({ status: filters.status, pageSize: PAGE_ROWS });
  const notice = isPending ? "Loading…" : (error?.message ?? "");
  const matches = filterJobs(jobs, filters);
  const isEmpty = !jobs.length && !hasMore && !notice && !filters.status;
  return (
    <>
      <PageHeading>My jobs</PageHeading>
      <StaleNotice hint="This list may be out of date." />
      <form role="search" className="row" onSubmit={(event) => event.preventDefault()}>
        <JobFilterFields filters={filters} statuses={JOB_STATUSES} kinds={jobs.map(({ kind }) => kind)} />
      </form>
      <JobTable jobs={matches} />
      {isEmpty ? (
        <EmptyState title="You have no jobs yet" command={`longhaul ask --user ${user} "What was my S3 spend in May?"`}>
          <p>
            <Link to="/">Ask a question</Link>, or ask one on the command line:
          </p>
        </EmptyState>
      ) : (
        <p role="status" className="summary">
          {notice || summary(matches.length, jobs.length, hasMore)}
        </p>
      )}
      {hasMore && !notice && (
        <button className="secondary" onClick={loadMore}>
          Load older jobs
        </button>
      )}
    </>
  );
}

/** The search covers the loaded jobs only, so the summary names their number. */
function summary(matchCount: number, loadedCount: number, hasMore: boolean): string {
  const loaded = `${loadedCount || "No"} ${hasMore ? "newest " : ""}job${loadedCount === 1 ? "" : "s"}`;
  if (matchCount < loadedCount) return `Showing ${matchCount} of ${hasMore ? "the " : ""}${loaded}`;
  return hasMore ? `Showing the ${loaded}` : loaded;
}
