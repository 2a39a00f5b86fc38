/** Tests of jobs against a real stack. Skipped if no binary is built. */
import { describe, expect, it } from "vitest";
import type { JobEvent } from "../src/index.js";
import { client, proxy, stack, tokenFor } from "./stackFixture.js";
import { isBuilt } from "./stack.js";

describe.skipIf(!isBuilt)("on a real stack", () => {
  it("a query is answered, with every event in order", async () => {
    const job = client().query("finops", "What was my S3 spend in May?");
    const events: JobEvent[] = [];
    for await (const event of job) events.push(event);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, at) => at + 1));
    expect([events[0]!.type, events.at(-1)!.type, job.progress]).toEqual(["job_queued", "job_completed", 100]);
    const result = await job;
    expect(result.agent).toBe("finops");
    expect(result.response).toContain("USD");
  });

  it("after a drop in the middle of a job nothing is missing or duplicated", async () => {
    const longhaul = client();
    const states: string[] = [];
    longhaul.on("state", ({ state }) => states.push(state));
    const job = longhaul.query("noop", "long", { params: { steps: 20, stepMs: 150 } });
    const seqs: number[] = [];
    for await (const event of job) {
      seqs.push(event.seq);
      if (event.type === "progress_update" && !states.includes("waiting")) proxy.dropConnections();
    }
    expect(states).toContain("waiting");
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    expect([seqs[0], seqs.at(-1), job.state.status]).toEqual([1, job.state.applied, "completed"]);
  });

  it("a drop in the middle of a submit creates no second job", async () => {
    const longhaul = client({ token: tokenFor("carol") });
    const job = longhaul.query("noop", "once");
    const off = longhaul.on("state", ({ state }) => {
      if (state !== "open") return;
      off();
      // The frame is sent and its reply has not arrived.
      setImmediate(() => proxy.dropConnections());
    });
    await job;
    const ids: string[] = [];
    for await (const { jobId } of longhaul.jobs({ pageSize: 1 })) ids.push(jobId);
    expect(ids).toEqual([job.id]);
  });

  it("two clients of one job have the same state, and so does a later one", async () => {
    const [one, two] = [client(), client()];
    const job = one.query("noop", "shared", { params: { steps: 5, stepMs: 100 } });
    for await (const event of job) if (event.type === "progress_update") break;
    const followed = two.follow(job.id!);
    expect(await followed).toEqual(await job);
    expect(await client().follow(job.id!)).toEqual(await job);
    expect(followed.state).toMatchObject({ status: "completed", applied: job.state.applied });
    const view = await two.get(job.id!);
    expect(view).toMatchObject({ jobId: job.id, kind: "noop", query: "shared", status: "completed" });
  });

  it("the same key is the same job, also from other clients in parallel; with another query it is a conflict", async () => {
    const options = { idempotencyKey: "one" };
    const jobs = [client(), client(), client()].map((longhaul) => longhaul.query("noop", "same", options));
    await Promise.all(jobs);
    expect(new Set(jobs.map((job) => job.id)).size).toBe(1);
    await expect(client().query("noop", "different", options).result()).rejects.toMatchObject({ code: "CONFLICT" });
  });

  it("another user's job is not found, and an unknown kind is refused with its field", async () => {
    const job = client().query("noop", "mine");
    await job;
    const bob = client({ token: tokenFor("bob") });
    await expect(bob.follow(job.id!).result()).rejects.toMatchObject({ code: "GONE" });
    expect(await bob.get(job.id!)).toBeUndefined();
    await expect(bob.query("nope", "x").result()).rejects.toMatchObject({ code: "VALIDATION_ERROR", details: { field: "kind" } });
  });

  it("a streamed answer is complete despite a drop", async () => {
    const [one, two] = [client(), client()];
    const job = one.query("noop", "streamed", { params: { steps: 12, stepMs: 150, text: 3000 } });
    for await (const event of job) {
      if (event.type !== "chunk") continue;
      proxy.dropConnections();
      break;
    }
    await job;
    const followed = two.follow(job.id!);
    await followed;
    expect(job.state.content.length).toBeGreaterThanOrEqual(12 * 3000);
    expect(followed.state.content).toBe(job.state.content);
  });

  it("a cancelled job ends, and a deadline ends another job", async () => {
    const longhaul = client();
    const params = { steps: 200, stepMs: 200 };
    const job = longhaul.query("noop", "long", { params });
    for await (const event of job) if (event.type === "progress_update") break;
    await job.cancel();
    await expect(job.result()).rejects.toMatchObject({ code: "CANCELLED" });
    await job.cancel();
    const late = longhaul.query("noop", "late", { params, deadlineSeconds: 1 });
    await expect(late.result()).rejects.toMatchObject({ name: "LonghaulError", details: { jobId: expect.any(String) } });
    expect(late.state.status).toBe("failed");
  });

  it("a token is renewed before it expires, on the same socket", async () => {
    const seconds = [6, 60];
    const shortLived = () => stack.token("alice", seconds.shift() ?? 60);
    const longhaul = client({ token: shortLived });
    const states: string[] = [];
    longhaul.on("state", ({ state }) => states.push(state));
    await longhaul.query("noop", "longer than the token", { params: { steps: 10, stepMs: 800 } });
    expect(await longhaul.query("noop", "after it")).toBeTruthy();
    expect([states, seconds]).toEqual([["open"], []]);
  });

  it("a connection hands over to the next in the middle of a job", async () => {
    const longhaul = client({ timing: { life: 400, overlap: 100 } });
    const states: string[] = [];
    longhaul.on("state", ({ state }) => states.push(state));
    const job = longhaul.query("noop", "handed over", { params: { steps: 15, stepMs: 100 } });
    await job;
    // Once at the start, and at least once for a hand-over.
    expect(states.filter((state) => state === "open").length).toBeGreaterThan(1);
    expect(states).not.toContain("waiting");
  });
});
