// @vitest-environment happy-dom
/** Tests of the hook that gives a job's whole history, in StrictMode. */
import { expect, it } from "vitest";
import { useJobEvents } from "../src/react.js";
import { flush, longhaul, renderHook, server, sockets } from "./reactFixture.js";

const progress = (progress: number) => ({ type: "progress_update", status: "processing", message: "", progress, attempt: 1 }) as const;
const end = { type: "job_completed", result: { answer: 42 } } as const;
const served = () => server.jobs.get("job-1")!;

it("by id gives what was left out and what comes, and ends with the job", async () => {
  await flush(() => longhaul.query("noop", "x").leave());
  for (const percent of [10, 20, 30]) server.emit(served(), progress(percent));
  const hook = await renderHook(() => useJobEvents("job-1", { throttle: 0 }));
  for (let waits = 0; waits < 5; waits++) await flush();
  expect(hook.current).toMatchObject({ events: served().log, isPending: true });
  await flush(() => server.emit(served(), end));
  await flush();
  expect(hook.current).toEqual({ events: served().log, isPending: false });
});

it("of a job that this page submitted asks for nothing, and unmounting stops nothing of the page's own", async () => {
  const job = longhaul.query("noop", "x");
  const hook = await renderHook(() => useJobEvents(job, { throttle: 0 }));
  await flush(() => server.emit(served(), progress(10)));
  await flush();
  expect([hook.current.events, sockets.last.sentFrames("getEvents").length]).toEqual([served().log, 0]);
  await hook.unmount();
  await flush(() => server.emit(served(), end));
  expect([await job, sockets.last.sentFrames("unsubscribe").length]).toEqual([{ answer: 42 }, 0]);
});

it("without a job, and of one that does not exist, has no events and says so", async () => {
  expect((await renderHook(() => useJobEvents(null))).current).toEqual({ events: [], isPending: false });
  const gone = await renderHook(() => useJobEvents("job-9", { throttle: 0 }));
  await flush();
  expect(gone.current).toMatchObject({ events: [], isPending: false, error: { code: "GONE" } });
});
