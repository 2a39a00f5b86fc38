/** Tests that every refusal ends its job or request with the server's error, and that nothing refused is repeated. */
import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { advance, connectClient, longhaul, resetServer, server, sockets, startClient } from "./scriptedFixture.js";

const error = (message: string, more: object = {}) => ({ type: "error", content: message, data: { code: "VALIDATION_ERROR", message, details: {} }, timestamp: 1, ...more });

describe("a job that is refused", () => {
  it.each(["No analysis is registered for the kind 'nope'.", "'query' is missing or empty.", "'query' has 25000 bytes; the limit is 24576."])("is over, with the sentence: %s", async (sentence) => {
    await connectClient();
    sockets.last.onFrame = ({ requestId }) => sockets.last.deliver(error(sentence, { requestId }));
    const job = longhaul.query("nope", "x");
    expect(job.state).toMatchObject({ status: "refused", error: { code: "VALIDATION_ERROR", message: sentence, retryable: false } });
    await expect(job.result()).rejects.toMatchObject({ code: "VALIDATION_ERROR", message: sentence });
  });

  it("locally is over too: too large, too many, never sent", async () => {
    startClient({ queue: 1 });
    longhaul.query("noop", "x");
    const signal = AbortSignal.abort();
    const jobs = [longhaul.query("noop", "é".repeat(16_000)), longhaul.query("noop", "y"), longhaul.query("noop", "z", { signal })];
    expect(jobs.map(({ state }) => [state.status, state.error?.code])).toEqual([
      ["refused", "VALIDATION_ERROR"],
      ["refused", "QUEUE_FULL"],
      ["cancelled", "CANCELLED"],
    ]);
  });

  it("differs from one that is only no longer followed, which keeps its status", async () => {
    await connectClient();
    const [left, closed] = [longhaul.query("noop", "x"), longhaul.query("noop", "y")];
    left.leave();
    longhaul.close();
    expect([left, closed].map(({ state }) => [state.status, state.error?.code])).toEqual([["queued", "LEFT"], ["queued", "CLOSED"]]);
  });
});

describe("a refusal that names no request", () => {
  it("fails the one request that it can be for, which is not sent again", async () => {
    await connectClient();
    sockets.last.onFrame = () => sockets.last.deliver(error("The frame is not JSON."));
    const job = longhaul.query("noop", "half an emoji: \ud83e");
    expect(job.state).toMatchObject({ status: "refused", error: { message: "The frame is not JSON." } });
    await advance(120_000);
    expect(sockets.all.flatMap((socket) => socket.sentFrames("query")).length).toBe(1);
  });

  it("among several unanswered requests fails the one that stays without an answer", async () => {
    await connectClient();
    const handle = sockets.last.onFrame;
    const held: (() => void)[] = [];
    sockets.last.onFrame = (frame) => (frame.query === "bad" ? sockets.last.deliver(error("The frame is nested too deeply.")) : void held.push(() => handle(frame)));
    const good = longhaul.query("noop", "good");
    const bad = longhaul.query("noop", "bad");
    const later = longhaul.query("noop", "later");
    expect([good, bad, later].map(({ state }) => state.status)).toEqual(["submitting", "submitting", "submitting"]);
    held.forEach((answer) => answer());
    expect([good, bad, later].map(({ state }) => state.status)).toEqual(["queued", "refused", "queued"]);
  });

  it("fails at once the request whose frame has the length that the server names", async () => {
    await connectClient();
    sockets.last.onFrame = () => {};
    const jobs = ["a", "bé"].map((text) => longhaul.query("noop", text, { idempotencyKey: text }));
    const bytes = Buffer.byteLength(JSON.stringify(sockets.last.sent[1]));
    sockets.last.deliver({ ...error("The frame is not JSON."), data: { code: "VALIDATION_ERROR", details: { bytes, sha256: "..." } } });
    expect(jobs.map(({ state }) => state.status)).toEqual(["submitting", "refused"]);
  });

  it("among requests of one length fails the one with the hash that the server names", async () => {
    await connectClient();
    sockets.last.onFrame = () => {};
    const jobs = ["a", "b", "c"].map((text) => longhaul.query("noop", text, { idempotencyKey: text }));
    const frame = JSON.stringify(sockets.last.sent[1]);
    const details = { bytes: Buffer.byteLength(frame), sha256: createHash("sha256").update(frame).digest("hex") };
    sockets.last.deliver({ ...error("The frame is not JSON."), data: { code: "VALIDATION_ERROR", details } });
    await expect(jobs[1]!.result()).rejects.toMatchObject({ message: "The frame is not JSON." });
    expect(jobs.map(({ state }) => state.status)).toEqual(["submitting", "refused", "submitting"]);
  });

  it("among requests of one length waits for the other answers where no hash can be computed", async () => {
    await connectClient();
    const handle = sockets.last.onFrame;
    sockets.last.onFrame = () => {};
    const jobs = ["a", "b"].map((text) => longhaul.query("noop", text, { idempotencyKey: text }));
    const [first, second] = sockets.last.sent;
    vi.stubGlobal("crypto", {});
    const details = { bytes: Buffer.byteLength(JSON.stringify(second)), sha256: "unused" };
    sockets.last.deliver({ ...error("The frame is not JSON."), data: { code: "VALIDATION_ERROR", details } });
    await advance(0);
    vi.unstubAllGlobals();
    expect(jobs.map(({ state }) => state.status)).toEqual(["submitting", "submitting"]);
    handle(first!);
    expect(jobs.map(({ state }) => state.status)).toEqual(["queued", "refused"]);
  });

  it("for each of several such requests fails all of them", async () => {
    await connectClient();
    sockets.last.onFrame = () => {};
    const jobs = ["a", "b"].map((text) => longhaul.query("noop", text));
    for (const _ of jobs) sockets.last.deliver(error("The frame is not JSON."));
    expect(jobs.map(({ state }) => state.status)).toEqual(["refused", "refused"]);
  });

  it("is kept apart from an error about a job, and from one that arrives when nothing is unanswered", async () => {
    await connectClient();
    sockets.last.deliver(error("About nothing."));
    sockets.last.onFrame = () => {};
    const job = longhaul.query("noop", "x");
    sockets.last.deliver(error("A dialect cannot take back text.", { jobId: "job-7" }));
    expect(job.state.status).toBe("submitting");
  });
});

describe("the gateway", () => {
  beforeEach(() => resetServer());

  it("that fails a frame each time is asked some times, then the request fails", async () => {
    await connectClient();
    sockets.last.onFrame = () => sockets.last.deliver({ message: "Internal server error", connectionId: "c", requestId: "not ours" });
    const job = longhaul.query("noop", "x");
    await advance(30_000);
    expect(job.state).toMatchObject({ status: "refused", error: { code: "INTERNAL_ERROR", message: "Internal server error" } });
    expect(sockets.all.flatMap((socket) => socket.sentFrames("query")).length).toBe(6);
  });

  it("that closes the socket because of a frame's size fails the largest frame only", async () => {
    await connectClient();
    sockets.last.onFrame = () => {};
    const [small, large] = [longhaul.query("noop", "x"), longhaul.query("noop", "x".repeat(20_000))];
    sockets.last.onclose!({ code: 1009 });
    expect([small.state.status, large.state.status]).toEqual(["submitting", "refused"]);
    await advance(500);
    sockets.last.open();
    expect([small.state.status, server.jobs.size]).toEqual(["queued", 1]);
  });
});
