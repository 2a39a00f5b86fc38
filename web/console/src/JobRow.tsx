/** A job as a row of a list. */
import type { JobView } from "longhaul-client";
import { Link } from "./router";
import { STATUS_LABELS } from "./statusLabels";

/** `userId` is shown if given; leave it out where all jobs are the user's own. */
export function JobRow({ job, userId }: { job: JobView; userId?: string }) {
  const durationSeconds = job.finishedAt && (Date.parse(job.finishedAt) - Date.parse(job.createdAt)) / 1000;
  return (
    <li>
      <Link to={`/jobs/${job.jobId}`}>{job.query}</Link>
      <p className="facts">
        <span className={`status ${job.status}`}>{STATUS_LABELS[job.status]}</span>
        {userId !== undefined && <span>{userId}</span>}
        <span>{job.kind}</span>
        {job.status === "processing" && <span>{job.progress}%</span>}
        {job.attempt > 1 && <span>{job.attempt} attempts</span>}
        {durationSeconds !== undefined && durationSeconds !== "" && <span>Took {durationSeconds.toFixed(1)} s</span>}
        <time dateTime={job.createdAt}>{new Date(job.createdAt).toLocaleString()}</time>
      </p>
      {job.status === "processing" && <progress max={100} value={job.progress} aria-label={`Progress of ${job.query.slice(0, 60)}`} />}
    </li>
  );
}
