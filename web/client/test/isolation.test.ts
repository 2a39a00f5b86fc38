/** Tests that code of the application that throws is reported, and keeps nothing else from happening. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { advance, connectClient, dropAndReconnect, longhaul, resetServer, server, sockets, startClient } from "./scriptedFixture.js";
import type { EventBody } from "./scriptedServer.js";

const end: EventBody = { type: "job_completed", result: { answer: 42 } };
const broken = () => {
  throw new Error("broken listener");
};
let reported: ReturnType<typeof vi.spyOn>;

beforeEach(() => {
  reported = vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => void reported.mockRestore());

it("a listener of a job that throws does not keep the job from settling or others from being called", async () => {
  await connectClient();
  const job = longhaul.query("noop", "x");
  const statuses: string[] = [];
  job.onChange(broken);
  job.onChange(() => statuses.push(job.state.status));
  server.emit(server.jobs.get("job-1")!, end);
  expect([await job, statuses]).toEqual([{ answer: 42 }, ["completed"]]);
  expect(reported).toHaveBeenCalledWith(expect.objectContaining({ message: "broken listener" }));
});

it("a listener of frames that throws does not keep frames from reaching their jobs", async () => {
  await connectClient();
  longhaul.on("frame", broken);
  const job = longhaul.query("noop", "x");
  expect(job.id).toBe("job-1");
  server.emit(server.jobs.get("job-1")!, end);
  expect(await job).toEqual({ answer: 42 });
});

it("a listener of the state that throws does not keep the connection from sending, dropping and reconnecting", async () => {
  startClient();
  longhaul.on("state", broken);
  const job = longhaul.query("noop", "x");
  await advance(0);
  sockets.last.open();
  expect(job.id).toBe("job-1");
  await dropAndReconnect();
  server.emit(server.jobs.get("job-1")!, end);
  expect(await job).toEqual({ answer: 42 });
  longhaul.close();
  expect(longhaul.state.state).toBe("closed");
});

it("a listener that closes the client, whatever the state, leaves no socket and no timer", async () => {
  for (const at of ["connecting", "open", "waiting"]) {
    resetServer();
    startClient();
    await advance(0);
    sockets.last.open();
    longhaul.on("state", ({ state }) => state === at && longhaul.close());
    sockets.last.drop();
    await advance(1000);
    if (sockets.all.length > 1 && !sockets.last.isClosed) sockets.last.open();
    await advance(0);
    expect([at, longhaul.state.state, sockets.all.filter((socket) => socket.isOpen).length, vi.getTimerCount()]).toEqual([at, "closed", 0, 0]);
    const count = sockets.all.length;
    await advance(60_000);
    expect(sockets.all.length).toBe(count);
  }
});

it("a frame that cannot be handled does not keep later ones from being handled", async () => {
  await connectClient();
  const job = longhaul.query("noop", "x");
  sockets.last.deliver({ type: "subscribed", jobId: "job-1", seq: 2, mode: "replay" });
  sockets.last.onFrame = ({ requestId }) => sockets.last.deliver({ type: "subscribed", jobId: "job-1", head: 9, requestId });
  await advance(30_000);
  server.emit(server.jobs.get("job-1")!, end);
  expect(await job).toEqual({ answer: 42 });
});

it("a store that fails later is ignored, as one that fails at once", async () => {
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  const rejecting = () => Promise.reject(new Error("full"));
  await connectClient({ store: { load: rejecting, save: rejecting, remove: rejecting } });
  const job = longhaul.query("noop", "x");
  server.emit(server.jobs.get("job-1")!, end);
  expect(await job).toEqual({ answer: 42 });
  vi.useRealTimers();
  await new Promise((done) => setImmediate(done));
  vi.useFakeTimers();
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

it("a socket that cannot send is replaced, and the next one sends the request", async () => {
  await connectClient();
  sockets.last.send = broken;
  const job = longhaul.query("noop", "x");
  expect(longhaul.state.state).toBe("waiting");
  await advance(500);
  sockets.last.open();
  expect(job.id).toBe("job-1");
});

it("a token that is thrown for is asked for again", async () => {
  let calls = 0;
  startClient({ token: () => (calls++ ? "a.b.c" : broken()) as string });
  await advance(1000);
  expect([calls, sockets.all.length]).toEqual([2, 1]);
});
