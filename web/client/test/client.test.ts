/** The client against a server after PROTOCOL 3 on a scripted wire: jobs, through whatever drops. */
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { connect, type Job, type JobEvent, webStore } from "../src/index.js";
import { arbitraryLog } from "./eventLogs.js";
import { connected, dropped, longhaul, pass, renew, server, start, wire } from "./scriptedFixture.js";
import type { EventBody, Fate } from "./scriptedServer.js";
import { chance, token } from "./scriptedSocket.js";

const progress = (progress: number): EventBody => ({ type: "progress_update", status: "processing", message: `at ${progress}`, progress, attempt: 1 });
const end: EventBody = { type: "job_completed", result: { answer: 42 }, usage: { attempts: 1, queuedMs: 0, runMs: 1 } };

/** What an iteration gives until the job's end. */
async function heard(job: Job): Promise<JobEvent["type"][]> {
  const types: JobEvent["type"][] = [];
  for await (const event of job) types.push(event.type);
  return types;
}

describe("a job", () => {
  it("is an iterable of its events and a promise of its result", async () => {
    await connected();
    const job = longhaul.query("noop", "why?", { params: { steps: 1 }, deadlineSeconds: 60 });
    expect(wire.last.said("query")[0]).toMatchObject({ kind: "noop", query: "why?", params: { steps: 1 }, deadlineSeconds: 60 });
    expect([job.id, job.progress]).toEqual(["job-1", 5]);
    const early = heard(job);
    server.happens(server.jobs.get("job-1")!, progress(50));
    expect(job.progress).toBe(50);
    server.happens(server.jobs.get("job-1")!, end);
    const all = ["job_queued", "progress_update", "job_completed"];
    expect([await job, await early, await heard(job)]).toEqual([{ answer: 42 }, all, all]);
  });

  it("that fails rejects with its own code, and its iteration ends with the event", async () => {
    await connected();
    const job = longhaul.query("noop", "x");
    server.happens(server.jobs.get("job-1")!, { type: "job_failed", error: "It broke.", code: "BROKEN", retryable: true, attempts: 3 });
    await expect(job.result()).rejects.toMatchObject({ code: "BROKEN", message: "It broke.", retryable: true });
    expect(await heard(job)).toEqual(["job_queued", "job_failed"]);
  });

  it("that is refused rejects, and throws in its iteration", async () => {
    await connected();
    wire.last.hears = ({ requestId }) => wire.last.say({ type: "error", content: "No such kind.", data: { code: "VALIDATION_ERROR", details: { field: "kind" } }, requestId });
    const job = longhaul.query("nope", "x");
    await expect(job.result()).rejects.toMatchObject({ code: "VALIDATION_ERROR", details: { field: "kind" } });
    await expect(heard(job)).rejects.toThrow("No such kind.");
  });

  it("submitted in flight at a drop is submitted again under its key, and is one job", async () => {
    let fate: Fate = "lost";
    renew(() => fate);
    await connected();
    // The server has it; its answer is lost with the socket.
    const job = longhaul.query("noop", "x");
    expect([job.id, server.jobs.size]).toEqual([undefined, 1]);
    fate = "arrives";
    const { requestId, idempotencyKey } = wire.last.said("query")[0]!;
    expect(String(idempotencyKey).length).toBeGreaterThan(16);
    await dropped();
    expect(wire.last.said("query")[0]).toMatchObject({ requestId, idempotencyKey });
    expect([job.id, server.jobs.size]).toEqual(["job-1", 1]);
  });

  it("under one key is one job, here and at the server", async () => {
    await connected();
    const [a, b] = [1, 2].map(() => longhaul.query("noop", "x", { idempotencyKey: "k" }));
    expect([a === b, server.jobs.size]).toEqual([true, 1]);
  });

  it("heals what a drop lost", async () => {
    await connected();
    const job = longhaul.query("noop", "x");
    wire.last.drop();
    for (const at of [10, 20, 30]) server.happens(server.jobs.get("job-1")!, progress(at));
    await pass(500);
    wire.last.open();
    expect([job.progress, wire.last.said("subscribe")[0]]).toMatchObject([30, { jobId: "job-1", after: 1 }]);
    server.happens(server.jobs.get("job-1")!, end);
    expect(await job).toEqual({ answer: 42 });
  });

  it("heals a gap at once, page by page", async () => {
    await connected();
    const job = longhaul.query("noop", "x");
    const served = server.jobs.get("job-1")!;
    for (const content of "abcdefgh") served.record({ type: "chunk", content });
    server.happens(served, { type: "chunk", content: "!" });
    expect([job.state.content, wire.last.said("subscribe").map((frame) => frame.after)]).toEqual(["abcdefgh!", [1, 4, 7]]);
  });

  it("that is silent for 30 s is asked for, and no earlier", async () => {
    await connected();
    const job = longhaul.query("noop", "x");
    server.jobs.get("job-1")!.record(progress(70));
    await pass(29_999);
    expect([job.progress, wire.last.said("subscribe").length]).toEqual([5, 0]);
    await pass(1);
    expect(job.progress).toBe(70);
  });

  it("asks again soon when an answer that was under way does not close a gap", async () => {
    await connected();
    const job = longhaul.query("noop", "x");
    const served = server.jobs.get("job-1")!;
    const answers: (() => void)[] = [];
    const hears = wire.last.hears;
    wire.last.hears = (frame) => answers.push(((answer) => () => wire.last.say({ ...answer, requestId: frame.requestId }))(served.replay(Number(frame.after))));
    await pass(30_000);
    served.record({ type: "chunk", content: "a" });
    server.happens(served, { type: "chunk", content: "b" });
    answers.forEach((answer) => answer());
    expect(job.state.content).toBe("");
    wire.last.hears = hears;
    await pass(1000);
    expect(job.state.content).toBe("ab");
  });

  it("is cancelled, and says so", async () => {
    await connected();
    const job = longhaul.query("noop", "x");
    await job.cancel();
    await expect(job.result()).rejects.toMatchObject({ code: "CANCELLED" });
    expect(await heard(job)).toEqual(["job_queued", "job_cancelled"]);
    await job.cancel();
    expect(wire.last.said("cancel").length).toBe(1);
  });

  it("is cancelled by its signal; before it was sent it is never sent", async () => {
    start();
    const [before, during] = [new AbortController(), new AbortController()];
    const unsent = longhaul.query("noop", "x", { signal: before.signal });
    const never = longhaul.query("noop", "y", { signal: AbortSignal.abort() });
    before.abort();
    await expect(unsent.result()).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(never.result()).rejects.toMatchObject({ code: "CANCELLED" });
    await pass(0);
    wire.last.open();
    expect(wire.last.sent).toEqual([]);
    const sent = longhaul.query("noop", "z", { signal: during.signal });
    during.abort();
    await expect(sent.result()).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("that was left goes on, unheard", async () => {
    await connected();
    const job = longhaul.query("noop", "x");
    job.leave();
    server.happens(server.jobs.get("job-1")!, end);
    expect([await heard(job), wire.last.said("unsubscribe").length]).toEqual([["job_queued"], 1]);
    await expect(job.result()).rejects.toMatchObject({ code: "LEFT" });
  });

  it("rejects nobody who never asked for its result", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    await connected();
    longhaul.query("noop", "x");
    longhaul.close();
    vi.useRealTimers();
    await new Promise((done) => setImmediate(done));
    vi.useFakeTimers();
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe("following", () => {
  it("from elsewhere gives all of it, and two who follow hear the same", async () => {
    await connected();
    const job = longhaul.query("noop", "x");
    const other = connect({ url: "wss://longhaul.test", token: token("alice", 86_400), WebSocket: wire.WebSocket, environment: chance(0.25), store: null });
    await pass(0);
    wire.last.open();
    const followed = other.follow("job-1");
    server.happens(server.jobs.get("job-1")!, progress(40));
    server.happens(server.jobs.get("job-1")!, end);
    expect(followed.state).toEqual(job.state);
    expect(await followed).toEqual({ answer: 42 });
    other.close();
  });

  it("from a seq on gives what comes after it, and the end even if that was it", async () => {
    await connected();
    longhaul.query("noop", "x");
    const served = server.jobs.get("job-1")!;
    longhaul.close();
    for (const body of [progress(10), end]) served.record(body);
    await connected();
    expect(await heard(longhaul.follow("job-1", { after: 2 }))).toEqual(["job_completed"]);
    expect(await longhaul.follow("job-1", { after: 3 })).toEqual({ answer: 42 });
  });

  it("a job that is gone rejects", async () => {
    await connected();
    await expect(longhaul.follow("unknown").result()).rejects.toMatchObject({ code: "GONE" });
  });

  it("asked for while offline begins with the connection", async () => {
    start();
    const job = longhaul.follow("unknown");
    await pass(0);
    wire.last.open();
    await expect(job.result()).rejects.toMatchObject({ code: "GONE" });
  });
});

describe("listing", () => {
  it("fetches pages as they are wanted, empty ones too", async () => {
    await connected();
    const pages: Record<string, object> = {
      undefined: { jobs: [{ jobId: "a" }], cursor: "1" },
      1: { jobs: [], cursor: "2" },
      2: { jobs: [{ jobId: "b" }] },
    };
    wire.last.hears = ({ requestId, cursor }) => wire.last.say({ type: "jobs", ...pages[String(cursor)], requestId });
    const ids: string[] = [];
    for await (const job of longhaul.jobs({ status: "completed", pageSize: 1 })) {
      ids.push(job.jobId);
      expect(wire.last.sent.length).toBe(ids.length === 1 ? 1 : 3);
    }
    expect([ids, wire.last.sent[0]]).toMatchObject([["a", "b"], { status: "completed", limit: 1 }]);
  });
});

describe("a reload", () => {
  let kept: Storage;
  beforeEach(() => {
    const entries: Record<string, string> = {};
    kept = Object.assign(Object.create({
      getItem: (name: string) => (kept as never)[name] ?? null,
      setItem: (name: string, text: string) => Object.assign(kept, { [name]: text }),
      removeItem: (name: string) => delete (kept as never)[name],
    }), entries) as Storage;
  });

  it("resumes the open jobs from their first event, and forgets them at their end", async () => {
    await connected({ store: webStore(kept) });
    longhaul.query("noop", "x");
    server.happens(server.jobs.get("job-1")!, { type: "chunk", content: "so far" });
    longhaul.close();
    await connected({ store: webStore(kept) });
    const [job] = await longhaul.resumed;
    expect([job!.id, job!.state.content, server.jobs.size]).toEqual(["job-1", "so far", 1]);
    server.happens(server.jobs.get("job-1")!, end);
    expect([await job, Object.keys(kept)]).toEqual([{ answer: 42 }, []]);
  });

  it("in the middle of a submit submits again under the same key", async () => {
    await connected({ store: webStore(kept) });
    wire.last.hears = () => {};
    longhaul.query("noop", "x", { params: { steps: 2 } });
    const { idempotencyKey } = wire.last.said("query")[0]!;
    longhaul.close();
    await connected({ store: webStore(kept) });
    const [job] = await longhaul.resumed;
    expect([job!.id, wire.last.said("query")]).toMatchObject(["job-1", [{ idempotencyKey, params: { steps: 2 } }]]);
  });

  it("resumes nothing of another user's, and nothing unsent that is old", async () => {
    await connected({ store: webStore(kept) });
    wire.last.hears = () => {};
    longhaul.query("noop", "x");
    longhaul.close();
    await connected({ store: webStore(kept), token: token("bob", 86_400) });
    expect([await longhaul.resumed, wire.last.sent]).toEqual([[], []]);
    longhaul.close();
    await pass(3_700_000);
    await connected({ store: webStore(kept) });
    expect([await longhaul.resumed, wire.last.sent, Object.keys(kept)]).toEqual([[], [], []]);
  });

  it("resumes nothing where the store can't be used", async () => {
    const refuses = () => {
      throw new Error("forbidden");
    };
    await connected({ store: { load: refuses, save: refuses, remove: refuses } });
    const job = longhaul.query("noop", "x");
    expect([await longhaul.resumed, job.id]).toEqual([[], "job-1"]);
  });
});

describe("whatever befalls frames and sockets", () => {
  const fates = fc.infiniteStream(fc.constantFrom<Fate>("arrives", "arrives", "lost", "doubled", "late"));
  const step = fc.constantFrom("happens", "happens", "happens", "drop", "release", "wait");

  it("every job ends as an undisturbed client sees it, heard in order, once, and submitted once", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryLog, fates, fc.array(step, { maxLength: 40 }), async (bodies, fates, steps) => {
        let isCalm = false;
        renew(() => (isCalm ? "arrives" : fates.next().value!));
        await connected();
        const job = longhaul.query("noop", "why?");
        const seqs: number[] = [];
        void (async () => {
          for await (const event of job) seqs.push(event.seq);
        })();
        const left = [...bodies];
        for (const step of steps) {
          const served = server.jobs.get("job-1")!;
          if (step === "happens" && left.length > 0) server.happens(served, left.shift()!);
          if (step === "drop") await dropped();
          if (step === "release") server.release();
          if (step === "wait") await pass(10_000);
        }
        isCalm = true;
        const served = server.jobs.get("job-1")!;
        while (left.length > 0) server.happens(served, left.shift()!);
        server.release();
        // An answer that was lost is missed after 30 s. A socket is let open before the client gives it up.
        for (let waits = 0; waits < 40 && job.state.applied < served.log.length; waits++) {
          await pass(5_000);
          if (!wire.last.isOpen) wire.last.open();
        }
        await pass(0);
        const undisturbed = connect({ url: "wss://longhaul.test", token: token("alice", 86_400), WebSocket: wire.WebSocket, store: null });
        await pass(0);
        wire.last.open();
        const calm = undisturbed.follow("job-1");
        expect(calm.state.applied).toBe(served.log.length);
        expect(job.state).toEqual(calm.state);
        expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
        expect([seqs[0], seqs.at(-1), server.jobs.size]).toEqual([1, served.log.length, 1]);
        undisturbed.close();
        longhaul.close();
      }),
      { numRuns: 300 },
    );
  });
});
