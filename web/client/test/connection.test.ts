/** Tests of the connection on scripted sockets with fake timers: reconnects, hand-overs, tokens, requests. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connect, type ConnectOptions, type Longhaul } from "../src/index.js";
import { fixedRandom, ScriptedSockets, unsignedToken } from "./scriptedSocket.js";

const MINUTE = 60_000;
let sockets: ScriptedSockets;
let longhaul: Longhaul;
const flush = () => vi.advanceTimersByTimeAsync(0);
const advance = (ms: number) => vi.advanceTimersByTimeAsync(ms);

function startClient(options: Partial<ConnectOptions> = {}): Longhaul {
  longhaul = connect({ url: "wss://longhaul.test/prod", token: () => unsignedToken("alice", 86_400), WebSocket: sockets.WebSocket, lazy: false, environment: fixedRandom(0.5), ...options });
  return longhaul;
}

async function connectClient(options: Partial<ConnectOptions> = {}): Promise<void> {
  startClient(options);
  await flush();
  sockets.last.open();
}

beforeEach(() => {
  vi.useFakeTimers();
  sockets = new ScriptedSockets();
});
afterEach(() => {
  longhaul?.close();
  // A closed client leaves no timer behind.
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("the handshake", () => {
  it("carries the token in the subprotocol and not in the URL", async () => {
    await connectClient({ token: "a.b.c" });
    expect([sockets.last.url, sockets.last.protocols]).toEqual(["wss://longhaul.test/prod", ["longhaul.v1", "a.b.c"]]);
  });

  it("carries the token in the URL if configured", async () => {
    await connectClient({ url: "http://localhost:3001", token: "a.b.c", tokenIn: "url" });
    expect([sockets.last.url, sockets.last.protocols]).toEqual(["ws://localhost:3001/?token=a.b.c", ["longhaul.v1"]]);
  });

  it("throws at once for an invalid URL and without a WebSocket", () => {
    expect(() => connect({ url: "nowhere", token: "t", WebSocket: sockets.WebSocket })).toThrow(TypeError);
    vi.stubGlobal("WebSocket", undefined);
    expect(() => connect({ url: "ws://localhost", token: "t", lazy: false })).toThrow(/package 'ws'/);
    expect(() => connect({ url: "ws://localhost", token: "t" }).query("noop", "x")).toThrow(/package 'ws'/);
    vi.unstubAllGlobals();
  });

  it("is abandoned after a timeout and tried again with a fresh token", async () => {
    const getToken = vi.fn(() => unsignedToken("alice", 86_400));
    startClient({ token: getToken });
    await advance(15_000 + 500);
    expect([sockets.all.length, sockets.all[0]!.isClosed, getToken.mock.calls.length]).toEqual([2, true, 2]);
  });

  it("survives a token that never arrives and one that is rejected", async () => {
    const tokens = [() => new Promise<string>(() => {}), () => Promise.reject(new Error("signed out")), () => "a.b.c"];
    startClient({ token: () => tokens.shift()!() });
    await advance(15_000 + 500 + 1000);
    expect(sockets.all.length).toBe(1);
  });
});

describe("a drop", () => {
  it("is followed by an attempt within a second, then by delays that double up to a limit", async () => {
    await connectClient();
    sockets.last.deliver({ type: "pong" });
    const waits: number[] = [];
    for (let n = 0; n < 7; n++) {
      sockets.last.drop();
      waits.push(longhaul.state.retryAt! - Date.now());
      await advance(waits.at(-1)!);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  });

  it("is distinguished from `close`, which is final", async () => {
    await connectClient();
    const states: string[] = [];
    longhaul.on("state", ({ state }) => states.push(state));
    sockets.last.drop();
    await advance(500);
    sockets.last.open();
    longhaul.close();
    await advance(MINUTE);
    expect([states, sockets.all.length]).toEqual([["waiting", "connecting", "open", "closed"], 2]);
  });

  it("fails everything with CONNECTION_LOST after the given number of failed attempts", async () => {
    startClient({ attempts: 2 });
    const job = longhaul.query("noop", "x");
    for (let n = 0; n < 3; n++) {
      await flush();
      sockets.last.drop();
      await advance(30_000);
    }
    await expect(job.result()).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    expect([longhaul.state.state, sockets.all.length]).toEqual(["closed", 3]);
  });

  it("is followed by an attempt at once when the browser is back online", async () => {
    vi.stubGlobal("addEventListener", (name: string, listener: () => void) => name === "online" && (online = listener));
    let online = () => {};
    await connectClient();
    sockets.last.drop();
    online();
    await flush();
    expect(sockets.all.length).toBe(2);
    vi.unstubAllGlobals();
  });
});

describe("an open socket", () => {
  it("is pinged before the idle timeout, and replaced when no reply comes", async () => {
    await connectClient();
    await advance(5 * MINUTE);
    const ping = sockets.last.sentFrames("ping")[0]!;
    sockets.last.deliver({ type: "pong", requestId: ping.requestId });
    await advance(5 * MINUTE);
    expect(sockets.last.sentFrames("ping").length).toBe(2);
    await advance(5000 + 500);
    expect([sockets.all.length, sockets.all[0]!.isClosed]).toEqual([2, true]);
  });

  it("is replaced before two hours: the next one is open and subscribed before it closes", async () => {
    await connectClient();
    const first = sockets.last;
    // With a random number of 0.5, the hand-over starts 5 % earlier than 110 minutes.
    const traffic = setInterval(() => first.deliver({ type: "pong" }), MINUTE);
    await advance(104.5 * MINUTE);
    clearInterval(traffic);
    const job = longhaul.follow("job-1");
    expect([sockets.all.length, longhaul.state.state, first.isClosed]).toEqual([2, "open", false]);
    sockets.last.open();
    expect([sockets.last.sentFrames("subscribe").length, first.isClosed]).toEqual([1, false]);
    // Frames in flight on the old socket still count.
    first.deliver({ type: "job_queued", jobId: "job-1", seq: 1, message: "", query: "q", progress: 5 });
    expect(job.state.applied).toBe(1);
    sockets.last.deliver({ type: "pong" });
    await advance(10_000);
    expect([first.isClosed, longhaul.state.state]).toEqual([true, "open"]);
  });

  it("stays open while the next one cannot be opened, which is retried after a long delay", async () => {
    await connectClient();
    const first = sockets.last;
    const traffic = setInterval(() => first.deliver({ type: "pong" }), 1000);
    await advance(104.5 * MINUTE);
    sockets.last.drop();
    await advance(14_000);
    expect(sockets.all.length).toBe(2);
    await advance(1000);
    expect([sockets.all.length, first.isClosed, longhaul.state.state]).toEqual([3, false, "open"]);
    clearInterval(traffic);
  });

  it("is not reported lost while its successor is opening", async () => {
    await connectClient();
    const first = sockets.last;
    const traffic = setInterval(() => first.deliver({ type: "pong" }), MINUTE);
    await advance(104.5 * MINUTE);
    clearInterval(traffic);
    first.drop();
    expect(longhaul.state.state).toBe("connecting");
    sockets.last.open();
    await advance(MINUTE);
    expect([sockets.all.length, longhaul.state.state]).toEqual([2, "open"]);
  });
});

describe("the token", () => {
  it("is renewed before each expiry", async () => {
    await connectClient({ token: () => unsignedToken("alice", 600) });
    const traffic = setInterval(() => sockets.last.deliver({ type: "pong" }), MINUTE);
    await advance(9 * MINUTE);
    const renewal = sockets.last.sentFrames("refreshToken")[0]!;
    sockets.last.deliver({ type: "tokenRefreshed", requestId: renewal.requestId, expiresAt: Date.now() / 1000 + 600 });
    expect(renewal.token).toBe(unsignedToken("alice", 600));
    await advance(9 * MINUTE);
    clearInterval(traffic);
    expect([sockets.last.sentFrames("refreshToken").length, sockets.all.length]).toEqual([2, 1]);
  });

  it("is renewed when it expired unnoticed, and the refused request is sent again", async () => {
    await connectClient();
    const page = longhaul.jobs().next();
    await flush();
    const refuse = (requestId?: string) => sockets.last.deliver({ type: "error", content: "Expired.", data: { code: "AUTHENTICATION_ERROR" }, requestId });
    refuse(sockets.last.sent[0]!.requestId);
    await flush();
    sockets.last.deliver({ type: "tokenRefreshed", requestId: sockets.last.sentFrames("refreshToken")[0]!.requestId, expiresAt: Date.now() / 1000 + 86_400 });
    await flush();
    const [first, second] = sockets.last.sentFrames("listJobs");
    expect(second).toEqual(first);
    refuse(second!.requestId);
    await expect(page).rejects.toMatchObject({ code: "AUTHENTICATION_ERROR", message: "Expired." });
  });

  it("is not renewed if it lives longer than any timer", async () => {
    await connectClient({ token: () => unsignedToken("alice", 400 * 86_400) });
    await advance(1000);
    expect(sockets.last.sent).toEqual([]);
  });
});

describe("a request", () => {
  it("waits for a connection, in order, up to the limit", async () => {
    startClient({ queue: 2 });
    const jobs = ["a", "b", "c"].map((text) => longhaul.query("noop", text));
    await flush();
    await expect(jobs[2]!.result()).rejects.toMatchObject({ code: "QUEUE_FULL" });
    sockets.last.open();
    expect(sockets.last.sentFrames("query").map((frame) => frame.query)).toEqual(["a", "b"]);
  });

  it("without a reply in time closes its socket and is sent again on the next", async () => {
    await connectClient();
    longhaul.query("noop", "x");
    await advance(5000 + 500);
    sockets.last.open();
    expect([sockets.all[0]!.isClosed, sockets.all[1]!.sentFrames("query")]).toEqual([true, sockets.all[0]!.sentFrames("query")]);
  });

  it("is sent again after API Gateway's own error, which names no request", async () => {
    await connectClient();
    longhaul.query("noop", "x");
    sockets.last.deliver({ message: "Internal server error", connectionId: "c", requestId: "not ours" });
    await advance(1500);
    expect(sockets.last.sentFrames("query").length).toBe(2);
  });

  it("that is too large for the server is refused locally, because the gateway would close the socket", async () => {
    await connectClient();
    await expect(longhaul.query("noop", "é".repeat(16_000)).result()).rejects.toMatchObject({ code: "VALIDATION_ERROR", details: { field: "frame" } });
    expect(sockets.last.sent).toEqual([]);
  });

  it("over a rate limit is retried when the server says, and fails after five retries", async () => {
    await connectClient();
    const job = longhaul.query("noop", "x");
    const failure = job.result().catch((error) => error);
    for (let n = 1; n <= 6; n++) {
      expect(sockets.last.sentFrames("query").length).toBe(n);
      sockets.last.deliver({ type: "error", content: "Slower.", data: { code: "RATE_LIMIT_EXCEEDED" }, retryAfter: 8, requestId: sockets.last.sent[0]!.requestId });
      await advance(8000);
      expect(sockets.last.sentFrames("query").length).toBe(n);
      await advance(1000);
    }
    expect(await failure).toMatchObject({ code: "RATE_LIMIT_EXCEEDED", retryAfter: 8 });
  });

  it("that would have to wait for more than a minute fails at once", async () => {
    await connectClient();
    const job = longhaul.query("noop", "x");
    sockets.last.deliver({ type: "error", content: "Tomorrow.", data: { code: "RATE_LIMIT_EXCEEDED" }, retryAfter: 61, requestId: sockets.last.sent[0]!.requestId });
    await expect(job.result()).rejects.toMatchObject({ code: "RATE_LIMIT_EXCEEDED", retryAfter: 61 });
  });

  it("that waits for a retry is not sent earlier by a new socket", async () => {
    await connectClient();
    longhaul.query("noop", "x");
    sockets.last.deliver({ type: "error", content: "Slower.", data: { code: "RATE_LIMIT_EXCEEDED" }, retryAfter: 60, requestId: sockets.last.sent[0]!.requestId });
    sockets.last.drop();
    await advance(500);
    sockets.last.open();
    expect(sockets.last.sentFrames("query")).toEqual([]);
    await advance(67_500);
    expect(sockets.last.sentFrames("query").length).toBe(1);
  });

  it("ignores frames that are not JSON, not objects, or of unknown types", async () => {
    await connectClient();
    for (const text of ["", "null", "7", "{", '{"type":"news"}']) sockets.last.onmessage!({ data: text });
    expect(longhaul.state.state).toBe("open");
  });
});
