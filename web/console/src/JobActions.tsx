/** The buttons of a job page: run again, change and ask, copy the link, download the result, cancel, replay. */
import type { Job } from "longhaul-client";
import { useLonghaul } from "longhaul-client/react";
import { type ReactNode, useEffect, useState } from "react";
import { replayJob } from "./adminApi";
import { CopyButton } from "./CopyButton";
import { navigate } from "./router";
import type { Query } from "./querySnippets";
import { showError, showToast } from "./toasts";

interface Props {
  job: Job<any>;
  /** What is submitted again; missing until it is known. */
  submitted?: Query;
  result: unknown;
  /** More buttons. */
  children?: ReactNode;
}

export function JobActions({ job, submitted, result, children }: Props) {
  return (
    <div className="row">
      {submitted && job.id && <RunAgainButton query={submitted} />}
      {submitted && (
        <button className="secondary" onClick={() => askAgain(submitted)}>
          Ask again
        </button>
      )}
      {/* The link opens the job for the same user only. */}
      {job.id && <CopyButton label="Copy link" text={() => location.href} what="Link" />}
      {result !== undefined && <DownloadButton name={`${job.id}.json`} content={result} />}
      {children}
    </div>
  );
}

/** Submits the same query as a new job of the signed-in user, and opens it. */
function RunAgainButton({ query: { query, kind, params } }: { query: Query }) {
  const { longhaul } = useLonghaul();
  const [job, setJob] = useState<Job<any>>();
  useEffect(() => {
    if (!job) return;
    const open = () => {
      if (job.id) navigate(`/jobs/${job.id}`);
      else if (job.failure) {
        showError(job.failure);
        setJob(undefined);
      }
    };
    open();
    return job.onChange(open);
  }, [job]);
  return (
    <button className="secondary" disabled={job !== undefined} onClick={() => setJob(longhaul.query(kind, query, { params: params ?? undefined }))}>
      {job ? "Submitting…" : "Run again"}
    </button>
  );
}

/** Opens the form with the same query, to change it. */
function askAgain({ query, kind, params }: Query) {
  const prefill = new URLSearchParams({ q: query, kind });
  if (params) prefill.set("params", JSON.stringify(params));
  navigate(`/?${prefill}`);
}

/** Placed above the answer, so that the growing answer does not move it. */
export function CancelButton({ job }: { job: Job<any> }) {
  const [isCancelling, setCancelling] = useState(false);
  const cancel = () => {
    setCancelling(true);
    job.cancel().catch((error: Error) => {
      showError(error);
      setCancelling(false);
    });
  };
  return (
    <button onClick={cancel} disabled={isCancelling}>
      {isCancelling ? "Cancelling…" : "Cancel"}
    </button>
  );
}

/** Lets an admin replay a failed job. */
export function ReplayButton({ jobId, onReplayed }: { jobId: string; onReplayed: () => void }) {
  const { longhaul } = useLonghaul();
  const [isReplaying, setReplaying] = useState(false);
  const replay = async () => {
    setReplaying(true);
    try {
      await replayJob(longhaul, jobId);
      showToast("The job was replayed.");
      onReplayed();
    } catch (error) {
      showError(error as Error);
      setReplaying(false);
    }
  };
  return (
    <button className="secondary" onClick={() => void replay()} disabled={isReplaying}>
      {isReplaying ? "Replaying…" : "Replay"}
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
