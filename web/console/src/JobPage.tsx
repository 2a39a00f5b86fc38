/** One job: how far it is, what it has said, what came of it, and what can be done about it. */
import type { FinopsResult, Job, JobView } from "longhaul-client";
import { useJob, useLonghaul } from "longhaul-client/react";
import { useEffect, useState } from "react";
import { Markdown } from "./Markdown";
import { go } from "./route";

/** A job by the id in the address. */
export function JobById({ id }: { id: string }) {
  const { longhaul } = useLonghaul();
  const [job, setJob] = useState<{ job: Job<any> }>();
  useEffect(() => setJob({ job: longhaul.follow(id) }), [longhaul, id]);
  return job ? <JobShown job={job.job} /> : null;
}

export function JobShown({ job }: { job: Job<any> }) {
  const state = useJob<Partial<FinopsResult>>(job);
  const { status, progress, message, content, result, failure, jobId } = state;
  const view = useView(jobId, status);
  const isOpen = ["submitting", "queued", "processing", "retrying"].includes(status) && !failure;
  const answer = typeof result?.response === "string" ? result.response : content;
  const query = state.query ?? view?.query;
  return (
    <article>
      <h1>{query ?? "A question"}</h1>
      <p className="facts">
        <span className={`status ${status}`}>{status}</span>
        {view && <span>{view.kind}</span>}
        {state.attempt > 1 && <span>attempt {state.attempt}</span>}
        {view && <Elapsed view={view} />}
      </p>
      {isOpen && (
        <>
          <progress max={100} value={progress} aria-label="Progress" />
          <p role="status">
            {message || (status === "submitting" ? "On its way to the server." : "Working.")} · {progress} %
          </p>
        </>
      )}
      {failure !== undefined && <p role="alert">{(failure as Error).message}</p>}
      {answer && <Markdown text={answer} />}
      <Advice of={result?.optimization_recommendations} />
      {result !== undefined && (
        <details>
          <summary>The whole result</summary>
          <pre>{JSON.stringify(result, null, 2)}</pre>
        </details>
      )}
      <div className="row">
        {isOpen && <Cancel job={job} />}
        {query && view && (
          <button className="quiet" onClick={() => go(`/?${new URLSearchParams({ q: query, kind: view.kind })}`)}>
            Ask again
          </button>
        )}
        {jobId && <CopyLink />}
        {result !== undefined && <Download name={`${jobId}.json`} content={result} />}
      </div>
    </article>
  );
}

/** The job's row, read when it is opened and again at its end, for the times that no event has. */
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
      <span>{view.startedAt ? `ran ${seconds(view.startedAt, view.finishedAt)}` : `waits ${seconds(view.createdAt, view.finishedAt)}`}</span>
    </>
  );
}

function Advice({ of }: { of?: FinopsResult["optimization_recommendations"] }) {
  if (!of?.length) return null;
  return (
    <section aria-label="Recommendations" className="cards">
      {of.map(({ title, detail }, at) => (
        <div key={at} className="card">
          <h2>{title}</h2>
          <p>{detail}</p>
        </div>
      ))}
    </section>
  );
}

function Cancel({ job }: { job: Job<any> }) {
  const [said, setSaid] = useState("");
  const cancel = () => {
    setSaid("Cancelling");
    job.cancel().catch((error: Error) => setSaid(error.message));
  };
  return (
    <button onClick={cancel} disabled={said !== ""}>
      {said || "Cancel"}
    </button>
  );
}

function CopyLink() {
  const [isCopied, setCopied] = useState(false);
  return (
    <button className="quiet" onClick={() => void navigator.clipboard.writeText(location.href).then(() => setCopied(true))}>
      {isCopied ? "Link copied" : "Copy link"}
    </button>
  );
}

function Download({ name, content }: { name: string; content: unknown }) {
  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 2)], { type: "application/json" }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <button className="quiet" onClick={save}>
      Download
    </button>
  );
}
