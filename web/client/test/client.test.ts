/** Tests of the client on scripted sockets: jobs, despite drops and reloads. */
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { connect, type Job, type JobEvent, webStore } from "../src/index.js";
import { arbitraryLog } from "./eventLogs.js";
import { advance, connectClient, dropAndReconnect, longhaul, resetServer, server, sockets, startClient } from "./scriptedFixture.js";
import type { Delivery, EventBody } from "./scriptedServer.js";
import { fixedRandom, unsignedToken } from "./scriptedSocket.js";

const progress = (progress: number): EventBody => ({ type: "progress_update", status: "processing", message: `at ${progress}`, progress, attempt: 1 });
const end: EventBody = { type: "job_completed", result: { answer: 42 }, usage: { attempts: 1, queuedMs: 0, runMs: 1 } };

/** The types of all events of the job. */
async function eventTypes(job: Job): Promise<JobEvent["type"][]> {
  const types: JobEvent["type"][] = [];
  for await (const event of job) types.push(event.type);
  return types;
}

describe("a job", () => {
  it("is an iterable of its events and a promise of its result", async () => {
    await connectClient();
    const job = longhaul.query("noop", "why?", { params: { steps: 1 }, deadlineSeconds: 60 });
    expect(sockets.last.sentFrames("query")[0]).toMatchObject({ kind: "noop", query: "why?", params: { steps: 1 }, deadlineSeconds: 60 });
    expect([job.id, job.progress]).toEqual(["job-1", 5]);
    const early = eventTypes(job);
    server.emit(server.jobs.get("job-1")!, progress(50));
    expect(job.progress).toBe(50);
    server.emit(server.jobs.get("job-1")!, end);
    const all = ["job_queued", "progress_update", "job_completed"];
    expect([await job, await early, await eventTypes(job)]).toEqual([{ answer: 42 }, all, all]);
  });

  it("rejects with its own code when it fails, and its iteration ends with the event", async () => {
    await connectClient();
    const job = longhaul.query("noop", "x");
    server.emit(server.jobs.get("job-1")!, { type: "job_failed", error: "It broke.", code: "BROKEN", retryable: true, attempts: 3 });
    await expect(job.result()).rejects.toMatchObject({ code: "BROKEN", message: "It broke.", retryable: true });
    expect(await eventTypes(job)).toEqual(["job_queued", "job_failed"]);
  });

  it("rejects when it is refused, and its iteration throws", async () => {
    await connectClient();
    sockets.last.onFrame = ({ requestId }) => sockets.last.deliver({ type: "error", content: "No such kind.", data: { code: "VALIDATION_ERROR", details: { field: "kind" } }, requestId });
    const job = longhaul.query("nope", "x");
    await expect(job.result()).rejects.toMatchObject({ code: "VALIDATION_ERROR", details: { field: "kind" } });
    await expect(eventTypes(job)).rejects.toThrow("No such kind.");
  });

  it("whose submit was in flight at a drop is submitted again under its key, and exists once", async () => {
    let delivery: Delivery = "lost";
    resetServer(() => delivery);
    await connectClient();
    // The server has the job; its reply is lost with the socket.
    const job = longhaul.query("noop", "x");
    expect([job.id, server.jobs.size]).toEqual([undefined, 1]);
    delivery = "delivered";
    const { requestId, idempotencyKey } = sockets.last.sentFrames("query")[0]!;
    expect(String(idempotencyKey).length).toBeGreaterThan(16);
    await dropAndReconnect();
    expect(sockets.last.sentFrames("query")[0]).toMatchObject({ requestId, idempotencyKey });
    expect([job.id, server.jobs.size]).toEqual(["job-1", 1]);
  });

  it("under the same key is the same job, here and at the server", async () => {
    await connectClient();
    const [a, b] = [1, 2].map(() => longhaul.query("noop", "x", { idempotencyKey: "k" }));
    expect([a === b, server.jobs.size]).toEqual([true, 1]);
  });

  it("recovers events lost in a drop", async () => {
    await connectClient();
    const job = longhaul.query("noop", "x");
    sockets.last.drop();
    for (const at of [10, 20, 30]) server.emit(server.jobs.get("job-1")!, progress(at));
    await advance(500);
    sockets.last.open();
    expect([job.progress, sockets.last.sentFrames("subscribe")[0]]).toMatchObject([30, { jobId: "job-1", after: 1 }]);
    server.emit(server.jobs.get("job-1")!, end);
    expect(await job).toEqual({ answer: 42 });
  });

  it("closes a gap at once, page by page", async () => {
    await connectClient();
    const job = longhaul.query("noop", "x");
    const served = server.jobs.get("job-1")!;
    for (const content of "abcdefgh") served.record({ type: "chunk", content });
    server.emit(served, { type: "chunk", content: "!" });
    expect([job.state.content, sockets.last.sentFrames("subscribe").map((frame) => frame.after)]).toEqual(["abcdefgh!", [1, 4, 7]]);
  });

  it("is subscribed to again after 30 s without an event, and no earlier", async () => {
    await connectClient();
    const job = longhaul.query("noop", "x");
    server.jobs.get("job-1")!.record(progress(70));
    await advance(29_999);
    expect([job.progress, sockets.last.sentFrames("subscribe").length]).toEqual([5, 0]);
    await advance(1);
    expect(job.progress).toBe(70);
  });

  it("subscribes again soon when a reply in flight does not close a gap", async () => {
    await connectClient();
    const job = longhaul.query("noop", "x");
    const served = server.jobs.get("job-1")!;
    const replies: (() => void)[] = [];
    const handleFrame = sockets.last.onFrame;
    sockets.last.onFrame = (frame) => replies.push(((reply) => () => sockets.last.deliver({ ...reply, requestId: frame.requestId }))(served.replay(Number(frame.after))));
    await advance(30_000);
    served.record({ type: "chunk", content: "a" });
    server.emit(served, { type: "chunk", content: "b" });
    replies.forEach((deliver) => deliver());
    expect(job.state.content).toBe("");
    sockets.last.onFrame = handleFrame;
    await advance(1000);
    expect(job.state.content).toBe("ab");
  });

  it("is cancelled and reports it", async () => {
    await connectClient();
    const job = longhaul.query("noop", "x");
    await job.cancel();
    await expect(job.result()).rejects.toMatchObject({ code: "CANCELLED" });
    expect(await eventTypes(job)).toEqual(["job_queued", "job_cancelled"]);
    await job.cancel();
    expect(sockets.last.sentFrames("cancel").length).toBe(1);
  });

  it("is cancelled by its signal, and never sent if that was before the submit", async () => {
    startClient();
    const [before, during] = [new AbortController(), new AbortController()];
    const unsent = longhaul.query("noop", "x", { signal: before.signal });
    const never = longhaul.query("noop", "y", { signal: AbortSignal.abort() });
    before.abort();
    await expect(unsent.result()).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(never.result()).rejects.toMatchObject({ code: "CANCELLED" });
    await advance(0);
    sockets.last.open();
    expect(sockets.last.sent).toEqual([]);
    const sent = longhaul.query("noop", "z", { signal: during.signal });
    during.abort();
    await expect(sent.result()).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("keeps running after `leave`, without events here", async () => {
    await connectClient();
    const job = longhaul.query("noop", "x");
    job.leave();
    server.emit(server.jobs.get("job-1")!, end);
    expect([await eventTypes(job), sockets.last.sentFrames("unsubscribe").length]).toEqual([["job_queued"], 1]);
    await expect(job.result()).rejects.toMatchObject({ code: "LEFT" });
  });

  it("causes no unhandled rejection if nobody awaits it", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    await connectClient();
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
  it("gives all events, and two followers receive the same", async () => {
    await connectClient();
    const job = longhaul.query("noop", "x");
    const other = connect({ url: "wss://longhaul.test", token: unsignedToken("alice", 86_400), WebSocket: sockets.WebSocket, lazy: false, environment: fixedRandom(0.25), store: null });
    await advance(0);
    sockets.last.open();
    const followed = other.follow("job-1");
    server.emit(server.jobs.get("job-1")!, progress(40));
    server.emit(server.jobs.get("job-1")!, end);
    expect(followed.state).toEqual(job.state);
    expect(await followed).toEqual({ answer: 42 });
    other.close();
  });

  it("from a seq gives later events, and the end even if it was that seq", async () => {
    await connectClient();
    longhaul.query("noop", "x");
    const served = server.jobs.get("job-1")!;
    longhaul.close();
    for (const body of [progress(10), end]) served.record(body);
    await connectClient();
    expect(await eventTypes(longhaul.follow("job-1", { after: 2 }))).toEqual(["job_completed"]);
    expect(await longhaul.follow("job-1", { after: 3 })).toEqual({ answer: 42 });
  });

  it("a job that does not exist rejects", async () => {
    await connectClient();
    await expect(longhaul.follow("unknown").result()).rejects.toMatchObject({ code: "GONE" });
  });

  it("while offline starts with the connection", async () => {
    startClient();
    const job = longhaul.follow("unknown");
    await advance(0);
    sockets.last.open();
    await expect(job.result()).rejects.toMatchObject({ code: "GONE" });
  });
});

describe("listing", () => {
  it("fetches pages on demand, including empty ones", async () => {
    await connectClient();
    const pages: Record<string, object> = {
      undefined: { jobs: [{ jobId: "a" }], cursor: "1" },
      1: { jobs: [], cursor: "2" },
      2: { jobs: [{ jobId: "b" }] },
    };
    sockets.last.onFrame = ({ requestId, cursor }) => sockets.last.deliver({ type: "jobs", ...pages[String(cursor)], requestId });
    const ids: string[] = [];
    for await (const job of longhaul.jobs({ status: "completed", pageSize: 1 })) {
      ids.push(job.jobId);
      expect(sockets.last.sent.length).toBe(ids.length === 1 ? 1 : 3);
    }
    expect([ids, sockets.last.sent[0]]).toMatchObject([["a", "b"], { status: "completed", limit: 1 }]);
  });
});

describe("a reload", () => {
  let storage: Storage;
  beforeEach(() => {
    const entries: Record<string, string> = {};
    storage = Object.assign(Object.create({
      getItem: (name: string) => (storage as never)[name] ?? null,
      setItem: (name: string, text: string) => Object.assign(storage, { [name]: text }),
      removeItem: (name: string) => delete (storage as never)[name],
    }), entries) as Storage;
  });

  it("resumes the open jobs from their first event, and removes them at their end", async () => {
    await connectClient({ store: webStore(storage) });
    longhaul.query("noop", "x");
    server.emit(server.jobs.get("job-1")!, { type: "chunk", content: "so far" });
    longhaul.close();
    await connectClient({ store: webStore(storage) });
    const [job] = await longhaul.resumed;
    expect([job!.id, job!.state.content, server.jobs.size]).toEqual(["job-1", "so far", 1]);
    server.emit(server.jobs.get("job-1")!, end);
    expect([await job, Object.keys(storage)]).toEqual([{ answer: 42 }, []]);
  });

  it("during a submit submits again under the same key", async () => {
    await connectClient({ store: webStore(storage) });
    sockets.last.onFrame = () => {};
    longhaul.query("noop", "x", { params: { steps: 2 } });
    const { idempotencyKey } = sockets.last.sentFrames("query")[0]!;
    longhaul.close();
    await connectClient({ store: webStore(storage) });
    const [job] = await longhaul.resumed;
    expect([job!.id, sockets.last.sentFrames("query")]).toMatchObject(["job-1", [{ idempotencyKey, params: { steps: 2 } }]]);
  });

  it("resumes neither another user's jobs nor old jobs that were never accepted", async () => {
    await connectClient({ store: webStore(storage) });
    sockets.last.onFrame = () => {};
    longhaul.query("noop", "x");
    longhaul.close();
    await connectClient({ store: webStore(storage), token: unsignedToken("bob", 86_400) });
    expect([await longhaul.resumed, sockets.last.sent]).toEqual([[], []]);
    longhaul.close();
    await advance(3_700_000);
    await connectClient({ store: webStore(storage) });
    expect([await longhaul.resumed, sockets.last.sent, Object.keys(storage)]).toEqual([[], [], []]);
  });

  it("resumes nothing if the store cannot be used", async () => {
    const forbidden = () => {
      throw new Error("forbidden");
    };
    await connectClient({ store: { load: forbidden, save: forbidden, remove: forbidden } });
    const job = longhaul.query("noop", "x");
    expect([await longhaul.resumed, job.id]).toEqual([[], "job-1"]);
  });
});

describe("whatever happens to frames and sockets", () => {
  const deliveries = fc.infiniteStream(fc.constantFrom<Delivery>("delivered", "delivered", "lost", "duplicated", "delayed"));
  const step = fc.constantFrom("event", "event", "event", "drop", "release", "wait");

  it("every job ends in the undisturbed state, with each event once, in order, and submitted once", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryLog, deliveries, fc.array(step, { maxLength: 40 }), async (bodies, deliveries, steps) => {
        let isCalm = false;
        resetServer(() => (isCalm ? "delivered" : deliveries.next().value!));
        await connectClient();
        const job = longhaul.query("noop", "why?");
        const seqs: number[] = [];
        void (async () => {
          for await (const event of job) seqs.push(event.seq);
        })();
        const history: JobEvent[] = [];
        void (async () => {
          for await (const event of job.history()) history.push(event);
        })();
        const remaining = [...bodies];
        for (const step of steps) {
          const served = server.jobs.get("job-1")!;
          if (step === "event" && remaining.length > 0) server.emit(served, remaining.shift()!);
          if (step === "drop") await dropAndReconnect();
          if (step === "release") server.releaseDelayed();
          if (step === "wait") await advance(10_000);
        }
        isCalm = true;
        const served = server.jobs.get("job-1")!;
        while (remaining.length > 0) server.emit(served, remaining.shift()!);
        server.releaseDelayed();
        // A lost reply is noticed after 30 s. Sockets are opened before the client abandons them.
        for (let waits = 0; waits < 40 && (job.state.applied < served.log.length || history.length < served.log.length); waits++) {
          await advance(5_000);
          if (!sockets.last.isOpen) sockets.last.open();
        }
        await advance(0);
        const undisturbed = connect({ url: "wss://longhaul.test", token: unsignedToken("alice", 86_400), WebSocket: sockets.WebSocket, lazy: false, store: null });
        await advance(0);
        sockets.last.open();
        const reference = undisturbed.follow("job-1");
        expect(reference.state.applied).toBe(served.log.length);
        // What a client never received depends on when it came; the rest of the state doesn't.
        expect({ ...job.state, skippedThrough: 0 }).toEqual({ ...reference.state, skippedThrough: 0 });
        expect(history).toEqual(served.log);
        expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
        expect([seqs[0], seqs.at(-1), server.jobs.size]).toEqual([1, served.log.length, 1]);
        undisturbed.close();
        longhaul.close();
      }),
      { numRuns: 300 },
    );
  });
});
