/** Tests of the types that applications rely on, checked by the compiler, and that a job is a promise in every way. */
import { assertType, describe, expect, expectTypeOf, it } from "vitest";
import type { FinopsResult, Job, JobEvent, JobState, JobView, Longhaul, LonghaulError } from "../src/index.js";
import type { useJob, useQueryJob, UsedJob } from "../src/react.js";
import { followQuery, jobQuery } from "../src/tanstack.js";
import { advance, connectClient, longhaul, server, sockets } from "./scriptedFixture.js";

declare module "../src/protocol.js" {
  interface Results {
    counted: { words: number };
  }
}

describe("the types", () => {
  it("of a job are those of a promise of its result, so that other libraries infer it", () => {
    expectTypeOf<Job<{ words: number }>>().toExtend<Promise<{ words: number }>>();
    expectTypeOf<Awaited<Job<{ words: number }>>>().toEqualTypeOf<{ words: number }>();
    const submit = (client: Longhaul) => client.query("counted", "x");
    expectTypeOf<ReturnType<typeof submit>>().toEqualTypeOf<Job<{ words: number }>>();
    expectTypeOf<Awaited<ReturnType<ReturnType<typeof jobQuery<"counted">>["queryFn"]>>>().toEqualTypeOf<{ words: number }>();
    expectTypeOf<Awaited<ReturnType<ReturnType<typeof followQuery<string>>["queryFn"]>>>().toEqualTypeOf<string>();
  });

  it("let a job of a known result stand where any job is expected", () => {
    const known = undefined as unknown as Job<FinopsResult>;
    assertType<Job<unknown>>(known);
    assertType<Job>(known);
    assertType<Job<Partial<FinopsResult>>>(known);
    assertType<readonly Job<unknown>[]>([known]);
    // @ts-expect-error A job of an unknown result is not one of a known one.
    assertType<Job<FinopsResult>>(undefined as unknown as Job<unknown>);
  });

  it("of the hooks accept no job, and have a typed failure", () => {
    type Source = Parameters<typeof useJob<string>>[0];
    expectTypeOf<null>().toExtend<Source>();
    expectTypeOf<undefined>().toExtend<Source>();
    expectTypeOf<Job<string>>().toExtend<Source>();
    expectTypeOf<JobView<string>>().toExtend<Source>();
    expectTypeOf<UsedJob<string>["failure"]>().toEqualTypeOf<LonghaulError | undefined>();
    expectTypeOf<ReturnType<typeof useQueryJob<"counted">>["data"]>().toEqualTypeOf<{ words: number } | undefined>();
    expectTypeOf<ReturnType<typeof useQueryJob<"other">>["data"]>().toEqualTypeOf<unknown>();
  });

  it("of an event and of an interruption have `type` as their discriminator", () => {
    const retryAt = ({ interruption }: JobState) => (interruption?.type === "attempt_failed" ? interruption.retryAt : undefined);
    expectTypeOf(retryAt).returns.toEqualTypeOf<string | undefined>();
    const detail = (event: JobEvent) => (event.type === "step" ? event.ms : event.type === "attempt_started" ? event.resumed : undefined);
    expectTypeOf(detail).returns.toEqualTypeOf<number | boolean | undefined>();
  });

  it("of a list accept a kind", () => {
    type Filter = NonNullable<Parameters<Longhaul["jobs"]>[0]>;
    expectTypeOf<{ kind: string; status: "failed"; pageSize: number }>().toExtend<Filter>();
    // @ts-expect-error There is no such status.
    assertType<Filter>({ status: "done" });
  });
});

describe("a job", () => {
  it("has `catch` and `finally`, and works wherever a promise does", async () => {
    await connectClient();
    const [good, bad] = ["a", "b"].map((text) => longhaul.query("noop", text));
    const settled: string[] = [];
    void good!.finally(() => settled.push("good"));
    void bad!.finally(() => settled.push("bad")).catch(() => {});
    server.emit(server.jobs.get("job-1")!, { type: "job_completed", result: { answer: 42 } });
    server.emit(server.jobs.get("job-2")!, { type: "job_failed", error: "It broke.", code: "BROKEN", retryable: false, attempts: 1 });
    await advance(0);
    expect(await bad!.catch((error: LonghaulError) => error.code)).toBe("BROKEN");
    expect(await Promise.allSettled([good, bad])).toMatchObject([{ value: { answer: 42 } }, { reason: { code: "BROKEN" } }]);
    expect([settled, Object.prototype.toString.call(good)]).toEqual([["good", "bad"], "[object Job]"]);
  });

  it("that is left keeps another handle of the same job followed", async () => {
    await connectClient();
    const submitted = longhaul.query("noop", "x", { idempotencyKey: "k" });
    longhaul.close();
    await connectClient();
    const followed = longhaul.follow("job-1");
    const again = longhaul.query("noop", "x", { idempotencyKey: "k" });
    await advance(0);
    followed.leave();
    server.emit(server.jobs.get("job-1")!, { type: "job_completed", result: 1 });
    expect([submitted.failure?.code, followed.failure?.code, await again]).toEqual(["CLOSED", "LEFT", 1]);
  });

  it("is listed by its kind, over all pages", async () => {
    await connectClient();
    const pages: Record<string, object> = { undefined: { jobs: [{ jobId: "a", kind: "chat" }], cursor: "1" }, 1: { jobs: [{ jobId: "b", kind: "noop" }] } };
    sockets.last.onFrame = ({ requestId, cursor }) => sockets.last.deliver({ type: "jobs", ...pages[String(cursor)], requestId });
    const ids: string[] = [];
    for await (const { jobId } of longhaul.jobs({ kind: "noop" })) ids.push(jobId);
    expect([ids, "kind" in sockets.last.sent[0]!]).toEqual([["b"], false]);
  });
});
