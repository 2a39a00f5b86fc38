/** The filters of a list of jobs: by status, kind and text. They are in the address, so that Back and a link keep them. */
import type { JobView } from "longhaul-client";
import { useSearchParam } from "./router";
import { STATUS_LABELS } from "./statusLabels";

export const JOB_STATUSES = ["queued", "processing", "completed", "failed", "cancelled"] as const;

type Status = JobView["status"];

export interface JobFilters {
  status?: Status;
  kind: string;
  text: string;
  setStatus(status: string): void;
  setKind(kind: string): void;
  setText(text: string): void;
}

/** The filters of the address. A status that is not one of `statuses` stands for all. */
export function useJobFilters(statuses: readonly Status[]): JobFilters {
  const [status, setStatus] = useSearchParam("status");
  const [kind, setKind] = useSearchParam("kind");
  const [text, setText] = useSearchParam("text");
  return { status: statuses.find((known) => known === status), kind, text, setStatus, setKind, setText };
}

/** The jobs that match. Every word of the text has to occur in the question, the kind, the id, the user or the error. */
export function filterJobs(jobs: readonly JobView[], { status, kind, text }: JobFilters): JobView[] {
  const terms = text.toLowerCase().split(/\s+/);
  return jobs.filter((job) => {
    const haystack = `${job.query} ${job.kind} ${job.jobId} ${job.userId} ${job.error?.code ?? ""} ${job.error?.message ?? ""}`.toLowerCase();
    return (!status || job.status === status) && (!kind || job.kind === kind) && terms.every((term) => haystack.includes(term));
  });
}

/** The fields for the filters, as parts of a form. `kinds` are those of the loaded jobs. */
export function JobFilterFields({ filters, statuses, kinds }: { filters: JobFilters; statuses: readonly Status[]; kinds: readonly string[] }) {
  const { status, kind, text, setStatus, setKind, setText } = filters;
  return (
    <>
      <label>
        Status{" "}
        <select value={status ?? ""} onChange={(event) => setStatus(event.target.value)}>
          <option value="">All</option>
          {statuses.map((status) => (
            <option key={status} value={status}>
              {STATUS_LABELS[status]}
            </option>
          ))}
        </select>
      </label>
      <label>
        Kind{" "}
        <select value={kind} onChange={(event) => setKind(event.target.value)}>
          <option value="">All</option>
          {[...new Set([...kinds, ...(kind ? [kind] : [])])].sort().map((kind) => (
            <option key={kind}>{kind}</option>
          ))}
        </select>
      </label>
      <label className="grow">
        Search <input type="search" value={text} onChange={(event) => setText(event.target.value)} placeholder="Question, job id, error" aria-keyshortcuts="/" />
      </label>
    </>
  );
}
