/** What can be done about a job: cancel it, ask again, share it, keep its result. It shows nothing of it. */
import type { Job } from "longhaul-client";
import { useState } from "react";
import { go } from "./router";

/** A question as it was asked. */
export interface Asked {
  query: string;
  kind: string;
  params?: Record<string, unknown>;
}

interface Props {
  job: Job<any>;
  /** What to ask again. */
  asked?: Asked;
  result: unknown;
}

export function Actions({ job, asked, result }: Props) {
  return (
    <div className="row">
      {asked && (
        <button className="quiet" onClick={() => askAgain(asked)}>
          Ask again
        </button>
      )}
      {job.id && <CopyLink />}
      {result !== undefined && <Download name={`${job.id}.json`} content={result} />}
    </div>
  );
}

function askAgain({ query, kind, params }: Asked) {
  const address = new URLSearchParams({ q: query, kind });
  if (params) address.set("params", JSON.stringify(params));
  go(`/?${address}`);
}

/** It has its place above the answer, which would push it away from under a pointer as it grows. */
export function Cancel({ job }: { job: Job<any> }) {
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

/** Whoever opens the link sees the job if they are signed in as the same user. */
function CopyLink() {
  const [said, setSaid] = useState("");
  const copy = () => {
    // Browsers have no clipboard for pages without TLS, but for those of this machine.
    const copied = navigator.clipboard?.writeText(location.href) ?? Promise.reject();
    copied.then(
      () => setSaid("Link copied"),
      () => setSaid("Copy it from the address bar"),
    );
  };
  return (
    <button className="quiet" onClick={copy} aria-live="polite">
      {said || "Copy link"}
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
      Download result
    </button>
  );
}
