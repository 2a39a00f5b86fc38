/** A job as a line of a list. */
import type { JobView } from "longhaul-client";
import { Link } from "./router";

/** A job in a list; `of` names its user where that is not the caller. */
export function Row({ job, of }: { job: JobView; of?: string }) {
  const took = job.finishedAt && (Date.parse(job.finishedAt) - Date.parse(job.createdAt)) / 1000;
  return (
    <li>
      <Link to={`/jobs/${job.jobId}`}>{job.query}</Link>
      <p className="facts">
        <span className={`status ${job.status}`}>{job.status}</span>
        {of !== undefined && <span>{of}</span>}
        <span>{job.kind}</span>
        {job.status === "processing" && <span>{job.progress} %</span>}
        {job.attempt > 1 && <span>{job.attempt} attempts</span>}
        {took !== undefined && took !== "" && <span>took {took.toFixed(1)} s</span>}
        <time dateTime={job.createdAt}>{new Date(job.createdAt).toLocaleString()}</time>
      </p>
      {job.status === "processing" && <progress max={100} value={job.progress} aria-label={`Progress of ${job.query.slice(0, 60)}`} />}
    </li>
  );
}
