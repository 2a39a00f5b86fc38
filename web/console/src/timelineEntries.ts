/** Turns the events of a job into the entries of its timeline. Pure. */
import type { JobEvent } from "longhaul-client";
import { formatDuration } from "./formatDuration";

/** A line of the timeline: one event, or several consecutive chunks. */
export interface TimelineEntry {
  kind: "queued" | "attempt" | "step" | "saved" | "retry" | "lost" | "text" | "reset" | "end" | "gap";
  text: string;
  /** Time of its first event, in epoch milliseconds. */
  at: number;
  /** Sequence number of its last event. */
  seq: number;
  attempt: number;
  chunkCount?: number;
  characterCount?: number;
}

/** The entries of a job's history. */
export function timelineEntries(events: readonly JobEvent[]): TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  for (const event of events) append(entries, event);
  return entries;
}

/** When an event happened, in epoch milliseconds. Servers from before `at` send whole seconds only. */
export function timeOf(event: JobEvent): number {
  return event.at ? Date.parse(event.at) : event.timestamp * 1000;
}

function append(result: TimelineEntry[], event: JobEvent): void {
  const previous = result.at(-1);
  const { seq } = event;
  const at = timeOf(event);
  const attempt = "attempt" in event ? event.attempt : (previous?.attempt ?? 0);
  const add = (kind: TimelineEntry["kind"], text: string, more: Partial<TimelineEntry> = {}) => result.push({ kind, text, at, seq, attempt, ...more });

  // Servers from before `getEvents` stored only the latest progress.
  const missing = seq - (previous?.seq ?? 0) - 1;
  if (missing > 0) add("gap", `${missing} earlier event${missing > 1 ? "s" : ""} not stored`);
  const startsAttempt = attempt > (previous?.attempt ?? 0) && event.type !== "attempt_started";
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
    case "attempt_started":
      add("attempt", `Attempt ${attempt} ${event.resumed ? "continued" : "started"} in invocation ${event.invocation}`);
      break;
    case "attempt_failed":
      add("retry", `Attempt ${attempt} failed: ${event.error} (${event.code})`);
      break;
    case "worker_lost":
      add("lost", `The worker of attempt ${attempt} was lost`);
      break;
    case "handed_over":
      add("saved", `Attempt ${attempt} was handed over to another invocation`);
      break;
    case "step":
      add("saved", `Step ${event.name} saved after ${formatDuration(event.ms)}`);
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
}
