/** What happened to a job, told from its events. Pure; it refuses to know who draws it. */
import type { JobEvent } from "longhaul-client";

/** One line of the story: one event, or several of a kind that came one after the other. */
export interface Entry {
  kind: "queued" | "attempt" | "step" | "retry" | "text" | "reset" | "end" | "gap";
  words: string;
  /** Of its first event, in Unix seconds. */
  at: number;
  /** Of its last event. */
  seq: number;
  attempt: number;
  pieces?: number;
  characters?: number;
}

/** The story with one more event at its end. Events come in order of `seq`. */
export function tell(story: readonly Entry[], event: JobEvent): Entry[] {
  const before = story.at(-1);
  const { timestamp: at, seq } = event;
  const attempt = "attempt" in event ? event.attempt : (before?.attempt ?? 0);
  const told = [...story];
  const add = (kind: Entry["kind"], words: string, more: Partial<Entry> = {}) => told.push({ kind, words, at, seq, attempt, ...more });

  const left = seq - (before?.seq ?? 0) - 1;
  // Only progress is ever left out, and only for who comes later.
  if (left > 0) add("gap", `${left} earlier report${left > 1 ? "s" : ""} of progress, not repeated`);
  const begins = attempt > (before?.attempt ?? 0) && event.type !== "job_queued";
  if (begins) add("attempt", `Attempt ${attempt}`);

  switch (event.type) {
    case "job_queued":
      add("queued", "Queued", { attempt: 0 });
      break;
    case "progress_update":
      add(event.status === "retrying" ? "retry" : "step", `${event.message} (${event.progress} %)`);
      break;
    case "chunk": {
      const last = told.at(-1);
      const follows = last?.kind === "text";
      if (follows) told.pop();
      const pieces = (follows ? last.pieces! : 0) + 1;
      const characters = (follows ? last.characters! : 0) + event.content.length;
      const words = `Answered ${characters.toLocaleString()} characters in ${pieces} piece${pieces > 1 ? "s" : ""}`;
      add("text", words, { at: follows ? last.at : at, pieces, characters });
      break;
    }
    case "stream_reset":
      add("reset", "Took back what the attempt before had answered");
      break;
    case "job_completed":
      add("end", "Completed");
      break;
    case "job_failed":
      add("end", `Failed: ${event.error} (${event.code})`);
      break;
    case "job_cancelled":
      add("end", `Cancelled by ${event.by}`);
      break;
  }
  return told;
}
