/** Event logs as a server could write them: given ones, and arbitrary ones for property tests. */
import fc from "fast-check";
import { type EventBody, ServedJob } from "./scriptedServer.js";

/** A job whose log is `job_queued` followed by `bodies`. */
export function jobWithLog(bodies: readonly EventBody[]): ServedJob {
  const job = new ServedJob("job-1");
  job.record({ type: "job_queued", message: "queued", query: "why?", progress: 5 });
  for (const body of bodies) job.record(body);
  return job;
}

type Step = { kind: "progress" | "chunk" | "retry"; text: string };

/** Valid logs: progress that never decreases within an attempt, chunks, retries that retract chunks, and one end. */
export const arbitraryLog: fc.Arbitrary<EventBody[]> = fc
  .tuple(
    fc.array(
      fc.record<Step>({ kind: fc.constantFrom("progress", "chunk", "chunk", "retry"), text: fc.string({ maxLength: 4 }) }),
      { maxLength: 25 },
    ),
    fc.constantFrom("completed", "failed", "cancelled"),
  )
  .map(([steps, end]) => {
    let [attempt, progress] = [1, 5];
    const bodies = steps.map(({ kind, text }, at): EventBody => {
      progress = Math.min(99, progress + 3);
      if (kind === "chunk") return { type: "chunk", content: text };
      if (kind === "progress") return { type: "progress_update", status: "processing", message: text, progress, attempt };
      attempt += 1;
      // Retracts some earlier chunks. The event at index `at` has seq `at + 2`.
      return { type: "stream_reset", attempt, keepThrough: Math.floor((at + 1) / 2) };
    });
    const ends: Record<string, EventBody> = {
      completed: { type: "job_completed", result: { answer: 42 }, usage: { attempts: attempt, queuedMs: 0, runMs: 1 } },
      failed: { type: "job_failed", error: "It broke.", code: "BROKEN", retryable: false, attempts: attempt },
      cancelled: { type: "job_cancelled", by: "alice" },
    };
    return [...bodies, ends[end]!];
  });
