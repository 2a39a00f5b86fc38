/** What failed for good, what is to be done about each, and doing it. */
import { useLonghaul } from "longhaul-client/react";
import { useState } from "react";
import { type DeadLetter, deadLetters, replay } from "./adminApi";
import { Link } from "./router";
import { useLook } from "./usePagedQuery";

/** As plans of `longhaul dlq` have it, in words: what would be done, and what was. */
const DO = {
  replay: ["runs it again", "runs again"],
  send: ["queues it again", "is queued again"],
  delete: ["removes the letter: the run is over", "was over already; its letter is gone"],
  leave: ["nothing: it is left for you", "is left as it is"],
} as const;

export function DeadLetters() {
  const { longhaul } = useLonghaul();
  const { items, said, more, look } = useLook(deadLetters);
  const [done, setDone] = useState("");
  const [isBusy, setBusy] = useState(false);
  const apply = async (letters: readonly DeadLetter[]) => {
    setBusy(true);
    const told: string[] = [];
    try {
      // One after the other: each looks at the queue, which hides what it looks at from the next.
      for (const jobId of new Set(letters.map((letter) => letter.jobId))) {
        told.push(`${jobId} ${DO[await replay(longhaul, jobId)][1]}.`);
        setDone(told.join(" "));
      }
    } catch (error) {
      setDone([...told, (error as Error).message].join(" "));
    }
    setBusy(false);
    look();
  };
  const count = (what: DeadLetter["do"]) => items.filter((letter) => letter.do === what).length;
  return (
    <>
      <div className="row">
        <button disabled={isBusy || items.every((letter) => letter.do === "leave")} onClick={() => void apply(items.filter((letter) => letter.do !== "leave"))}>
          Apply the whole plan
        </button>
        <button className="quiet" onClick={look}>
          Look again
        </button>
      </div>
      <p role="status">{said || `${items.length} runs: ${count("replay")} to replay, ${count("send")} to queue again, ${count("delete")} over, ${count("leave")} left for you${more ? "; there is more on the queue" : ""}`}</p>
      <p role="status">{done}</p>
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
            <p>Applying the plan: {DO[letter.do][0]}.</p>
            {letter.do !== "leave" && (
              <button className="quiet" disabled={isBusy} aria-label={`Apply to ${letter.jobId}`} onClick={() => void apply([letter])}>
                Apply
              </button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
