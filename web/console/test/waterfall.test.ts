/** Tests of a job's waterfall and timeline as pure functions of its history. */
import { expect, test } from "@playwright/test";
import type { JobEvent } from "../../client/src/index";
import { timelineEntries } from "../src/timelineEntries";
import { silentFor, waterfallSpans } from "../src/waterfallSpans";

const START = Date.UTC(2026, 0, 1);
type Body<E> = E extends JobEvent ? Omit<E, "jobId" | "seq" | "timestamp" | "at"> : never;

/** A history: what happened after how many milliseconds. */
function history(...entries: [ms: number, body: Body<JobEvent>][]): JobEvent[] {
  return entries.map(([ms, body], at) => ({ ...body, jobId: "j", seq: at + 1, timestamp: 0, at: new Date(START + ms).toISOString() }) as JobEvent);
}

const progress = (attempt: number, message = "Started") => ({ type: "progress_update", status: "processing", message, progress: 5, attempt }) as const;
const started = (attempt: number, resumed = false) => ({ type: "attempt_started", attempt, invocation: `i${attempt}`, resumed }) as const;
const events = history(
  [0, { type: "job_queued", message: "", query: "why?", progress: 5 }],
  [200, progress(1)],
  [900, { type: "step", name: "read", state: "saved", ms: 600 }],
  [1000, { type: "attempt_failed", attempt: 1, code: "BROKEN", error: "It broke.", retryAt: new Date(START + 3000).toISOString() }],
  [3100, started(2)],
  [3100, progress(2)],
  [4000, { type: "handed_over", attempt: 2 }],
  [4200, started(2, true)],
  [4200, progress(2, "Continuing")],
  [5000, { type: "worker_lost", attempt: 2 }],
  [5000, started(3)],
  [5000, progress(3)],
  [6000, { type: "job_failed", error: "It broke.", code: "BROKEN", retryable: true, attempts: 3 }],
  [9000, progress(0, "Queued again")],
  [9100, started(1)],
  [9100, progress(1)],
  [9500, { type: "job_completed", result: 42, usage: { attempts: 1, queuedMs: 100, runMs: 400 } }],
);

test("a waterfall has the queue, each attempt with its end, the steps and the waits, of every run", () => {
  const spans = waterfallSpans(events).map(({ kind, name, from, to, note }) => [kind, name, from - START, to! - START, note]);
  expect(spans).toEqual([
    ["queued", "Queued", 0, 200, undefined],
    ["attempt", "Attempt 1", 200, 1000, "It broke. (BROKEN)"],
    ["step", "read", 300, 900, undefined],
    ["waiting", "Wait for attempt 2", 1000, 3100, undefined],
    ["attempt", "Attempt 2", 3100, 4000, "Handed over to another invocation"],
    ["waiting", "Wait for attempt 2 to continue", 4000, 4200, undefined],
    ["attempt", "Attempt 2, continued", 4200, 5000, "Its worker was lost"],
    ["attempt", "Attempt 3", 5000, 6000, "It broke. (BROKEN)"],
    ["queued", "Queued again", 9000, 9100, undefined],
    ["attempt", "Attempt 1", 9100, 9500, "Completed"],
  ]);
});

test("while a job waits for its next attempt, the last span is open and says when that starts", () => {
  const last = waterfallSpans(events.slice(0, 4)).at(-1);
  expect([last?.kind, last?.to, last?.dueAt]).toEqual(["waiting", undefined, START + 3000]);
});

test("the timeline has a line for every event but for consecutive chunks", () => {
  const entries = timelineEntries(events);
  expect(entries.map(({ text }) => text)).toEqual([
    "Queued",
    "Attempt 1",
    "Started (5%)",
    "Step read saved after 600 ms",
    "Attempt 1 failed: It broke. (BROKEN)",
    "Attempt 2 started in invocation i2",
    "Started (5%)",
    "Attempt 2 was handed over to another invocation",
    "Attempt 2 continued in invocation i2",
    "Continuing (5%)",
    "The worker of attempt 2 was lost",
    "Attempt 3 started in invocation i3",
    "Started (5%)",
    "Failed: It broke. (BROKEN)",
    "Queued again (5%)",
    "Attempt 1 started in invocation i1",
    "Started (5%)",
    "Completed",
  ]);
});

test("a worker is silent if nothing came from a running attempt for longer than a lease", () => {
  expect(silentFor(events[1], START + 200 + 40_000)).toBe(40_000);
  expect(silentFor(events[1], START + 200 + 20_000)).toBeUndefined();
  for (const waiting of [undefined, events[0], events[3], events[6], events[13], events.at(-1)]) expect(silentFor(waiting, START + 99_000)).toBeUndefined();
});
