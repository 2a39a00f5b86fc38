/** The buttons of a job page: cancel, ask again, copy the link, download the result. */
import type { Job } from "longhaul-client";
import { useState } from "react";
import { navigate } from "./router";

/** A query as it was submitted. */
export interface SubmittedQuery {
  query: string;
  kind: string;
  params?: Record<string, unknown> | null;
}

interface Props {
  job: Job<any>;
  /** What "Ask again" submits; missing until it is known. */
  submitted?: SubmittedQuery;
  result: unknown;
}

export function JobActions({ job, submitted, result }: Props) {
  return (
    <div className="row">
      {submitted && (
        <button className="secondary" onClick={() => askAgain(submitted)}>
          Ask again
        </button>
      )}
      {job.id && <CopyLinkButton />}
      {result !== undefined && <DownloadButton name={`${job.id}.json`} content={result} />}
    </div>
  );
}

function askAgain({ query, kind, params }: SubmittedQuery) {
  const prefill = new URLSearchParams({ q: query, kind });
  if (params) prefill.set("params", JSON.stringify(params));
  navigate(`/?${prefill}`);
}

/** Placed above the answer, so that the growing answer does not move it. */
export function CancelButton({ job }: { job: Job<any> }) {
  const [outcome, setOutcome] = useState("");
  const cancel = () => {
    setOutcome("Cancelling…");
    job.cancel().catch((error: Error) => setOutcome(error.message));
  };
  return (
    <button onClick={cancel} disabled={outcome !== ""}>
      {outcome || "Cancel"}
    </button>
  );
}

/** The link opens the job for the same user only. */
function CopyLinkButton() {
  const [outcome, setOutcome] = useState("");
  const copy = () => {
    // Browsers provide the clipboard only to secure contexts: HTTPS or localhost.
    const copied = navigator.clipboard?.writeText(location.href) ?? Promise.reject();
    copied.then(
      () => setOutcome("Link copied"),
      () => setOutcome("Copy the link from the address bar"),
    );
  };
  return (
    <button className="secondary" onClick={copy} aria-live="polite">
      {outcome || "Copy link"}
    </button>
  );
}

function DownloadButton({ name, content }: { name: string; content: unknown }) {
  const download = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 2)], { type: "application/json" }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <button className="secondary" onClick={download}>
      Download result
    </button>
  );
}
