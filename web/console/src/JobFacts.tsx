/** The facts of a job in a line: status, owner, kind, attempt, durations, id, and when it was submitted. */
import type { JobState, JobView } from "longhaul-client";
import { formatDuration } from "./formatDuration";
import { TimeAgo, useServerNow } from "./serverTime";
import { STATUS_LABELS } from "./statusLabels";
import { showToast } from "./toasts";

export function JobFacts({ state, view, isAdmin }: { state: JobState<any>; view?: JobView; isAdmin: boolean }) {
  const { status, attempt, jobId } = state;
  return (
    <p className="facts">
      <span className={`status ${status}`}>{STATUS_LABELS[status]}</span>
      {isAdmin && view && <span>{view.userId}</span>}
      {view && <span>{view.kind}</span>}
      {attempt > 1 && <span>Attempt {attempt}</span>}
      {view && <ElapsedTime view={view} />}
      {view && (
        <span>
          Submitted <TimeAgo at={view.createdAt} />
        </span>
      )}
      {jobId && <JobId id={jobId} />}
    </p>
  );
}

/** Durations by the server's clock. While the job runs they grow by the second. */
function ElapsedTime({ view: { createdAt, startedAt, finishedAt } }: { view: JobView }) {
  const now = useServerNow(finishedAt ? undefined : 1000);
  const elapsed = (from: string, to?: string) => formatDuration(to ? Date.parse(to) - Date.parse(from) : Math.max(0, Math.floor((now - Date.parse(from)) / 1000) * 1000));
  if (!startedAt) return <span>Queued for {elapsed(createdAt, finishedAt)}</span>;
  return (
    <>
      <span>Queued for {elapsed(createdAt, startedAt)}</span>
      <span>
        {finishedAt ? "Ran" : "Running"} for {elapsed(startedAt, finishedAt)}
      </span>
    </>
  );
}

/** The id; a click copies it. */
function JobId({ id }: { id: string }) {
  const copy = () => void navigator.clipboard?.writeText(id).then(() => showToast("Job id copied."));
  return (
    <button type="button" className="id" title="Copy the job id" onClick={copy}>
      {id}
    </button>
  );
}
