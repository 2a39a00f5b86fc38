/** Tests of the reducer: an example for each rule, and a property over arbitrary drops, duplicates and reorderings. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JobEvent, Subscribed } from "../src/protocol.js";
import { initial, isBehind, isOver, type JobState, reduce } from "../src/reduce.js";
import { arbitraryLog, jobWithLog } from "./eventLogs.js";
import type { ServedJob } from "./scriptedServer.js";

const after = (job: ServedJob, ...seqs: number[]) =>
  seqs.reduce((state, seq) => reduce(state, job.log[seq - 1]!), initial());
const replayed = (state: JobState, job: ServedJob, page?: number) =>
  reduce(state, job.replay(state.applied, page) as unknown as Subscribed);

const streamed = () =>
  jobWithLog([
    { type: "progress_update", status: "processing", message: "reading", progress: 20, attempt: 1 },
    { type: "chunk", content: "Hel" },
    { type: "chunk", content: "l" },
    { type: "stream_reset", attempt: 2, keepThrough: 3 },
    { type: "chunk", content: "p" },
    { type: "job_completed", result: 42, usage: { attempts: 2, queuedMs: 1, runMs: 2 } },
  ]);

describe("reduce", () => {
  it("applies events in order of seq, whatever order they arrive in", () => {
    const job = streamed();
    const state = after(job, 7, 3, 1, 6, 2, 5, 4);
    expect(state).toEqual(after(job, 1, 2, 3, 4, 5, 6, 7));
    expect(state).toMatchObject({ status: "completed", result: 42, content: "Help", progress: 100, attempt: 2, query: "why?" });
  });

  it("ignores events that are already applied", () => {
    const job = streamed();
    expect(after(job, 1, 2, 3, 3, 2, 3, 1)).toEqual(after(job, 1, 2, 3));
  });

  it("holds back events above a gap and reports that it is behind", () => {
    const job = streamed();
    const state = after(job, 1, 2, 4);
    expect([state.applied, state.content, isBehind(state)]).toEqual([2, "", true]);
    expect(isBehind(reduce(state, job.log[2]!))).toBe(false);
  });

  it("removes exactly the chunks above `keepThrough`", () => {
    expect(after(streamed(), 1, 2, 3, 4).content).toBe("Hell");
    expect(after(streamed(), 1, 2, 3, 4, 5).content).toBe("Hel");
  });

  it("holds back events above the head until the replay is complete", () => {
    const job = streamed();
    const first = reduce(initial(), { ...job.replay(0, 2), head: 6 } as unknown as Subscribed);
    const pending = reduce(first, job.log[6]!);
    expect([pending.applied, pending.status, isBehind(pending)]).toEqual([2, "processing", true]);
    expect(replayed(replayed(pending, job, 2), job)).toEqual(after(job, 1, 2, 3, 4, 5, 6, 7));
  });

  it("continues from the head of a replay that omits superseded progress", () => {
    const progress = (progress: number) => ({ type: "progress_update", status: "processing", message: "", progress, attempt: 1 }) as const;
    const job = jobWithLog([progress(10), progress(20), { type: "chunk", content: "a" }, progress(30)]);
    const state = replayed(initial(), job, 10);
    expect([state.applied, state.progress, isBehind(state)]).toEqual([5, 30, false]);
    const next = job.record({ type: "chunk", content: "b" });
    expect(reduce(state, next).content).toBe("ab");
  });

  it("recognises a job that does not exist and one whose end was applied elsewhere", () => {
    const gone = { type: "subscribed", jobId: "j", status: "gone", head: 0, mode: "gone", events: [], more: false } as const;
    expect(reduce(initial(), { ...gone, events: [] }).status).toBe("gone");
    expect(replayed(initial(7), streamed()).status).toBe("completed");
  });

  it("starts over when an operator replays the job", () => {
    const job = jobWithLog([{ type: "chunk", content: "x" }, { type: "job_failed", error: "no", code: "E", retryable: true, attempts: 3 }]);
    job.record({ type: "progress_update", status: "processing", message: "again", progress: 10, attempt: 1 });
    const state = after(job, 1, 2, 3, 4);
    expect(state).toMatchObject({ status: "processing", content: "", progress: 10, applied: 4, query: "why?" });
    expect(state.error).toBeUndefined();
  });

  it("does not mutate its input", () => {
    const state = Object.freeze({ ...initial(), chunks: Object.freeze([]), waiting: Object.freeze([]) }) as JobState;
    expect(reduce(state, streamed().log[0]!)).not.toBe(state);
  });

  it("reaches the undisturbed state after any drops, duplicates and reorderings", () => {
    fc.assert(
      fc.property(arbitraryLog, fc.array(disturbance, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (bodies, disturbances, page) => {
        const { log } = jobWithLog(bodies);
        const served = jobWithLog([]);
        served.log.length = 0;
        const replies: Replay[] = [];
        let state: JobState = initial();
        const receive = (message: JobEvent | Subscribed) => {
          const before = state.applied;
          const applied: number[] = [];
          state = reduce(state, message, (event) => applied.push(event.seq));
          // Nothing is applied twice or out of order.
          expect(applied).toEqual([...new Set(applied)].sort((a, b) => a - b).filter((seq) => seq > before));
        };
        for (const { kind, at } of disturbances) {
          if (kind === "event" && served.log.length < log.length) served.log.push(log[served.log.length]!);
          if (kind === "push" && served.log.length > 0) receive(served.log[at % served.log.length]!);
          // A reply is computed when requested and may be received at any later time.
          if (kind === "subscribe") replies.push(served.replay(state.applied, page) as unknown as Replay);
          if (kind === "reply" && replies.length > 0) receive(replies.splice(at % replies.length, 1)[0] as unknown as Subscribed);
        }
        served.log.splice(0, Infinity, ...log);
        // Recovery: subscribe again while events are missing or the job is silent.
        for (let requests = 0; state.applied < log.length || isBehind(state); requests++) {
          expect(requests).toBeLessThanOrEqual(log.length + 1);
          receive(served.replay(state.applied, page) as unknown as Subscribed);
        }
        const undisturbed = log.reduce((state, event) => reduce(state, event), initial());
        // Only a disturbed client lacks events that were replaced.
        const { skippedThrough: _, ...reached } = state;
        expect(reached).toEqual(undisturbed);
        expect(isOver(state)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

type Replay = ReturnType<ServedJob["replay"]>;
const disturbance = fc.record({
  kind: fc.constantFrom("event", "event", "push", "push", "subscribe", "reply"),
  at: fc.nat(1000),
});
