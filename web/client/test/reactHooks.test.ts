// @vitest-environment happy-dom
/** Tests of the hooks for jobs and of the provider, in StrictMode. */
import { act, createElement, StrictMode, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { describe, expect, it, vi } from "vitest";
import { type Job, type JobView, LonghaulError } from "../src/index.js";
import { LonghaulProvider, useJob, useJobs, useLonghaul, useQueryJob } from "../src/react.js";
import { longhaul, renderHook, server, flush, sockets } from "./reactFixture.js";
import { fixedRandom, unsignedToken } from "./scriptedSocket.js";

const progress = (progress: number) => ({ type: "progress_update", status: "processing", message: `at ${progress}`, progress, attempt: 1 }) as const;
const end = { type: "job_completed", result: { answer: 42 } } as const;
const job = (number: number) => server.jobs.get(`job-${number}`)!;
const subscribed = () => sockets.last.sentFrames("subscribe").length;
const unsubscribed = () => sockets.last.sentFrames("unsubscribe").length;

describe("useJob", () => {
  it.each([null, undefined])("without a job (%s) shows none", async (none) => {
    const hook = await renderHook(() => useJob(none));
    expect(hook.current).toMatchObject({ status: "submitting", isPending: false, job: undefined, failure: undefined });
  });

  it("has a typed failure, and calls back once with the result or the failure", async () => {
    const calls: unknown[] = [];
    const options = { onFinish: (result: unknown) => calls.push(result), onError: (error: LonghaulError) => calls.push(error.code) };
    const jobs = ["a", "b"].map((text) => longhaul.query("noop", text));
    const [first, second] = [await renderHook(() => useJob(jobs[0], options)), await renderHook(() => useJob(jobs[1], options))];
    await flush(() => server.emit(job(1), end));
    await flush(() => server.emit(job(2), { type: "job_failed", error: "It broke.", code: "BROKEN", retryable: false, attempts: 1 }));
    expect([calls, first.current.result, second.current.failure?.code]).toEqual([[{ answer: 42 }, ], { answer: 42 }, "BROKEN"].map((value, at) => (at === 0 ? [{ answer: 42 }, "BROKEN"] : value)));
    expect(second.current).toMatchObject({ isPending: false, error: { code: "BROKEN" } });
  });

  it("by id shares one subscription, and ends it with the last component", async () => {
    await flush(() => longhaul.query("noop", "x").leave());
    const before = unsubscribed();
    const [one, two] = [await renderHook(() => useJob("job-1", { throttle: 0 })), await renderHook(() => useJob("job-1", { throttle: 0 }))];
    expect([subscribed(), one.current.status, two.current.status]).toEqual([1, "queued", "queued"]);
    await one.unmount();
    await flush(() => server.emit(job(1), progress(40)));
    expect([unsubscribed() - before, two.current.progress]).toEqual([0, 40]);
    await two.unmount();
    expect(unsubscribed() - before).toBe(1);
  });

  it("does not end the subscription of a job that the application follows itself", async () => {
    const submitted = longhaul.query("noop", "x");
    const hook = await renderHook(() => useJob("job-1"));
    await hook.unmount();
    await flush(() => server.emit(job(1), end));
    expect([unsubscribed(), await submitted]).toEqual([0, { answer: 42 }]);
  });

  it("asks nothing for a job that ended while it was shown, nor for a row that has ended", async () => {
    await flush(() => longhaul.query("noop", "x").leave());
    const hook = await renderHook(() => useJob("job-1"));
    await flush(() => server.emit(job(1), end));
    await hook.unmount();
    const [asked, left] = [sockets.last.sent.length, unsubscribed()];
    const again = await renderHook(() => useJob("job-1"));
    const row = { jobId: "job-9", userId: "alice", kind: "noop", query: "q", status: "completed", progress: 100, message: "", seq: 3, attempt: 1, createdAt: "", updatedAt: "" } as JobView;
    const ended = await renderHook(() => useJob(row));
    await again.unmount();
    expect([again.current.result, ended.current.status, ended.current.isPending]).toEqual([{ answer: 42 }, "completed", false]);
    expect([sockets.last.sent.length, unsubscribed()]).toEqual([asked, left]);
  });

  it("renders a fast stream at most once in the throttle's time, and its end at once", async () => {
    const submitted = longhaul.query("noop", "x");
    const hook = await renderHook(() => useJob(submitted, { throttle: 60_000 }));
    await flush(() => server.emit(job(1), progress(1)));
    const before = hook.renders;
    for (let n = 0; n < 50; n++) await flush(() => server.emit(job(1), { type: "chunk", content: "x" }));
    expect(hook.renders - before).toBe(0);
    await flush(() => server.emit(job(1), end));
    expect([hook.current.status, hook.current.content.length]).toEqual(["completed", 50]);
  });
});

describe("useQueryJob", () => {
  it("submits a job and shows its status, progress, events, data and end", async () => {
    const onFinish = vi.fn();
    const hook = await renderHook(() => useQueryJob("noop", { params: { steps: 1 }, onFinish }));
    expect(hook.current).toMatchObject({ status: "idle", isPending: false, data: undefined, error: undefined, events: [] });
    await flush(() => hook.current.submit("why?", { deadlineSeconds: 9 }));
    expect(sockets.last.sentFrames("query")).toMatchObject([{ kind: "noop", query: "why?", params: { steps: 1 }, deadlineSeconds: 9 }]);
    expect(hook.current).toMatchObject({ status: "queued", isPending: true, progress: 5 });
    await flush(() => server.emit(job(1), progress(50)));
    await flush(() => server.emit(job(1), end));
    expect(hook.current).toMatchObject({ status: "completed", isPending: false, data: { answer: 42 }, progress: 100 });
    expect([hook.current.events.map(({ type }) => type), onFinish.mock.calls.length]).toEqual([["job_queued", "progress_update", "job_completed"], 1]);
    await flush(() => hook.current.reset());
    expect(hook.current).toMatchObject({ status: "idle", isPending: false, data: undefined });
  });

  it("makes one job in an effect that StrictMode runs twice, and another one after its end", async () => {
    const hook = await renderHook(() => {
      const { submit, ...rest } = useQueryJob("noop");
      useEffect(() => void submit("once"), [submit]);
      return { submit, ...rest };
    });
    expect([server.jobs.size, sockets.last.sentFrames("query").length]).toEqual([1, 1]);
    await flush(() => server.emit(job(1), end));
    await flush(() => hook.current.submit("once"));
    await flush(() => hook.current.submit("else"));
    expect(server.jobs.size).toBe(3);
  });

  it("shows a refusal as an error, and cancels", async () => {
    const onError = vi.fn();
    const hook = await renderHook(() => useQueryJob("noop", { onError }));
    await flush(() => hook.current.submit("x"));
    await flush(() => hook.current.cancel());
    expect(hook.current).toMatchObject({ status: "cancelled", isPending: false, error: { code: "CANCELLED" } });
    sockets.last.onFrame = ({ requestId }) => sockets.last.deliver({ type: "error", content: "'query' is missing or empty.", data: { code: "VALIDATION_ERROR" }, requestId });
    await flush(() => hook.current.submit(" "));
    expect(hook.current).toMatchObject({ status: "refused", isPending: false, error: { code: "VALIDATION_ERROR" } });
    expect(onError.mock.calls.length).toBe(2);
  });

  it("leaves the job running when the component unmounts", async () => {
    const hook = await renderHook(() => useQueryJob("noop"));
    let submitted!: Job<any>;
    await flush(() => (submitted = hook.current.submit("x")));
    await hook.unmount();
    server.emit(job(1), end);
    expect(await submitted).toEqual({ answer: 42 });
    expect(sockets.last.sentFrames("cancel").length).toBe(0);
  });
});

describe("useJobs", () => {
  const row = (jobId: string, status: JobView["status"], createdAt: string, kind = "noop") => ({ jobId, userId: "alice", kind, query: jobId, status, progress: 0, message: "", seq: 1, attempt: 1, createdAt, updatedAt: createdAt });

  it("lists pages, follows open jobs, and ends their subscriptions with the component", async () => {
    await flush(() => longhaul.query("noop", "x").leave());
    const handle = sockets.last.onFrame;
    const pages: Record<string, object> = { undefined: { jobs: [row("job-1", "processing", "2026-01-02")], cursor: "1" }, 1: { jobs: [row("old", "completed", "2026-01-01")] } };
    sockets.last.onFrame = (frame) => (frame.action === "listJobs" ? sockets.last.deliver({ type: "jobs", ...pages[String(frame.cursor)], requestId: frame.requestId }) : handle(frame));
    const left = unsubscribed();
    const hook = await renderHook(() => useJobs({ pageSize: 1 }, { refreshMs: null }));
    expect(hook.current).toMatchObject({ jobs: [{ jobId: "job-1" }], hasMore: true, isPending: false });
    await flush(() => hook.current.loadMore());
    expect([hook.current.jobs.map(({ jobId }) => jobId), subscribed()]).toEqual([["job-1", "old"], 1]);
    await flush(() => server.emit(job(1), progress(60)));
    expect(hook.current.jobs[0]).toMatchObject({ status: "processing", progress: 60 });
    await flush(() => server.emit(job(1), end));
    expect(hook.current.jobs[0]).toMatchObject({ status: "completed", progress: 100 });
    await hook.unmount();
    expect(unsubscribed() - left).toBe(0);
  });

  it("leaves out no job between the new ones and the loaded ones, however many there are", async () => {
    const days = (count: number) => Array.from({ length: count }, (_, at) => row(`job-${count - at}`, "completed", String(1000 + count - at)));
    let all = days(5);
    sockets.last.onFrame = (frame) => {
      const start = Number(frame.cursor ?? 0);
      const end = start + Number(frame.limit);
      sockets.last.deliver({ type: "jobs", jobs: all.slice(start, end), cursor: end < all.length ? String(end) : undefined, requestId: frame.requestId });
    };
    const hook = await renderHook(() => useJobs({ pageSize: 25 }, { refreshMs: null }));
    const shown = () => hook.current.jobs.map(({ jobId }) => jobId);
    expect(shown()).toHaveLength(5);
    all = days(65);
    await flush(() => hook.current.refresh());
    expect(shown()).toEqual(all.map(({ jobId }) => jobId));
    // Far more new ones: the list has no hole either, and older jobs are loaded on demand.
    all = days(1000);
    await flush(() => hook.current.refresh());
    expect([shown(), hook.current.hasMore]).toEqual([all.slice(0, 250).map(({ jobId }) => jobId), true]);
    await flush(() => hook.current.loadMore());
    expect(shown()).toEqual(all.slice(0, 275).map(({ jobId }) => jobId));
  });

  it("filters by kind and status, and shows why a page could not be read", async () => {
    sockets.last.onFrame = (frame) =>
      sockets.last.deliver(
        frame.status === "failed"
          ? { type: "error", content: "No.", data: { code: "AUTHORIZATION_ERROR" }, requestId: frame.requestId }
          : { type: "jobs", jobs: [row("a", "completed", "2"), row("b", "completed", "1", "finops")], requestId: frame.requestId },
      );
    const hook = await renderHook(() => useJobs({ kind: "finops" }, { refreshMs: null }));
    expect(hook.current.jobs.map(({ jobId }) => jobId)).toEqual(["b"]);
    await hook.rerender(() => useJobs({ status: "failed" }, { refreshMs: null }));
    expect(hook.current).toMatchObject({ jobs: [], isPending: false, hasMore: false, error: { code: "AUTHORIZATION_ERROR" } });
  });
});

describe("LonghaulProvider", () => {
  it("opens one connection in StrictMode, keeps it with other props, and closes it when it unmounts", async () => {
    const opened = sockets.all.length;
    const root = createRoot(document.createElement("div"));
    const states: string[] = [];
    function Status() {
      states.push(useLonghaul().connection.state);
      return null;
    }
    const render = (user: string) => {
      const props = { url: "wss://longhaul.test", token: () => unsignedToken(user, 60), user, WebSocket: sockets.WebSocket, environment: fixedRandom(0.5), store: null };
      return flush(() => root.render(createElement(StrictMode, null, createElement(LonghaulProvider, props, createElement(Status)))));
    };
    await render("bob");
    await render("bob");
    expect(sockets.all.length - opened).toBe(1);
    const first = sockets.last;
    await flush(() => first.open());
    expect(states.at(-1)).toBe("open");
    await render("carol");
    expect([first.isClosed, sockets.all.length - opened]).toEqual([true, 2]);
    await flush(() => root.unmount());
    expect(sockets.last.isClosed).toBe(true);
  });

  it("continues with a client for the next user, if the token is another user's", async () => {
    const root = createRoot(document.createElement("div"));
    const clients = new Set<object>();
    let user = "bob";
    function Status() {
      clients.add(useLonghaul().longhaul);
      return null;
    }
    const props = { url: "wss://longhaul.test", token: () => unsignedToken(user, 60), WebSocket: sockets.WebSocket, environment: fixedRandom(0), store: null };
    await flush(() => root.render(createElement(LonghaulProvider, props, createElement(Status))));
    await flush(() => sockets.last.open());
    user = "carol";
    const ofBob = sockets.last;
    await flush(() => ofBob.drop());
    await flush();
    await flush(() => sockets.last.open());
    expect([clients.size, sockets.last === ofBob, sockets.last.isOpen]).toEqual([2, false, true]);
    await flush(() => root.unmount());
  });

  it("is named by a hook that misses it", async () => {
    const root = createRoot(document.createElement("div"), { onUncaughtError: () => {} });
    const Alone = () => (useQueryJob("noop"), null);
    await expect(act(async () => root.render(createElement(Alone)))).rejects.toThrow("useQueryJob must be used inside a LonghaulProvider.");
  });
});
