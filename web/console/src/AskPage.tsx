/** The form that submits a query, and the user's jobs that were resumed after a reload. */
import type { Job } from "longhaul-client";
import { useJob, useLonghaul } from "longhaul-client/react";
import { type FormEvent, type KeyboardEvent, Suspense, useContext, useEffect, useState } from "react";
import { loadDraft, saveDraft } from "./draft";
import { preloadAnswer } from "./lazyAnswer";
import { JobDetails } from "./lazyPages";
import { Link, navigate, PageHeading } from "./router";
import { SessionContext } from "./session";
import { STATUS_LABELS } from "./statusLabels";

const EXAMPLES = ["What was my S3 spend in May?", "Top 5 services last month", "Spend by day, last 30 days", "Spend by region, year to date"];

export function AskPage() {
  const { longhaul } = useLonghaul();
  const user = useContext(SessionContext)?.user ?? "";
  const prefill = new URLSearchParams(location.search);
  const [text, setText] = useState(prefill.get("q") ?? loadDraft(user));
  const [kind, setKind] = useState(prefill.get("kind") ?? "finops");
  const [params, setParams] = useState(prefill.get("params") ?? "");
  const [error, setError] = useState("");
  const [submitted, setSubmitted] = useState<{ job: Job<any>; params?: Record<string, unknown> }>();
  const { jobId } = useJob(submitted?.job);
  useEffect(() => saveDraft(user, text), [user, text]);
  useEffect(() => {
    // Once the job has an id, it gets its own address, which survives a reload.
    if (jobId) navigate(`/jobs/${jobId}`);
  }, [jobId]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const parsed = parseParams(params);
    if (typeof parsed === "string") return setError(parsed);
    saveDraft(user, "");
    preloadAnswer(kind.trim());
    setSubmitted({ job: longhaul.query(kind.trim(), text, { params: parsed }), params: parsed });
  };
  const submitByKey = (event: KeyboardEvent<HTMLFormElement>) => {
    if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    event.currentTarget.requestSubmit();
  };
  if (submitted) {
    return (
      <Suspense fallback={null}>
        <JobDetails job={submitted.job} submitted={{ query: text, kind, params: submitted.params }} />
      </Suspense>
    );
  }
  return (
    <>
      <PageHeading>Ask a question</PageHeading>
      <form className="panel" onSubmit={submit} onKeyDown={submitByKey} onChange={() => setError("")}>
        <label>
          Question
          <textarea value={text} onChange={(event) => setText(event.target.value)} rows={3} required autoFocus />
        </label>
        <div className="row">
          <label>
            Kind <input value={kind} onChange={(event) => setKind(event.target.value)} list="kinds" required size={10} />
          </label>
          <datalist id="kinds">
            <option value="finops" />
            <option value="noop" />
          </datalist>
          <button aria-keyshortcuts="Control+Enter Meta+Enter">Ask</button>
        </div>
        <details open={prefill.has("params")}>
          <summary>Parameters (JSON)</summary>
          <textarea
            aria-label="Parameters (JSON)"
            value={params}
            onChange={(event) => setParams(event.target.value)}
            rows={2}
            spellCheck={false}
            placeholder='{"steps": 4}'
          />
        </details>
        {error && <p role="alert">{error}</p>}
      </form>
      <h2>Try one of these</h2>
      <ul className="examples">
        {EXAMPLES.map((example) => (
          <li key={example}>
            <button className="secondary chip" onClick={() => setText(example)}>
              {example}
            </button>
          </li>
        ))}
      </ul>
      <ResumedJobs />
    </>
  );
}

/** The parsed parameters, `undefined` if the text is empty, or an error message. */
function parseParams(text: string): Record<string, unknown> | undefined | string {
  if (!text.trim()) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed && typeof parsed === "object" && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  } catch {
    // Invalid JSON gets the same message.
  }
  return 'Parameters must be a JSON object, for example {"steps": 4}.';
}

/** Open jobs that the previous page, or another tab, has submitted. */
function ResumedJobs() {
  const { longhaul } = useLonghaul();
  const [jobs, setJobs] = useState<Job<any>[]>([]);
  useEffect(() => {
    let isMounted = true;
    void longhaul.resumed.then((jobs) => isMounted && setJobs(jobs));
    return () => {
      isMounted = false;
    };
  }, [longhaul]);
  if (!jobs.length) return null;
  return (
    <section aria-label="Jobs in progress">
      <h2>Jobs in progress</h2>
      <ul className="jobs">
        {jobs.map((job, index) => (
          <ResumedJob key={index} job={job} />
        ))}
      </ul>
    </section>
  );
}

function ResumedJob({ job }: { job: Job<any> }) {
  const { jobId, query, status, progress } = useJob(job);
  if (!jobId) return null;
  return (
    <li>
      <Link to={`/jobs/${jobId}`}>{query ?? jobId}</Link>
      <p className="facts">
        <span className={`status ${status}`}>{STATUS_LABELS[status]}</span>
        <span>{progress}%</span>
      </p>
    </li>
  );
}
