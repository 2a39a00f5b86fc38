/** The question box. What becomes of a question is the job's page. */
import type { Job } from "longhaul-client";
import { useJob, useLonghaul } from "longhaul-client/react";
import { useEffect, useState } from "react";
import { JobShown } from "./JobPage";
import { go } from "./route";

const EXAMPLES = ["What was my S3 spend in May?", "Top 5 services last month", "Spend by region, year to date"];

export function Ask() {
  const { longhaul } = useLonghaul();
  const asked = new URLSearchParams(location.search);
  const [text, setText] = useState(asked.get("q") ?? "");
  const [kind, setKind] = useState(asked.get("kind") ?? "finops");
  const [job, setJob] = useState<{ job: Job<any> }>();
  const { jobId } = useJob(job?.job);
  useEffect(() => {
    // From its first event on the job has an address of its own, which survives a reload.
    if (jobId) go(`/jobs/${jobId}`);
  }, [jobId]);
  if (job) return <JobShown job={job.job} />;
  return (
    <>
      <h1>Ask</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setJob({ job: longhaul.query(kind, text) });
        }}
      >
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
      </form>
      <ul className="examples">
        {EXAMPLES.map((example) => (
          <li key={example}>
            <button className="quiet" onClick={() => setText(example)}>
              {example}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
