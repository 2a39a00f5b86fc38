/** The reducer: each rule by an example, and all of them by arbitrary drops, duplicates and reorderings. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JobEvent, Subscribed } from "../src/protocol.js";
import { initial, isBehind, isOver, type JobState, reduce } from "../src/reduce.js";
import { arbitraryLog, logged } from "./eventLogs.js";
import type { ServedJob } from "./scriptedServer.js";

const after = (job: ServedJob, ...seqs: number[]) =>
  seqs.reduce((state, seq) => reduce(state, job.log[seq - 1]!), initial());
const replayed = (state: JobState, job: ServedJob, page?: number) =>
  reduce(state, job.replay(state.applied, page) as unknown as Subscribed);

const streamed = () =>
  logged([
    { type: "progress_update", status: "processing", message: "reading", progress: 20, attempt: 1 },
    { type: "chunk", content: "Hel" },
    { type: "chunk", content: "l" },
    { type: "stream_reset", attempt: 2, keepThrough: 3 },
    { type: "chunk", content: "p" },
    { type: "job_completed", result: 42, usage: { attempts: 2, queuedMs: 1, runMs: 2 } },
  ]);

describe("reduce", () => {
  it("applies events in order, whatever order they come in", () => {
    const job = streamed();
    const state = after(job, 7, 3, 1, 6, 2, 5, 4);
    expect(state).toEqual(after(job, 1, 2, 3, 4, 5, 6, 7));
    expect(state).toMatchObject({ status: "completed", result: 42, content: "Help", progress: 100, attempt: 2, query: "why?" });
  });

  it("ignores what it has applied", () => {
    const job = streamed();
    expect(after(job, 1, 2, 3, 3, 2, 3, 1)).toEqual(after(job, 1, 2, 3));
  });

  it("holds back what is above a gap, and knows that it is behind", () => {
    const job = streamed();
    const state = after(job, 1, 2, 4);
    expect([state.applied, state.content, isBehind(state)]).toEqual([2, "", true]);
    expect(isBehind(reduce(state, job.log[2]!))).toBe(false);
  });

  it("takes back the chunks above `keepThrough`, and only those", () => {
    expect(after(streamed(), 1, 2, 3, 4).content).toBe("Hell");
    expect(after(streamed(), 1, 2, 3, 4, 5).content).toBe("Hel");
  });

  it("holds back what is above the head until a replay has no more", () => {
    const job = streamed();
    const first = reduce(initial(), { ...job.replay(0, 2), head: 6 } as unknown as Subscribed);
    const held = reduce(first, job.log[6]!);
    expect([held.applied, held.status, isBehind(held)]).toEqual([2, "processing", true]);
    expect(replayed(replayed(held, job, 2), job)).toEqual(after(job, 1, 2, 3, 4, 5, 6, 7));
  });

  it("goes on from the head of a replay that left out outdated progress", () => {
    const progress = (progress: number) => ({ type: "progress_update", status: "processing", message: "", progress, attempt: 1 }) as const;
    const job = logged([progress(10), progress(20), { type: "chunk", content: "a" }, progress(30)]);
    const state = replayed(initial(), job, 10);
    expect([state.applied, state.progress, isBehind(state)]).toEqual([5, 30, false]);
    const next = job.record({ type: "chunk", content: "b" });
    expect(reduce(state, next).content).toBe("ab");
  });

  it("knows a job that is gone, and one whose end was applied elsewhere", () => {
    const gone = { type: "subscribed", jobId: "j", status: "gone", head: 0, mode: "gone", events: [], more: false } as const;
    expect(reduce(initial(), { ...gone, events: [] }).status).toBe("gone");
    expect(replayed(initial(7), streamed()).status).toBe("completed");
  });

  it("starts afresh when an operator lets the job run again", () => {
    const job = logged([{ type: "chunk", content: "x" }, { type: "job_failed", error: "no", code: "E", retryable: true, attempts: 3 }]);
    job.record({ type: "progress_update", status: "processing", message: "again", progress: 10, attempt: 1 });
    const state = after(job, 1, 2, 3, 4);
    expect(state).toMatchObject({ status: "processing", content: "", progress: 10, applied: 4, query: "why?" });
    expect(state.error).toBeUndefined();
  });

  it("does not change what it is given", () => {
    const state = Object.freeze({ ...initial(), chunks: Object.freeze([]), waiting: Object.freeze([]) }) as JobState;
    expect(reduce(state, streamed().log[0]!)).not.toBe(state);
  });

  it("ends like an undisturbed client after any drops, duplicates and reorderings", () => {
    fc.assert(
      fc.property(arbitraryLog, fc.array(disturbance, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (bodies, disturbances, page) => {
        const { log } = logged(bodies);
        const served = logged([]);
        served.log.length = 0;
        const answers: Frame[] = [];
        let state: JobState = initial();
        const hear = (message: JobEvent | Subscribed) => {
          const before = state.applied;
          const heard: number[] = [];
          state = reduce(state, message, (event) => heard.push(event.seq));
          // Nothing twice, nothing backwards.
          expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b).filter((seq) => seq > before));
        };
        for (const { what, at } of disturbances) {
          if (what === "happens" && served.log.length < log.length) served.log.push(log[served.log.length]!);
          if (what === "push" && served.log.length > 0) hear(served.log[at % served.log.length]!);
          // An answer is computed when it is asked for and heard whenever.
          if (what === "ask") answers.push(served.replay(state.applied, page) as unknown as Frame);
          if (what === "answer" && answers.length > 0) hear(answers.splice(at % answers.length, 1)[0] as unknown as Subscribed);
        }
        served.log.splice(0, Infinity, ...log);
        // What heals: as long as something is missing, or the job is silent, ask again.
        for (let asked = 0; state.applied < log.length || isBehind(state); asked++) {
          expect(asked).toBeLessThanOrEqual(log.length + 1);
          hear(served.replay(state.applied, page) as unknown as Subscribed);
        }
        const undisturbed = log.reduce((state, event) => reduce(state, event), initial());
        expect(state).toEqual(undisturbed);
        expect(isOver(state)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

type Frame = ReturnType<ServedJob["replay"]>;
const disturbance = fc.record({
  what: fc.constantFrom("happens", "happens", "push", "push", "ask", "answer"),
  at: fc.nat(1000),
});
