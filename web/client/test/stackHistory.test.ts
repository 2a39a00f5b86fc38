/**
 * Tests that the history of a job reads the same live, replayed and after a reload, and that an older client ends in the
 * same state, over retries, a killed worker, a hand-over and an operator's replay. Against a real stack of its own.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { connect, type Frame, initial, type Job, type JobEvent, type Longhaul, reduce, type Subscribed } from "../src/index.js";
import { isEvent } from "../src/protocol.js";
import * as older from "./be8673d/reduce.js";
import { isBuilt, Stack } from "./stack.js";

let stack: Stack;
const open: Longhaul[] = [];

function client(): Longhaul {
  open.push(connect({ url: stack.url, token: () => stack.token("alice"), WebSocket, lazy: false }));
  return open.at(-1)!;
}

/** Every event of the job, as a page reads it that was loaded now. */
async function reloaded(jobId: string): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const event of client().follow(jobId).history()) events.push(event);
  return events;
}

/** What a compact replay of the whole job gives to another connection. */
async function replayed(jobId: string): Promise<Subscribed> {
  return (await client().request({ action: "subscribe", jobId, after: 0 })) as unknown as Subscribed;
}

/** An event without what may differ each time it is sent. */
function comparable(event: JobEvent): object {
  const { requestId: _, ...fields } = event;
  return "resultRef" in fields && fields.resultRef ? { ...fields, resultRef: { ...fields.resultRef, url: "" } } : fields;
}

const bySeq = (events: readonly JobEvent[]) => Object.fromEntries(events.map((event) => [event.seq, comparable(event)]));
/** Those of the history that were received in another way, too. */
const among = (history: readonly JobEvent[], received: readonly JobEvent[]) => bySeq(history.filter(({ seq }) => received.some((event) => event.seq === seq)));
const types = (events: readonly JobEvent[]) => events.map(({ type }) => type);
const until = async (job: Job, isReached: (event: JobEvent) => boolean) => {
  for await (const event of job) if (isReached(event)) return;
};

describe.skipIf(!isBuilt)("the history of a job", () => {
  beforeAll(async () => {
    stack = await Stack.start();
  });
  afterEach(() => open.splice(0).forEach((longhaul) => longhaul.close()));
  afterAll(() => stack.stop());

  it("is the same live, replayed and after a reload, over retries, a killed worker and a replay of the failed job", async () => {
    const longhaul = client();
    const live: JobEvent[] = [];
    longhaul.on("frame", (frame: Frame) => {
      if (isEvent(frame)) live.push(frame);
    });
    const first = longhaul.query("noop", "once more", { params: { steps: 6, stepMs: 200, text: 20, keep: true, fail: "retry" } });
    await expect(first.result()).rejects.toMatchObject({ code: "NOOP_FAILED" });
    const run = await replayed(first.id!);
    expect([run.status, bySeq(await reloaded(first.id!))]).toEqual(["failed", bySeq(live)]);

    await stack.replay(first.id!);
    const second = longhaul.follow(first.id!, { after: first.state.applied });
    await until(second, ({ type }) => type === "step");
    await stack.killWorker();
    await expect(second.result()).rejects.toMatchObject({ code: "NOOP_FAILED" });
    // The job as one list: the live handles had each event of their run, but for those pushed before the second subscribe.
    const history = await reloaded(first.id!);
    expect(history.map(({ seq }) => seq)).toEqual(history.map((_, at) => at + 1));
    expect(among(history, live)).toEqual(bySeq(live));
    const compact = await replayed(first.id!);
    expect(among(history, compact.events)).toEqual(bySeq(compact.events));
    const leftOut = history.filter(({ seq }) => !compact.events.some((event) => event.seq === seq));
    expect(types(leftOut)).toEqual(expect.arrayContaining(["progress_update", "attempt_started", "attempt_failed", "worker_lost", "step", "job_failed"]));
    expect([compact.more, compact.skippedThrough]).toEqual([false, leftOut.at(-1)!.seq]);

    const count = (type: JobEvent["type"]) => types(history).filter((other) => other === type).length;
    expect([count("job_queued"), count("job_failed"), count("worker_lost")]).toEqual([1, 2, 1]);
    // The last attempt of a run ends with `job_failed`, a lost one with `worker_lost`.
    expect([count("attempt_failed"), count("attempt_started")]).toEqual([3, 5]);
    const lived = types(live);
    for (const type of ["attempt_started", "attempt_failed", "worker_lost", "step", "chunk", "job_failed"]) expect(lived).toContain(type);
  });

  it("shows why no attempt runs, and an older client ends in the same state", async () => {
    const longhaul = client();
    const frames: Frame[] = [];
    const job = longhaul.query("noop", "handed over", { params: { steps: 30, stepMs: 200, text: 20, bytes: 150_000, keep: true, fail: "retry", failures: 2 } });
    longhaul.on("frame", (frame) => {
      if (isEvent(frame) || (frame.type === "subscribed" && frame.jobId === job.id)) frames.push(frame);
    });
    const interruptions: string[] = [];
    job.onChange(() => {
      const { interruption, status } = job.state;
      if (interruption) interruptions.push(`${interruption.type} ${status}`);
    });
    await until(job, ({ type }) => type === "step");
    await stack.killWorker();
    await until(job, (event) => event.type === "progress_update" && event.attempt === 2 && event.progress > 5);
    await stack.restart();
    await job;

    const history = await reloaded(job.id!);
    expect(history.at(-1)).toMatchObject({ type: "job_completed", resultRef: { bytes: expect.any(Number), url: expect.stringContaining("http") } });
    const pushed = frames.filter(isEvent);
    expect(among(history, pushed)).toEqual(bySeq(pushed));
    expect(types(history)).toEqual(expect.arrayContaining(["worker_lost", "attempt_failed", "handed_over", "step"]));
    const failed = history.find((event) => event.type === "attempt_failed");
    expect(failed).toMatchObject({ attempt: 2, code: "NOOP_FAILED", error: "It was asked to fail." });
    expect(Date.parse(failed!.retryAt)).toBeGreaterThan(Date.parse(failed!.at!));
    expect(interruptions).toContain("attempt_failed retrying");

    for (const received of [history as unknown as Frame[], frames]) {
      const present = received.reduce((state, frame) => reduce(state, frame as unknown as JobEvent), initial());
      const former = received.reduce((state, frame) => older.reduce(state, frame), older.initial());
      expect([present.status, present.applied, older.isBehind(former)]).toEqual(["completed", history.length, false]);
      expect(present).toMatchObject(former);
    }
  });
});
