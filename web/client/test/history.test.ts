/** Tests of a job's whole history: what was left out comes from pages of `getEvents`, and nothing else is pageRequests for. */
import { describe, expect, it } from "vitest";
import type { Job, JobEvent } from "../src/index.js";
import { initial, reduce } from "../src/reduce.js";
import { advance, connectClient, dropAndReconnect, longhaul, server, sockets } from "./scriptedFixture.js";
import type { EventBody } from "./scriptedServer.js";

const progress = (progress: number, attempt = 1): EventBody => ({ type: "progress_update", status: "processing", message: "", progress, attempt });
const failed = { type: "attempt_failed", attempt: 1, code: "BROKEN", error: "It broke.", retryAt: "2026-01-01T00:00:01.500Z" } as const satisfies EventBody;
const started = { type: "attempt_started", attempt: 2, invocation: "i2", resumed: false } as const satisfies EventBody;
const end = { type: "job_completed", result: 42 } as const satisfies EventBody;
const RETRIED = [progress(20), { type: "step", name: "read", state: "saved", ms: 7 }, failed, started, progress(5, 2), { type: "chunk", content: "a" }, end] as EventBody[];
const served = () => server.jobs.get("job-1")!;
const pageRequests = () => sockets.all.flatMap((socket) => socket.sentFrames("getEvents")).length;

/** Starts to collect a job's history. */
function collect(job: Job): { seqs: number[]; events: JobEvent[]; done: Promise<void> } {
  const [seqs, events]: [number[], JobEvent[]] = [[], []];
  const read = async () => {
    for await (const event of job.history()) {
      seqs.push(event.seq);
      events.push(event);
    }
  };
  return { seqs, events, done: read() };
}

/** Submits a job that nobody follows any more, and gives it these events. */
async function unfollowed(...bodies: EventBody[]): Promise<void> {
  await connectClient();
  const job = longhaul.query("noop", "x");
  await advance(0);
  job.leave();
  await advance(0);
  for (const body of bodies) server.emit(served(), body);
}

describe("history", () => {
  it("of a job that was live from the start asks the server for nothing", async () => {
    await connectClient();
    const history = collect(longhaul.query("noop", "x"));
    await advance(0);
    for (const body of RETRIED) server.emit(served(), body);
    await history.done;
    expect([history.events, pageRequests()]).toEqual([served().log, 0]);
  });

  it("of a job that is followed later begins with what was left out, and goes on live", async () => {
    await unfollowed(...RETRIED.slice(0, 6));
    const job = longhaul.follow("job-1");
    const history = collect(job);
    await advance(0);
    expect([history.seqs, job.state.skippedThrough]).toEqual([[1, 2, 3, 4, 5, 6, 7], 5]);
    const pages = pageRequests();
    server.emit(served(), end);
    await history.done;
    expect([history.events, job.events.map(({ seq }) => seq), pageRequests()]).toEqual([served().log, [1, 6, 7, 8], pages]);
  });

  it("of a job that has ended is whole, also after its end was seen", async () => {
    await unfollowed(...RETRIED);
    const job = longhaul.follow("job-1");
    await job;
    const [one, two] = [collect(job), collect(job)];
    await Promise.all([one.done, two.done]);
    expect([one.events, two.events]).toEqual([served().log, served().log]);
  });

  it("fills what a reconnect left out", async () => {
    await connectClient();
    const job = longhaul.query("noop", "x");
    const history = collect(job);
    await advance(0);
    server.emit(served(), progress(10));
    sockets.last.drop();
    for (const body of [progress(20), progress(30), failed, started, progress(5, 2)]) server.emit(served(), body);
    await dropAndReconnect();
    server.emit(served(), end);
    await history.done;
    expect(history.events).toEqual(served().log);
    expect(job.events.length).toBeLessThan(history.events.length);
  });

  it("of a job that does not exist is refused", async () => {
    await connectClient();
    await expect(collect(longhaul.follow("job-9")).done).rejects.toMatchObject({ code: "GONE" });
  });
});

describe("the state of a job between two attempts", () => {
  it("says why none runs and when the next one starts, the same live and late", async () => {
    await unfollowed(progress(20), failed);
    const late = longhaul.follow("job-1");
    await advance(0);
    const live = served().log.reduce((state, event) => reduce(state, event), initial());
    for (const state of [late.state, live]) expect(state).toMatchObject({ status: "retrying", progress: 20, interruption: { ...failed, seq: 3 } });
    for (const body of [started, progress(5, 2)]) server.emit(served(), body);
    expect(late.state).toMatchObject({ status: "processing", progress: 5, attempt: 2 });
    expect(late.state.interruption).toBeUndefined();
    server.emit(served(), end);
  });

  it.each([["worker_lost", "retrying"], ["handed_over", "queued"]] as const)("after %s is %s", (type, status) => {
    const queued = { type: "job_queued", jobId: "j", seq: 1, timestamp: 1, message: "", query: "x", progress: 5 } as const;
    const event = { type, attempt: 1, jobId: "j", seq: 2, timestamp: 1 } as const;
    expect(reduce(reduce(initial(), queued), event)).toMatchObject({ status, interruption: event, applied: 2 });
  });

  it("is not changed by an event of an unknown type, which is applied all the same", () => {
    const queued = { type: "job_queued", jobId: "j", seq: 1, timestamp: 1, message: "", query: "x", progress: 5 } as const;
    const known = reduce(initial(), queued);
    const unknown = { type: "of_a_later_server", jobId: "j", seq: 2, timestamp: 1 } as unknown as JobEvent;
    expect(reduce(known, unknown)).toEqual({ ...known, applied: 2, head: 2 });
  });
});
