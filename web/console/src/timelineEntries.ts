/** Turns the events of a job into the entries of its timeline. Pure. */
import type { JobEvent } from "longhaul-client";

/** A line of the timeline: one event, or several consecutive chunks. */
export interface TimelineEntry {
  kind: "queued" | "attempt" | "step" | "retry" | "text" | "reset" | "end" | "gap";
  text: string;
  /** Time of its first event, in epoch milliseconds. */
  at: number;
  /** Sequence number of its last event. */
  seq: number;
  attempt: number;
  chunkCount?: number;
  characterCount?: number;
}

/** The entries with one more event. Call it with events in order of `seq`. */
export function appendEvent(entries: readonly TimelineEntry[], event: JobEvent): TimelineEntry[] {
  const previous = entries.at(-1);
  const { seq } = event;
  // Servers from before `at` send whole seconds only.
  const at = event.at ? Date.parse(event.at) : event.timestamp * 1000;
  const attempt = "attempt" in event ? event.attempt : (previous?.attempt ?? 0);
  const result = [...entries];
  const add = (kind: TimelineEntry["kind"], text: string, more: Partial<TimelineEntry> = {}) => result.push({ kind, text, at, seq, attempt, ...more });

  // A replay omits superseded progress updates, and nothing else.
  const omitted = seq - (previous?.seq ?? 0) - 1;
  if (omitted > 0) add("gap", `${omitted} earlier progress update${omitted > 1 ? "s" : ""} omitted`);
  const startsAttempt = attempt > (previous?.attempt ?? 0) && event.type !== "job_queued";
  if (startsAttempt) add("attempt", `Attempt ${attempt}`);

  switch (event.type) {
    case "job_queued":
      add("queued", "Queued", { attempt: 0 });
      break;
    case "progress_update":
      add(event.status === "retrying" ? "retry" : "step", `${event.message} (${event.progress}%)`);
      break;
    case "chunk": {
      const last = result.at(-1);
      const extendsLast = last?.kind === "text";
      if (extendsLast) result.pop();
      const chunkCount = (extendsLast ? last.chunkCount! : 0) + 1;
      const characterCount = (extendsLast ? last.characterCount! : 0) + event.content.length;
      const text = `Streamed ${characterCount.toLocaleString()} character${characterCount === 1 ? "" : "s"} in ${chunkCount} chunk${chunkCount > 1 ? "s" : ""}`;
      add("text", text, { at: extendsLast ? last.at : at, chunkCount, characterCount });
      break;
    }
    case "stream_reset":
      add("reset", "Discarded text streamed by the previous attempt");
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
  return result;
}
