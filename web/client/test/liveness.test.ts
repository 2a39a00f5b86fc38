/** Tests that a dead line is noticed in seconds: after a request, when the page is shown again, and when the network is gone. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { inbox, topic } from "../src/topics.js";
import { advance, connectClient, dropAndReconnect, longhaul, server, sockets, startClient } from "./scriptedFixture.js";

/** A page whose events the test fires. */
function stubPage(): (name: string) => void {
  const listeners = new Map<string, Set<() => void>>();
  const of = (name: string) => listeners.get(name) ?? listeners.set(name, new Set()).get(name)!;
  vi.stubGlobal("addEventListener", (name: string, listener: () => void) => of(name).add(listener));
  vi.stubGlobal("removeEventListener", (name: string, listener: () => void) => of(name).delete(listener));
  vi.stubGlobal("document", { visibilityState: "visible" });
  return (name) => of(name).forEach((listener) => listener());
}

/** The line takes frames and delivers none. */
const silence = () => (sockets.last.onFrame = () => {});

afterEach(() => void vi.unstubAllGlobals());

describe("a half-open socket", () => {
  it("costs a request five seconds: a ping after half of them, then the next socket", async () => {
    await connectClient();
    const job = longhaul.query("noop", "x");
    silence();
    const cancelled = job.cancel();
    await advance(2499);
    expect(sockets.last.sentFrames("ping")).toEqual([]);
    await advance(1);
    expect(sockets.last.sentFrames("ping").length).toBe(1);
    await advance(2500);
    expect(longhaul.state.state).toBe("waiting");
    await advance(500);
    sockets.last.open();
    await cancelled;
    await expect(job.result()).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("is not suspected while frames arrive, though the answer takes long", async () => {
    await connectClient();
    silence();
    const job = longhaul.query("noop", "x");
    const traffic = setInterval(() => sockets.last.deliver({ type: "pong" }), 1000);
    await advance(29_000);
    expect([sockets.all.length, job.state.status]).toEqual([1, "submitting"]);
    await advance(2000);
    clearInterval(traffic);
    expect(sockets.all.length).toBe(2);
  });

  it("gets twice the time with each slow socket, so that a slow server is reached at last", async () => {
    await connectClient();
    const job = longhaul.query("noop", "x");
    sockets.last.drop();
    // Everything is answered after eight seconds.
    sockets.onConnect = (socket) => {
      socket.onFrame = ({ requestId, action }) => void setTimeout(() => socket.isOpen && socket.deliver(action === "ping" ? { type: "pong", requestId } : { type: "job", job: { jobId: "job-1" }, requestId }), 8000);
    };
    const view = longhaul.get(job.id!);
    const drops = vi.fn();
    longhaul.on("state", ({ state }) => state === "waiting" && drops());
    for (let n = 0; n < 40; n++) {
      await advance(500);
      if (!sockets.last.isOpen && !sockets.last.isClosed) sockets.last.open();
    }
    expect([await view, drops.mock.calls.length]).toEqual([{ jobId: "job-1" }, 1]);
  });

  it.each(["visibilitychange", "pageshow", "focus", "online"])("is probed at the event %s, and replaced", async (name) => {
    const fire = stubPage();
    await connectClient();
    silence();
    await advance(60_000);
    fire(name);
    fire(name);
    expect(sockets.last.sentFrames("ping").length).toBe(1);
    await advance(5500);
    expect(sockets.all.length).toBe(2);
  });

  it("that has just received a frame, and a hidden page, are not probed", async () => {
    const fire = stubPage();
    await connectClient();
    sockets.last.deliver({ type: "pong" });
    fire("focus");
    await advance(60_000);
    vi.stubGlobal("document", { visibilityState: "hidden" });
    fire("visibilitychange");
    expect(sockets.last.sent).toEqual([]);
  });
});

describe("the network", () => {
  it("that is gone shows at once, and a reconnect is tried at once when it is back", async () => {
    const fire = stubPage();
    await connectClient();
    fire("offline");
    expect(longhaul.state).toMatchObject({ state: "waiting", error: { code: "OFFLINE" } });
    await advance(500);
    sockets.last.drop();
    expect(longhaul.state).toMatchObject({ state: "waiting", error: { code: "OFFLINE" } });
    fire("online");
    await advance(0);
    sockets.last.open();
    expect(longhaul.state).toEqual({ state: "open", attempt: 0 });
    longhaul.close();
    const count = sockets.all.length;
    for (const name of ["offline", "online", "focus"]) fire(name);
    expect([longhaul.state.state, sockets.all.length]).toEqual(["closed", count]);
  });

  it("that the browser wrongly reports as gone costs one reconnect", async () => {
    const fire = stubPage();
    await connectClient();
    const job = longhaul.query("noop", "x");
    fire("offline");
    await advance(500);
    sockets.last.open();
    server.emit(server.jobs.get("job-1")!, { type: "job_completed", result: 1 });
    expect([longhaul.state.state, await job]).toEqual(["open", 1]);
  });
});

describe("an idle line", () => {
  it("with topics only is probed after the interval that is set, and the gap is reported", async () => {
    startClient({ timing: { ping: 60_000 } });
    await advance(0);
    sockets.last.open();
    const gaps: { from: number; to: number }[] = [];
    const deals = topic(longhaul, "deals", {}, { onGap: (gap) => gaps.push(gap) });
    await deals.ready;
    const from = Date.now();
    silence();
    await advance(60_000 + 5000 + 500);
    sockets.last.open();
    await advance(0);
    expect(gaps).toEqual([{ from, to: Date.now() }]);
    deals.close();
  });

  it("reports no gap for a hand-over, and one for a drop", async () => {
    await connectClient({ timing: { life: 100_000, overlap: 10_000 } });
    const gaps: object[] = [];
    const deals = topic(longhaul, "deals", {}, { onGap: (gap) => gaps.push(gap) });
    await deals.ready;
    await advance(95_000);
    sockets.last.open();
    await advance(0);
    expect([sockets.all.length, gaps.length]).toEqual([2, 0]);
    await dropAndReconnect();
    expect(gaps.length).toBe(1);
    deals.close();
  });

  it("loses nothing of the inbox, which the server delivers to the next socket", async () => {
    await connectClient();
    const entries = inbox(longhaul);
    await dropAndReconnect();
    sockets.last.deliver({ type: "deal", data: {}, notificationId: "n", timestamp: 1 });
    for await (const entry of entries) {
      expect(entry.id).toBe("n");
      break;
    }
    entries.close();
  });
});
