/** The page of a job: status and progress, the answer, charts, actions and the timeline. */
import type { FinopsResult, Job, JobView } from "longhaul-client";
import { useJob, useLonghaul } from "longhaul-client/react";
import { useContext, useEffect, useState } from "react";
import { replayJob } from "./adminApi";
import { Answer } from "./Answer";
import { StaleNotice } from "./ConnectionStatus";
import { Costs, Recommendations } from "./Costs";
import { CancelButton, JobActions, type SubmittedQuery } from "./JobActions";
import { PageHeading } from "./router";
import { SessionContext } from "./session";
import { STATUS_LABELS } from "./statusLabels";
import { Timeline } from "./Timeline";

const NOT_FOUND = "This job does not exist, is past its retention period, or belongs to another user.";

/** The job with the id in the address. */
export function JobPage({ id }: { id: string }) {
  const { longhaul } = useLonghaul();
  const [followed, setFollowed] = useState<{ job: Job<any> }>();
  useEffect(() => setFollowed({ job: longhaul.follow(id) }), [longhaul, id]);
  return followed ? <JobDetails job={followed.job} onReplayed={() => setFollowed({ job: longhaul.follow(id) })} /> : null;
}

/**
 * A job. `submitted` is the query of a job that the server has not accepted yet. `onReplayed` is called after a replay,
 * so that the caller follows the new run.
 */
export function JobDetails({ job, submitted, onReplayed }: { job: Job<any>; submitted?: SubmittedQuery; onReplayed?: () => void }) {
  const state = useJob<Partial<FinopsResult>>(job);
  const { status, progress, message, content, result, failure, jobId } = state;
  const view = useJobView(jobId, status);
  const session = useContext(SessionContext);
  const isOpen = ["submitting", "queued", "processing", "retrying"].includes(status) && !failure;
  // A job that streams its answer may omit it from its result.
  const answer = (typeof result?.response === "string" && result.response) || content;
  const known = view ?? submitted;
  const query = state.query ?? known?.query;
  return (
    <article aria-busy={isOpen}>
      <PageHeading>{query ?? (status === "gone" ? "Job not found" : "Job")}</PageHeading>
      <p className="facts">
        <span className={`status ${status}`}>{STATUS_LABELS[status]}</span>
        {session?.isAdmin && view && <span>{view.userId}</span>}
        {view && <span>{view.kind}</span>}
        {state.attempt > 1 && <span>Attempt {state.attempt}</span>}
        {view && <ElapsedTime view={view} />}
      </p>
      {isOpen && (
        <>
          <StaleNotice
            hint={status === "submitting" ? "Your question will be sent when the connection is back." : "The job keeps running; this page will update when the connection is back."}
          />
          <progress max={100} value={progress} aria-label="Progress" />
          <p role="status">
            {message || (status === "submitting" ? "Sending to the server…" : "Working…")} · {progress}%
          </p>
          <CancelButton job={job} />
        </>
      )}
      {/* Announces the end to screen readers. */}
      <p className="visually-hidden" role="status">
        {status === "completed" && "The answer is ready."}
        {status === "cancelled" && "The job was cancelled."}
      </p>
      {failure !== undefined && <p role="alert">{status === "gone" ? NOT_FOUND : (failure as Error).message}</p>}
      {status === "completed" && result === undefined && !failure && <p role="status">Loading a large result…</p>}
      {result?.cost_analysis && <Costs analysis={result.cost_analysis} />}
      {answer && <Answer text={answer} />}
      {result?.optimization_recommendations && <Recommendations recommendations={result.optimization_recommendations} />}
      <JobActions job={job} submitted={known} result={result} />
      {session?.isAdmin && status === "failed" && onReplayed && <ReplayButton jobId={jobId!} onReplayed={onReplayed} />}
      {jobId && <Timeline job={job} view={view} />}
      {result !== undefined && <FullResult result={result} />}
    </article>
  );
}

/** The job's row, read at first and after each change of its status. It has fields that no event carries. */
function useJobView(jobId: string | undefined, status: string): JobView | undefined {
  const { longhaul } = useLonghaul();
  const [view, setView] = useState<JobView>();
  useEffect(() => {
    if (!jobId) return;
    let isMounted = true;
    longhaul.get(jobId).then(
      (view) => isMounted && setView(view),
      () => {},
    );
    return () => {
      isMounted = false;
    };
  }, [longhaul, jobId, status]);
  return view;
}

function ElapsedTime({ view }: { view: JobView }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (view.finishedAt) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [view]);
  const seconds = (from: string, to?: string) => {
    const ms = (to ? Date.parse(to) : now) - Date.parse(from);
    return `${(Math.max(0, ms) / 1000).toFixed(to ? 1 : 0)} s`;
  };
  return (
    <>
      {view.startedAt && <span>Queued for {seconds(view.createdAt, view.startedAt)}</span>}
      <span>{view.startedAt ? `${view.finishedAt ? "Ran" : "Running"} for ${seconds(view.startedAt, view.finishedAt)}` : `Queued for ${seconds(view.createdAt, view.finishedAt)}`}</span>
    </>
  );
}

/** Lets an admin replay a failed job. */
function ReplayButton({ jobId, onReplayed }: { jobId: string; onReplayed: () => void }) {
  const { longhaul } = useLonghaul();
  const [outcome, setOutcome] = useState("");
  const replay = () => {
    setOutcome("Replaying…");
    replayJob(longhaul, jobId).then(onReplayed, (error: Error) => setOutcome(error.message));
  };
  return (
    <button className="secondary" onClick={replay} disabled={outcome !== ""} aria-live="polite">
      {outcome || "Replay"}
    </button>
  );
}

/** The result as JSON, whatever its shape. Formatted only when opened, because it may be large. */
function FullResult({ result }: { result: unknown }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Full result (JSON)</summary>
      {isOpen && <pre tabIndex={0}>{truncate(JSON.stringify(result, null, 2))}</pre>}
    </details>
  );
}

function truncate(text: string): string {
  const limit = 100_000;
  return text.length > limit ? `${text.slice(0, limit)}\n\n… ${(text.length - limit).toLocaleString()} more characters. Download the result to see all of it.` : text;
}
