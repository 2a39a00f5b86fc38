/** The user's own jobs, newest first. Open jobs are followed, so their progress is live. */
import type { JobView } from "longhaul-client";
import { useJobs } from "longhaul-client/react";
import { useState } from "react";
import { StaleNotice } from "./ConnectionStatus";
import { JobRow } from "./JobRow";
import { PageHeading } from "./router";
import { JOB_STATUSES, StatusFilter } from "./StatusFilter";

export function MyJobs() {
  const [status, setStatus] = useState<JobView["status"]>();
  const [search, setSearch] = useState("");
  const { jobs, isPending, error, hasMore, loadMore } = useJobs({ status });
  const notice = isPending ? "Loading…" : (error?.message ?? "");
  const terms = search.toLowerCase().split(/\s+/);
  const matches = jobs.filter((job) => {
    const text = `${job.query} ${job.kind} ${job.jobId}`.toLowerCase();
    return (!status || job.status === status) && terms.every((term) => text.includes(term));
  });
  return (
    <>
      <PageHeading>My jobs</PageHeading>
      <StaleNotice hint="This list may be out of date." />
      <form role="search" className="row" onSubmit={(event) => event.preventDefault()}>
        <StatusFilter statuses={JOB_STATUSES} selected={status} onSelect={setStatus} />
        <label>
          Search <input type="search" value={search} onChange={(event) => setSearch(event.target.value)} />
        </label>
      </form>
      <ul className="jobs">
        {matches.map((job) => (
          <JobRow key={job.jobId} job={job} />
        ))}
      </ul>
      <p role="status">{notice || summary(matches.length, jobs.length, hasMore)}</p>
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
