/** Turns the history of a job into the spans of its waterfall: queue, attempts, their steps, and waits. Pure. */
import type { JobEvent } from "longhaul-client";
import { timeOf } from "./timelineEntries";

/** A span of time of the job. Without `to` it lasts. */
export interface Span {
  kind: "queued" | "attempt" | "step" | "waiting";
  name: string;
  /** Epoch milliseconds by the server's clock. */
  from: number;
  to?: number;
  /** How it ended, or what it waits for. */
  note?: string;
  isFailed?: boolean;
  /** When the next attempt starts at the earliest, in epoch milliseconds. */
  dueAt?: number;
  /** Sequence number of the event that began it, or that names it. */
  seq: number;
}

/**
 * The default of `LeaseSeconds`. A worker that sends nothing for longer may have died; it may also be in a long step, whose
 * heartbeats are no events.
 */
const LEASE_MS = 30_000;

/** The spans of a job, in the order of their start. Steps come after the attempt that they are a part of. */
export function waterfallSpans(events: readonly JobEvent[]): Span[] {
  const spans: Span[] = [];
  let current: Span | undefined;
  const begin = (kind: Span["kind"], name: string, event: JobEvent, more: Partial<Span> = {}) => {
    close(event);
    spans.push((current = { kind, name, from: timeOf(event), seq: event.seq, ...more }));
  };
  const close = (event: JobEvent, more: Partial<Span> = {}) => {
    if (current) Object.assign(current, { to: timeOf(event), ...more });
    current = undefined;
  };
  for (const event of events) {
    switch (event.type) {
      case "job_queued":
        begin("queued", "Queued", event);
        break;
      case "progress_update":
        // Attempt 0 is a replay's. The first attempt of a run starts with its first report.
        if (event.attempt === 0) begin("queued", "Queued again", event);
        else if (current?.kind !== "attempt") begin("attempt", `Attempt ${event.attempt}`, event);
        break;
      case "attempt_started":
        begin("attempt", `Attempt ${event.attempt}${event.resumed ? ", continued" : ""}`, event);
        break;
      case "step":
        spans.push({ kind: "step", name: event.name, from: timeOf(event) - event.ms, to: timeOf(event), seq: event.seq });
        break;
      case "attempt_failed":
        close(event, { isFailed: true, note: `${event.error} (${event.code})` });
        begin("waiting", `Wait for attempt ${event.attempt + 1}`, event, { dueAt: Date.parse(event.retryAt) });
        break;
      case "worker_lost":
        close(event, { isFailed: true, note: "Its worker was lost" });
        break;
      case "handed_over":
        close(event, { note: "Handed over to another invocation" });
        begin("waiting", `Wait for attempt ${event.attempt} to continue`, event);
        break;
      case "job_completed":
        close(event, { note: "Completed" });
        break;
      case "job_failed":
        close(event, { isFailed: true, note: `${event.error} (${event.code})` });
        break;
      case "job_cancelled":
        close(event, { note: `Cancelled by ${event.by}` });
        break;
    }
  }
  return spans;
}

/** For how many milliseconds the worker of a running attempt has sent nothing, if that is longer than a lease. `last`: the latest event. */
export function silentFor(last: JobEvent | undefined, now: number): number | undefined {
  const isRunning = last && ["progress_update", "chunk", "stream_reset", "attempt_started", "step"].includes(last.type) && !("attempt" in last && last.attempt === 0);
  const silence = isRunning ? now - timeOf(last) : 0;
  return silence > LEASE_MS ? silence : undefined;
}
