/** The admins' view of the dead-letter queue: failed runs, what a replay would do with each, and replaying them. */
import { useLonghaul } from "longhaul-client/react";
import { useState } from "react";
import { type DeadLetter, listDeadLetters, replayJob } from "./adminApi";
import { Link } from "./router";
import { usePagedQuery } from "./usePagedQuery";

/** The text for each action of a `longhaul dlq` plan: what a replay will do, and what it did. */
const ACTION_TEXTS = {
  replay: ["runs it again", "runs again"],
  send: ["queues it again", "is queued again"],
  delete: ["removes the letter: the run is over", "was over already; its letter is gone"],
  leave: ["nothing: it is left for you", "is left as it is"],
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
        outcomes.push(`${jobId} ${ACTION_TEXTS[await replayJob(longhaul, jobId)][1]}.`);
        setOutcome(outcomes.join(" "));
      }
    } catch (error) {
      setOutcome([...outcomes, (error as Error).message].join(" "));
    }
    setBusy(false);
    refresh();
  };
  const count = (action: DeadLetter["do"]) => items.filter((letter) => letter.do === action).length;
  const replayable = items.filter((letter) => letter.do !== "leave");
  return (
    <>
      <div className="row">
        <button disabled={isBusy || !replayable.length} onClick={() => void replay(replayable)}>
          Apply the whole plan
        </button>
        <button className="secondary" onClick={refresh}>
          Look again
        </button>
      </div>
      <p role="status">{notice || `${items.length} runs: ${count("replay")} to replay, ${count("send")} to queue again, ${count("delete")} over, ${count("leave")} left for you${isTruncated ? "; there is more on the queue" : ""}`}</p>
      <p role="status">{outcome}</p>
      <ul className="jobs">
        {items.map((letter) => (
          <li key={`${letter.jobId} ${letter.run}`}>
            <Link to={`/jobs/${letter.jobId}`}>{letter.error ?? letter.jobId}</Link>
            <p className="facts">
              <span className="status failed">{letter.code ?? "never claimed"}</span>
              <span>{letter.userId}</span>
              <span>{letter.kind}</span>
              {letter.attempts !== null && <span>{letter.attempts} attempts</span>}
              {letter.run !== null && letter.run > 0 && <span>run {letter.run}</span>}
              <time dateTime={letter.since}>{new Date(letter.since).toLocaleString()}</time>
              <span>the job is {letter.status ?? "gone"}</span>
            </p>
            <p>Applying the plan: {ACTION_TEXTS[letter.do][0]}.</p>
            {letter.do !== "leave" && (
              <button className="secondary" disabled={isBusy} aria-label={`Apply to ${letter.jobId}`} onClick={() => void replay([letter])}>
                Apply
              </button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
