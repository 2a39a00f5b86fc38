/** The caller's jobs, newest first: those that are open are followed, so that the list tells how far they are. */
import type { JobView } from "longhaul-client";
import { useJob } from "longhaul-client/react";
import { useEffect, useState } from "react";
import { Stale } from "./ConnectionStatus";
import { Row } from "./JobRow";
import { Heading } from "./router";
import { STATUSES, StatusFilter } from "./StatusFilter";
import { type Listing, useListing } from "./useJobList";

export function Jobs() {
  const [status, setStatus] = useState<JobView["status"]>();
  const [sought, setSought] = useState("");
  const { jobs, said, hasMore, more, correct } = useListing(status);
  const words = sought.toLowerCase().split(/\s+/);
  const found = jobs.filter((job) => {
    const text = `${job.query} ${job.kind} ${job.jobId}`.toLowerCase();
    return (!status || job.status === status) && words.every((word) => text.includes(word));
  });
  return (
    <>
      <Heading>Jobs</Heading>
      <Stale meanwhile="This is the list as it was." />
      <form role="search" className="row" onSubmit={(event) => event.preventDefault()}>
        <StatusFilter of={STATUSES} chosen={status} choose={setStatus} />
        <label>
          Search <input type="search" value={sought} onChange={(event) => setSought(event.target.value)} />
        </label>
      </form>
      <ul className="jobs">
        {found.map((job) =>
          ["queued", "processing"].includes(job.status) ? (
            <OpenRow key={job.jobId} job={job} correct={correct} />
          ) : (
            <Row key={job.jobId} job={job} />
          ),
        )}
      </ul>
      <p role="status">{said || summary(found.length, jobs.length, hasMore)}</p>
      {hasMore && !said && (
        <button className="quiet" onClick={more}>
          Older jobs
        </button>
      )}
    </>
  );
}

/** Searching looks at what was loaded, and says so. */
function summary(found: number, loaded: number, hasMore: boolean): string {
  const jobs = (count: number) => `${count} job${count === 1 ? "" : "s"}`;
  if (found < loaded) return `${jobs(found)} of the ${loaded} ${hasMore ? "newest" : "there are"}`;
  return `${jobs(loaded)}${hasMore ? ", and older ones" : ""}`;
}

function OpenRow({ job, correct }: { job: JobView; correct: Listing["correct"] }) {
  const { status, progress, message, attempt, applied } = useJob(job.jobId);
  useEffect(() => {
    if (status === "submitting" || status === "gone") return;
    correct(job.jobId, { status: status === "retrying" ? "processing" : status, progress, message, attempt, seq: applied });
  }, [job.jobId, status, progress, message, attempt, applied, correct]);
  return <Row job={job} />;
}
