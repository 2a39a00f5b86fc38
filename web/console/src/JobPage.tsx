/** The page of a job: status and progress, the answer, charts, actions and the timeline. */
import type { FinopsResult, Job, JobView } from "longhaul-client";
import { useJob, useLonghaul } from "longhaul-client/react";
import { useContext, useEffect, useState } from "react";
import { Answer } from "./Answer";
import { AttemptNotice } from "./AttemptNotice";
import { StaleNotice } from "./ConnectionStatus";
import { Costs, Recommendations, withoutRecommendations } from "./Costs";
import { CancelButton, JobActions, ReplayButton } from "./JobActions";
import { JobFacts } from "./JobFacts";
import { JsonViewer } from "./JsonViewer";
import { preloadAnswer } from "./lazyAnswer";
import { PageHeading } from "./router";
import { ApiUrlContext, SessionContext } from "./session";
import { Snippets } from "./Snippets";
import type { Query } from "./querySnippets";
import { Timeline } from "./Timeline";

const NOT_FOUND = "This job does not exist, is past its retention period, or belongs to another user.";
/** A longer question is shown below the heading, which has its beginning. */
const HEADING_CHARACTERS = 140;
/** A row has only this much of a longer question, in bytes of UTF-8. */
const ROW_QUERY_BYTES = 512;

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
export function JobDetails({ job, submitted, onReplayed }: { job: Job<any>; submitted?: Query; onReplayed?: () => void }) {
  const state = useJob<Partial<FinopsResult>>(job);
  const { status, progress, message, content, result, failure, jobId } = state;
  const view = useJobView(jobId, status);
  const session = useContext(SessionContext);
  const url = useContext(ApiUrlContext);
  useEffect(() => view && preloadAnswer(view.kind), [view?.kind]);
  const isOpen = ["submitting", "queued", "processing", "retrying"].includes(status) && !failure;
  const recommendations = result?.optimization_recommendations ?? [];
  // A job that streams its answer may omit it from its result.
  const answer = withoutRecommendations((typeof result?.response === "string" && result.response) || content, recommendations);
  const query = state.query ?? submitted?.query ?? view?.query;
  const known = knownQuery(state.query, view) ?? submitted;
  return (
    <article aria-busy={isOpen}>
      <Question text={query ?? (status === "gone" ? "Job not found" : "Job")} />
      <JobFacts state={state} view={view} isAdmin={session?.isAdmin ?? false} />
      {isOpen && (
        <>
          <StaleNotice
            hint={status === "submitting" ? "Your question will be sent when the connection is back." : "The job keeps running; this page will update when the connection is back."}
          />
          <progress max={100} value={progress} aria-label="Progress" />
          <div className="row">
            <p role="status">
              {message || (status === "submitting" ? "Sending to the server…" : "Working…")} · {progress}%
            </p>
            <CancelButton job={job} />
          </div>
          <AttemptNotice job={job} />
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
      <Recommendations recommendations={recommendations} />
      <JobActions job={job} submitted={known} result={result}>
        {session?.isAdmin && status === "failed" && onReplayed && <ReplayButton jobId={jobId!} onReplayed={onReplayed} />}
      </JobActions>
      {jobId && <Timeline job={job} view={view} />}
      {view?.params && Object.keys(view.params).length > 0 && <JsonViewer title="Parameters (JSON)" value={view.params} />}
      {result !== undefined && <JsonViewer title="Full result (JSON)" value={result} />}
      {known && <Snippets query={known} url={url} />}
    </article>
  );
}

/** The question as the page's heading, or its beginning and the whole of it below. */
function Question({ text }: { text: string }) {
  const isLong = text.length > HEADING_CHARACTERS;
  return (
    <>
      <PageHeading>{isLong ? `${text.slice(0, HEADING_CHARACTERS).trimEnd()}…` : text}</PageHeading>
      {isLong && (
        <details className="question">
          <summary>The whole question ({text.length.toLocaleString()} characters)</summary>
          <pre tabIndex={0}>{text}</pre>
        </details>
      )}
    </>
  );
}

/** The query as it was submitted; `undefined` while only the beginning of its text is known. */
function knownQuery(text: string | undefined, view: JobView | undefined): Query | undefined {
  if (!view) return undefined;
  const isCut = text === undefined && new TextEncoder().encode(view.query).length >= ROW_QUERY_BYTES - 3;
  return isCut ? undefined : { query: text ?? view.query, kind: view.kind, params: view.params };
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
