/** The admins' view of the dead-letter queue: failed runs, what a replay would do with each, and replaying them. */
import type { Status } from "longhaul-client";
import { useLonghaul } from "longhaul-client/react";
import { useEffect, useRef, useState } from "react";
import { type DeadLetter, listDeadLetters, replayJob } from "./adminApi";
import { confirm } from "./confirm";
import { EmptyState } from "./EmptyState";
import { Link } from "./router";
import { TimeAgo } from "./serverTime";
import { STATUS_LABELS } from "./statusLabels";
import { showError, showToast } from "./toasts";
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
  const questions = useQuestions(items);
  const [isBusy, setBusy] = useState(false);
  const replay = async (letters: readonly DeadLetter[]) => {
    setBusy(true);
    try {
      // Sequential: each replay receives messages of the queue, which hides them from the next one.
      for (const jobId of new Set(letters.map((letter) => letter.jobId))) {
        showToast(`${jobId} ${ACTION_TEXTS[await replayJob(longhaul, jobId)].outcome}.`);
      }
    } catch (error) {
      showError(error as Error);
    }
    setBusy(false);
    refresh();
  };
  const replayable = items.filter((letter) => letter.do !== "leave");
  const replayAll = async () => {
    const title = replayable.length === 1 ? "Replay the failed run?" : `Replay all ${replayable.length} failed runs?`;
    if (await confirm({ title, detail: effectsOf(replayable), action: `Replay all (${replayable.length})` })) await replay(replayable);
  };
  return (
    <>
      <div className="row">
        <button disabled={isBusy || !replayable.length} onClick={() => void replayAll()}>
          Replay all ({replayable.length})
        </button>
        <button className="secondary" onClick={refresh}>
          Refresh
        </button>
      </div>
      {!items.length && !notice && !isTruncated ? (
        <EmptyState title="The dead-letter queue is empty" command="longhaul dlq list">
          <p>A job that used up its attempts, or that crashed its workers, appears here. The command line lists it too:</p>
        </EmptyState>
      ) : (
        <p role="status" className="summary">
          {notice || summary(items, isTruncated)}
        </p>
      )}
      <ul className="letters">
        {items.map((letter) => (
          <li key={`${letter.jobId} ${letter.run}`} className="card" data-row>
            <LetterRow letter={letter} question={questions.get(letter.jobId)} />
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

function LetterRow({ letter, question }: { letter: DeadLetter; question?: string }) {
  const { jobId, userId, kind, code, error, attempts, run, since, status } = letter;
  return (
    <div>
      <h2 className="letter-title">
        <Link to={`/jobs/${jobId}`}>{question?.slice(0, 160) ?? `Job ${jobId}`}</Link>
        {userId !== null && <span> · {userId}</span>}
      </h2>
      <p className="facts">
        <span className="badge failed">{code ?? "Never started"}</span>
        <span>{kind}</span>
        {attempts !== null && <span>{attempts} attempt{attempts === 1 ? "" : "s"}</span>}
        {run !== null && run > 0 && <span>Run {run}</span>}
        <span>
          Failed <TimeAgo at={since} />
        </span>
        <span>Job status: {STATUS_LABELS[(status ?? "gone") as Status] ?? status}</span>
      </p>
      {error !== null && <p>{error}</p>}
      <p className="hint">{ACTION_TEXTS[letter.do].plan}</p>
    </div>
  );
}

/** The questions of these jobs by id, as they are read: a dead letter does not contain it. */
function useQuestions(letters: readonly DeadLetter[]): ReadonlyMap<string, string> {
  const { longhaul } = useLonghaul();
  const [questions, setQuestions] = useState<ReadonlyMap<string, string>>(new Map());
  const requested = useRef(new Set<string>());
  useEffect(() => {
    const unread = [...new Set(letters.map(({ jobId }) => jobId))].filter((id) => !requested.current.has(id));
    for (const id of unread) {
      requested.current.add(id);
      longhaul.get(id).then(
        (job) => job && setQuestions((known) => new Map(known).set(id, job.query)),
        // The next refresh asks again.
        () => requested.current.delete(id),
      );
    }
  }, [longhaul, letters]);
  return questions;
}

/** What there is to do: "1 to replay, 2 to delete". */
function planOf(letters: readonly DeadLetter[]): string {
  const texts = { replay: "to replay", send: "to requeue", delete: "to delete", leave: "for manual review" };
  return countByAction(letters).map(([action, count]) => `${count} ${texts[action]}`).join(", ");
}

/** What replaying does, in sentences. */
function effectsOf(letters: readonly DeadLetter[]): string {
  const texts = {
    replay: ["job runs again, at the cost of another run", "jobs run again, each at the cost of another run"],
    send: ["job is sent to the queue again", "jobs are sent to the queue again"],
    delete: ["dead letter of an ended job is deleted", "dead letters of ended jobs are deleted"],
    leave: ["is left as it is", "are left as they are"],
  };
  return countByAction(letters).map(([action, count]) => `${count} ${texts[action][count === 1 ? 0 : 1]}.`).join(" ");
}

function countByAction(letters: readonly DeadLetter[]): [DeadLetter["do"], number][] {
  return (["replay", "send", "delete", "leave"] as const).flatMap((action): [DeadLetter["do"], number][] => {
    const count = letters.filter((letter) => letter.do === action).length;
    return count ? [[action, count]] : [];
  });
}

function summary(letters: readonly DeadLetter[], isTruncated: boolean): string {
  return `${letters.length} failed run${letters.length === 1 ? "" : "s"}: ${planOf(letters)}.${isTruncated ? " There are more in the queue." : ""}`;
}
