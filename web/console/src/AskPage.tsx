/** The question box. What becomes of a question is the job's page. */
import type { Job } from "longhaul-client";
import { useJob, useLonghaul } from "longhaul-client/react";
import { type FormEvent, useEffect, useState } from "react";
import { JobShown } from "./JobPage";
import { go, Heading, Link } from "./router";

const EXAMPLES = ["What was my S3 spend in May?", "Top 5 services last month", "Spend by day, last 30 days", "Spend by region, year to date"];
/** What is typed outlives a reload, in this tab. */
const DRAFT = "longhaul-console-draft";

export function Ask() {
  const { longhaul } = useLonghaul();
  const asked = new URLSearchParams(location.search);
  const [text, setText] = useState(asked.get("q") ?? sessionStorage.getItem(DRAFT) ?? "");
  const [kind, setKind] = useState(asked.get("kind") ?? "finops");
  const [params, setParams] = useState(asked.get("params") ?? "");
  const [refusal, setRefusal] = useState("");
  const [job, setJob] = useState<{ job: Job<any>; params?: Record<string, unknown> }>();
  const { jobId } = useJob(job?.job);
  useEffect(() => sessionStorage.setItem(DRAFT, text), [text]);
  useEffect(() => {
    // From its first event on the job has an address of its own, which survives a reload.
    if (jobId) go(`/jobs/${jobId}`);
  }, [jobId]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const read = parameters(params);
    if (typeof read === "string") return setRefusal(read);
    sessionStorage.removeItem(DRAFT);
    setJob({ job: longhaul.query(kind.trim(), text, { params: read }), params: read });
  };
  if (job) return <JobShown job={job.job} asked={{ query: text, kind, params: job.params }} />;
  return (
    <>
      <Heading>Ask</Heading>
      <form onSubmit={submit}>
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
          <button>Ask</button>
        </div>
        <details open={asked.has("params")}>
          <summary>Parameters of the kind</summary>
          <label>
            A JSON object
            <textarea value={params} onChange={(event) => setParams(event.target.value)} rows={2} spellCheck={false} placeholder='{"steps": 4}' />
          </label>
        </details>
        <p role="alert">{refusal}</p>
      </form>
      <h2>Such as</h2>
      <ul className="examples">
        {EXAMPLES.map((example) => (
          <li key={example}>
            <button className="quiet" onClick={() => setText(example)}>
              {example}
            </button>
          </li>
        ))}
      </ul>
      <Resumed />
    </>
  );
}

/** The parameters, `undefined` if none are given, or a sentence that says what is wrong with them. */
function parameters(text: string): Record<string, unknown> | undefined | string {
  if (!text.trim()) return undefined;
  try {
    const read: unknown = JSON.parse(text);
    if (read && typeof read === "object" && !Array.isArray(read)) return read as Record<string, unknown>;
  } catch {
    // It says the same.
  }
  return "The parameters are not a JSON object.";
}

/** What the page before, or another tab, has asked and not seen end. */
function Resumed() {
  const { longhaul } = useLonghaul();
  const [jobs, setJobs] = useState<Job<any>[]>([]);
  useEffect(() => {
    let isShown = true;
    void longhaul.resumed.then((jobs) => isShown && setJobs(jobs));
    return () => {
      isShown = false;
    };
  }, [longhaul]);
  if (!jobs.length) return null;
  return (
    <section aria-label="Your open questions">
      <h2>Your open questions</h2>
      <ul className="jobs">
        {jobs.map((job, at) => (
          <ResumedJob key={at} job={job} />
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
        <span className={`status ${status}`}>{status}</span>
        <span>{progress} %</span>
      </p>
    </li>
  );
}
