/** Jobs as a dense table, a row each. On a phone a row is two lines. */
import type { JobView } from "longhaul-client";
import { formatDuration } from "./formatDuration";
import { Link } from "./router";
import { TimeAgo, useServerNow } from "./serverTime";
import { STATUS_LABELS } from "./statusLabels";

/** Characters of a question that fit a row. */
const ROW_CHARACTERS = 160;

/** The owners are shown with `showsUser`; leave it out where all jobs are the user's own. */
export function JobTable({ jobs, showsUser = false }: { jobs: readonly JobView[]; showsUser?: boolean }) {
  const hasOpen = jobs.some((job) => !job.finishedAt);
  const now = useServerNow(hasOpen ? 1000 : undefined);
  const durations = new Map(jobs.map((job) => [job.jobId, durationOf(job, now)]));
  const longest = Math.max(1, ...durations.values());
  if (!jobs.length) return null;
  return (
    <table className="job-table">
      <thead>
        <tr>
          <th scope="col">Question</th>
          <th scope="col">Status</th>
          <th scope="col">Kind</th>
          {showsUser && <th scope="col">User</th>}
          <th scope="col">Duration</th>
          <th scope="col" className="number">
            Attempts
          </th>
          <th scope="col">Submitted</th>
          <th scope="col">Job</th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <tr key={job.jobId} data-row>
            <td className="question-cell">
              <Link to={`/jobs/${job.jobId}`} title={job.query.length > 60 ? job.query.slice(0, 1000) : undefined}>
                {job.query.slice(0, ROW_CHARACTERS)}
              </Link>
            </td>
            <td>
              <span className={`badge ${job.status}`}>
                {STATUS_LABELS[job.status]}
                {job.status === "processing" && <Progress job={job} />}
              </span>
              {job.error && <span className="error-code">{job.error.code}</span>}
            </td>
            <td>{job.kind}</td>
            {showsUser && <td className="user-cell">{job.userId}</td>}
            <td className="duration-cell">
              <span className={`duration-bar ${job.status}`} style={{ width: `${(100 * durations.get(job.jobId)!) / longest}%` }} />
              <span>{formatDuration(durations.get(job.jobId)!)}</span>
            </td>
            <td className="number optional">{job.attempt}</td>
            <td>
              <TimeAgo at={job.createdAt} />
            </td>
            <td className="optional">
              <code title={job.jobId}>{job.jobId.slice(-8)}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Progress({ job }: { job: JobView }) {
  return (
    <>
      {" "}
      {job.progress}% <progress max={100} value={job.progress} aria-label={`Progress of ${job.query.slice(0, 60)}`} />
    </>
  );
}

/** Milliseconds from the submit to the end, or until now. */
function durationOf(job: JobView, now: number): number {
  const end = job.finishedAt ? Date.parse(job.finishedAt) : Math.floor(now / 1000) * 1000;
  return Math.max(0, end - Date.parse(job.createdAt));
}
