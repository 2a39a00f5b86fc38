/** The admins' view of the dead-letter queue: failed runs, what a replay would do with each, and replaying them. */
import type { Status } from "longhaul-client";
import { useLonghaul } from "longhaul-client/react";
import { useState } from "react";
import { type DeadLetter, listDeadLetters, replayJob } from "./adminApi";
import { Link } from "./router";
import { STATUS_LABELS } from "./statusLabels";
import { usePagedQuery } from "./usePagedQuery";

/** For each action of a `longhaul dlq` plan: the label of its button, what it does, and what it did to a job. */
const ACTION_TEXTS = {
  replay: { label: "Replay", plan: "Replaying runs the job again.", outcome: "was replayed" },
  send: { label: "Requeue", plan: "Requeuing sends the job to the queue again.", outcome: "was queued again" },
  delete: { label: "Delete", plan: "The job has already ended. Deleting removes its dead letter.", outcome: "had already ended; its dead letter was deleted" },
  leave: { label: "", plan: "Needs manual review.", outcome: "was left as it is" },
} as const;

export function DeadLetters() {
  const { longhaul } = useLonghaul();
  const { items, notice, isTruncated, refresh } = usePagedQuery(listDeadLetters);
  const [outcome, setOutcome] = useState("");
  const [isBusy, setBusy] = useState(false);
  const replay = async (letters: readonly DeadLetter[]) => {
    setBusy(true);
    const outcomes: string[] = [];
    try {
      // Sequential: each replay receives messages of the queue, which hides them from the next one.
      for (const jobId of new Set(letters.map((letter) => letter.jobId))) {
        outcomes.push(`${jobId} ${ACTION_TEXTS[await replayJob(longhaul, jobId)].outcome}.`);
        setOutcome(outcomes.join(" "));
      }
    } catch (error) {
      setOutcome([...outcomes, (error as Error).message].join(" "));
    }
    setBusy(false);
    refresh();
  };
  const replayable = items.filter((letter) => letter.do !== "leave");
  return (
    <>
      <div className="row">
        <button disabled={isBusy || !replayable.length} onClick={() => void replay(replayable)}>
          Replay all ({replayable.length})
        </button>
        <button className="secondary" onClick={refresh}>
          Refresh
        </button>
      </div>
      <p role="status">{notice || summary(items, isTruncated)}</p>
      <p role="status">{outcome}</p>
      <ul className="jobs">
        {items.map((letter) => (
          <li key={`${letter.jobId} ${letter.run}`}>
            <Link to={`/jobs/${letter.jobId}`}>{letter.error ?? letter.jobId}</Link>
            <p className="facts">
              <span className="status failed">{letter.code ?? "Never started"}</span>
              <span>{letter.userId}</span>
              <span>{letter.kind}</span>
              {letter.attempts !== null && <span>{letter.attempts} attempt{letter.attempts === 1 ? "" : "s"}</span>}
              {letter.run !== null && letter.run > 0 && <span>Run {letter.run}</span>}
              <time dateTime={letter.since}>{new Date(letter.since).toLocaleString()}</time>
              <span>Job status: {STATUS_LABELS[(letter.status ?? "gone") as Status] ?? letter.status}</span>
            </p>
            <p>{ACTION_TEXTS[letter.do].plan}</p>
            {letter.do !== "leave" && (
              <button className="secondary" disabled={isBusy} aria-label={`${ACTION_TEXTS[letter.do].label} ${letter.jobId}`} onClick={() => void replay([letter])}>
                {ACTION_TEXTS[letter.do].label}
              </button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function summary(letters: readonly DeadLetter[], isTruncated: boolean): string {
  if (!letters.length && !isTruncated) return "The dead-letter queue is empty.";
  const count = (action: DeadLetter["do"], text: string) => {
    const number = letters.filter((letter) => letter.do === action).length;
    return number ? [`${number} ${text}`] : [];
  };
  const actions = [...count("replay", "to replay"), ...count("send", "to requeue"), ...count("delete", "to delete"), ...count("leave", "for manual review")];
  return `${letters.length} failed run${letters.length === 1 ? "" : "s"}: ${actions.join(", ")}.${isTruncated ? " There are more in the queue." : ""}`;
}
