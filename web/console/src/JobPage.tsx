/** One job: how far it is, what it has said, what came of it, and what can be done about it. */
import type { FinopsResult, Job, JobView } from "longhaul-client";
import { useJob, useLonghaul } from "longhaul-client/react";
import { useContext, useEffect, useState } from "react";
import { Answer } from "./Answer";
import { replay } from "./adminApi";
import { Actions, type Asked, Cancel } from "./JobActions";
import { Stale } from "./ConnectionStatus";
import { Costs, Recommendations } from "./Costs";
import { Heading } from "./router";
import { SessionContext } from "./session";
import { Timeline } from "./Timeline";

/** A job by the id in the address. */
export function JobById({ id }: { id: string }) {
  const { longhaul } = useLonghaul();
  const [job, setJob] = useState<{ job: Job<any> }>();
  useEffect(() => setJob({ job: longhaul.follow(id) }), [longhaul, id]);
  return job ? <JobShown job={job.job} again={() => setJob({ job: longhaul.follow(id) })} /> : null;
}

/** A job, and what was asked if the server has not said so yet; `again` follows it anew, once it was replayed. */
export function JobShown({ job, asked, again }: { job: Job<any>; asked?: Asked; again?: () => void }) {
  const state = useJob<Partial<FinopsResult>>(job);
  const { status, progress, message, content, result, failure, jobId } = state;
  const view = useView(jobId, status);
  const session = useContext(SessionContext);
  const isOpen = ["submitting", "queued", "processing", "retrying"].includes(status) && !failure;
  // What streams its answer need not repeat it in its result.
  const answer = (typeof result?.response === "string" && result.response) || content;
  const known = view ?? asked;
  const query = state.query ?? known?.query;
  return (
    <article aria-busy={isOpen}>
      <Heading>{query ?? (failure ? "No question of yours" : "A question")}</Heading>
      <p className="facts">
        <span className={`status ${status}`}>{status}</span>
        {session?.isAdmin && view && <span>{view.userId}</span>}
        {view && <span>{view.kind}</span>}
        {state.attempt > 1 && <span>attempt {state.attempt}</span>}
        {view && <Elapsed view={view} />}
      </p>
      {isOpen && (
        <>
          <Stale
            meanwhile={status === "submitting" ? "The question is sent as soon as there is one." : "This is how it stood; the job goes on, and so will this page."}
          />
          <progress max={100} value={progress} aria-label="Progress" />
          <p role="status">
            {message || (status === "submitting" ? "On its way to the server." : "Working.")} · {progress} %
          </p>
          <Cancel job={job} />
        </>
      )}
      {/* What came of it is told to who can't see it appear. */}
      <p className="heard" role="status">
        {status === "completed" && "The answer is there."}
        {status === "cancelled" && "The job was cancelled."}
      </p>
      {failure !== undefined && <p role="alert">{(failure as Error).message}</p>}
      {status === "completed" && result === undefined && !failure && <p role="status">The result is large, and on its way.</p>}
      {result?.cost_analysis && <Costs of={result.cost_analysis} />}
      {answer && <Answer text={answer} />}
      {result?.optimization_recommendations && <Recommendations of={result.optimization_recommendations} />}
      <Actions job={job} asked={known} result={result} />
      {session?.isAdmin && status === "failed" && again && <Replay jobId={jobId!} again={again} />}
      {jobId && <Timeline job={job} view={view} />}
      {result !== undefined && <Whole result={result} />}
    </article>
  );
}

/** The job's row, read when it is opened and again when its status changes, for what no event has. */
function useView(jobId: string | undefined, status: string): JobView | undefined {
  const { longhaul } = useLonghaul();
  const [view, setView] = useState<JobView>();
  useEffect(() => {
    if (!jobId) return;
    let isShown = true;
    longhaul.get(jobId).then(
      (view) => isShown && setView(view),
      () => {},
    );
    return () => {
      isShown = false;
    };
  }, [longhaul, jobId, status]);
  return view;
}

function Elapsed({ view }: { view: JobView }) {
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
      {view.startedAt && <span>queued {seconds(view.createdAt, view.startedAt)}</span>}
      <span>{view.startedAt ? `${view.finishedAt ? "ran" : "runs"} ${seconds(view.startedAt, view.finishedAt)}` : `waits ${seconds(view.createdAt, view.finishedAt)}`}</span>
    </>
  );
}

/** An admin lets a failed job run again. */
function Replay({ jobId, again }: { jobId: string; again: () => void }) {
  const { longhaul } = useLonghaul();
  const [said, setSaid] = useState("");
  const run = () => {
    setSaid("Replaying");
    replay(longhaul, jobId).then(again, (error: Error) => setSaid(error.message));
  };
  return (
    <button className="quiet" onClick={run} disabled={said !== ""} aria-live="polite">
      {said || "Replay"}
    </button>
  );
}

/** A result of any shape, spelled only when somebody looks: it may be large. */
function Whole({ result }: { result: unknown }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The whole result</summary>
      {isOpen && <pre tabIndex={0}>{beginning(JSON.stringify(result, null, 2))}</pre>}
    </details>
  );
}

function beginning(text: string): string {
  const most = 100_000;
  return text.length > most ? `${text.slice(0, most)}\n\n... and ${(text.length - most).toLocaleString()} characters more: download it.` : text;
}
