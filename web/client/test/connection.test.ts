/** The connection machine on a scripted socket: time is the test's, and nothing is waited for. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connect, type ConnectOptions, type Longhaul } from "../src/index.js";
import { chance, token, Wire } from "./scriptedSocket.js";

const MINUTE = 60_000;
let wire: Wire;
let longhaul: Longhaul;
const settled = () => vi.advanceTimersByTimeAsync(0);
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

function start(options: Partial<ConnectOptions> = {}): Longhaul {
  longhaul = connect({ url: "wss://longhaul.test/prod", token: () => token("alice", 86_400), WebSocket: wire.WebSocket, environment: chance(0.5), ...options });
  return longhaul;
}

async function connected(options: Partial<ConnectOptions> = {}): Promise<void> {
  start(options);
  await settled();
  wire.last.open();
}

beforeEach(() => {
  vi.useFakeTimers();
  wire = new Wire();
});
afterEach(() => {
  longhaul?.close();
  // What is closed keeps no process alive.
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("the handshake", () => {
  it("has the token in the subprotocol and not in the URL", async () => {
    await connected({ token: "a.b.c" });
    expect([wire.last.url, wire.last.protocols]).toEqual(["wss://longhaul.test/prod", ["longhaul.v1", "a.b.c"]]);
  });

  it("has the token in the URL when told so", async () => {
    await connected({ url: "http://localhost:3001", token: "a.b.c", tokenIn: "url" });
    expect([wire.last.url, wire.last.protocols]).toEqual(["ws://localhost:3001/?token=a.b.c", ["longhaul.v1"]]);
  });

  it("is refused at once for a URL that is none, and where there is no WebSocket", () => {
    expect(() => connect({ url: "nowhere", token: "t", WebSocket: wire.WebSocket })).toThrow(TypeError);
    vi.stubGlobal("WebSocket", undefined);
    expect(() => connect({ url: "ws://localhost", token: "t" })).toThrow(/package 'ws'/);
    vi.unstubAllGlobals();
  });

  it("that takes too long is given up and tried again, with a fresh token", async () => {
    const asked = vi.fn(() => token("alice", 86_400));
    start({ token: asked });
    await pass(15_000 + 500);
    expect([wire.sockets.length, wire.sockets[0]!.isClosed, asked.mock.calls.length]).toEqual([2, true, 2]);
  });

  it("waits for no token for ever, and survives one that can't be had", async () => {
    const tokens = [() => new Promise<string>(() => {}), () => Promise.reject(new Error("signed out")), () => "a.b.c"];
    start({ token: () => tokens.shift()!() });
    await pass(15_000 + 500 + 1000);
    expect(wire.sockets.length).toBe(1);
  });
});

describe("a drop", () => {
  it("is followed by a try within a second, then by waits that double up to a bound", async () => {
    await connected();
    wire.last.say({ type: "pong" });
    const waits: number[] = [];
    for (let n = 0; n < 7; n++) {
      wire.last.drop();
      waits.push(longhaul.state.retryAt! - Date.now());
      await pass(waits.at(-1)!);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  });

  it("is told from a wanted close, which is final", async () => {
    await connected();
    const states: string[] = [];
    longhaul.on("state", ({ state }) => states.push(state));
    wire.last.drop();
    await pass(500);
    wire.last.open();
    longhaul.close();
    await pass(MINUTE);
    expect([states, wire.sockets.length]).toEqual([["waiting", "connecting", "open", "closed"], 2]);
  });

  it("ends everything with CONNECTION_LOST after the given number of failed tries", async () => {
    start({ attempts: 2 });
    const job = longhaul.query("noop", "x");
    for (let n = 0; n < 3; n++) {
      await settled();
      wire.last.drop();
      await pass(30_000);
    }
    await expect(job.result()).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    expect([longhaul.state.state, wire.sockets.length]).toEqual(["closed", 3]);
  });

  it("is mended at once when the browser is back online", async () => {
    vi.stubGlobal("addEventListener", (_: string, listener: () => void) => (online = listener));
    let online = () => {};
    await connected();
    wire.last.drop();
    online();
    await settled();
    expect(wire.sockets.length).toBe(2);
    vi.unstubAllGlobals();
  });
});

describe("a socket that lives", () => {
  it("is pinged below the idle timeout, and replaced when no answer comes", async () => {
    await connected();
    await pass(5 * MINUTE);
    const ping = wire.last.said("ping")[0]!;
    wire.last.say({ type: "pong", requestId: ping.requestId });
    await pass(5 * MINUTE);
    expect(wire.last.said("ping").length).toBe(2);
    await pass(30_000 + 500);
    expect([wire.sockets.length, wire.sockets[0]!.isClosed]).toEqual([2, true]);
  });

  it("hands over before two hours: the next is open and follows before it goes", async () => {
    await connected();
    const first = wire.last;
    // A chance of one half: a twentieth earlier than 110 minutes.
    const chatter = setInterval(() => first.say({ type: "pong" }), MINUTE);
    await pass(104.5 * MINUTE);
    clearInterval(chatter);
    const job = longhaul.follow("job-1");
    expect([wire.sockets.length, longhaul.state.state, first.isClosed]).toEqual([2, "open", false]);
    wire.last.open();
    expect([wire.last.said("subscribe").length, first.isClosed]).toEqual([1, false]);
    // What is still on its way on the old one counts.
    first.say({ type: "job_queued", jobId: "job-1", seq: 1, message: "", query: "q", progress: 5 });
    expect(job.state.applied).toBe(1);
    await pass(10_000);
    expect([first.isClosed, longhaul.state.state]).toEqual([true, "open"]);
  });

  it("stays while the next can't be opened, which is tried again without haste", async () => {
    await connected();
    const first = wire.last;
    const chatter = setInterval(() => first.say({ type: "pong" }), 1000);
    await pass(104.5 * MINUTE);
    wire.last.drop();
    await pass(14_000);
    expect(wire.sockets.length).toBe(2);
    await pass(1000);
    expect([wire.sockets.length, first.isClosed, longhaul.state.state]).toEqual([3, false, "open"]);
    clearInterval(chatter);
  });

  it("takes no socket for lost that opens while the one before ends", async () => {
    await connected();
    const first = wire.last;
    const chatter = setInterval(() => first.say({ type: "pong" }), MINUTE);
    await pass(104.5 * MINUTE);
    clearInterval(chatter);
    first.drop();
    expect(longhaul.state.state).toBe("connecting");
    wire.last.open();
    await pass(MINUTE);
    expect([wire.sockets.length, longhaul.state.state]).toEqual([2, "open"]);
  });
});

describe("the token", () => {
  it("is renewed before it ends, as often as it takes", async () => {
    await connected({ token: () => token("alice", 600) });
    const chatter = setInterval(() => wire.last.say({ type: "pong" }), MINUTE);
    await pass(9 * MINUTE);
    const renewal = wire.last.said("refreshToken")[0]!;
    wire.last.say({ type: "tokenRefreshed", requestId: renewal.requestId, expiresAt: Date.now() / 1000 + 600 });
    expect(renewal.token).toBe(token("alice", 600));
    await pass(9 * MINUTE);
    clearInterval(chatter);
    expect([wire.last.said("refreshToken").length, wire.sockets.length]).toEqual([2, 1]);
  });

  it("that ended unnoticed is renewed, and what was refused is said again", async () => {
    await connected();
    const page = longhaul.jobs().next();
    await settled();
    const refuse = (requestId?: string) => wire.last.say({ type: "error", content: "Expired.", data: { code: "AUTHENTICATION_ERROR" }, requestId });
    refuse(wire.last.sent[0]!.requestId);
    await settled();
    wire.last.say({ type: "tokenRefreshed", requestId: wire.last.said("refreshToken")[0]!.requestId, expiresAt: Date.now() / 1000 + 86_400 });
    await settled();
    const [first, second] = wire.last.said("listJobs");
    expect(second).toEqual(first);
    refuse(second!.requestId);
    await expect(page).rejects.toMatchObject({ code: "AUTHENTICATION_ERROR", message: "Expired." });
  });

  it("that lives longer than any timer is left alone", async () => {
    await connected({ token: () => token("alice", 400 * 86_400) });
    await pass(1000);
    expect(wire.last.sent).toEqual([]);
  });
});

describe("a request", () => {
  it("waits for a connection, in order, up to the bound", async () => {
    start({ queue: 2 });
    const jobs = ["a", "b", "c"].map((text) => longhaul.query("noop", text));
    await settled();
    await expect(jobs[2]!.result()).rejects.toMatchObject({ code: "QUEUE_FULL" });
    wire.last.open();
    expect(wire.last.said("query").map((frame) => frame.query)).toEqual(["a", "b"]);
  });

  it("without an answer in time takes its socket for dead and is said again on the next", async () => {
    await connected();
    longhaul.query("noop", "x");
    await pass(30_000 + 500);
    wire.last.open();
    expect([wire.sockets[0]!.isClosed, wire.sockets[1]!.said("query")]).toEqual([true, wire.sockets[0]!.said("query")]);
  });

  it("is said again after API Gateway's own error, which names nobody", async () => {
    await connected();
    longhaul.query("noop", "x");
    wire.last.say({ message: "Internal server error", connectionId: "c", requestId: "not ours" });
    await pass(1500);
    expect(wire.last.said("query").length).toBe(2);
  });

  it("too large for the server is refused here, since the gateway would close the socket", async () => {
    await connected();
    await expect(longhaul.query("noop", "é".repeat(16_000)).result()).rejects.toMatchObject({ code: "VALIDATION_ERROR", details: { field: "frame" } });
    expect(wire.last.sent).toEqual([]);
  });

  it("over a rate is said again when the server says, and given up after five times", async () => {
    await connected();
    const job = longhaul.query("noop", "x");
    const failure = job.result().catch((error) => error);
    for (let n = 1; n <= 6; n++) {
      expect(wire.last.said("query").length).toBe(n);
      wire.last.say({ type: "error", content: "Slower.", data: { code: "RATE_LIMIT_EXCEEDED" }, retryAfter: 8, requestId: wire.last.sent[0]!.requestId });
      await pass(8000);
      expect(wire.last.said("query").length).toBe(n);
      await pass(1000);
    }
    expect(await failure).toMatchObject({ code: "RATE_LIMIT_EXCEEDED", retryAfter: 8 });
  });

  it("that would have to wait for more than a minute is given up at once", async () => {
    await connected();
    const job = longhaul.query("noop", "x");
    wire.last.say({ type: "error", content: "Tomorrow.", data: { code: "RATE_LIMIT_EXCEEDED" }, retryAfter: 61, requestId: wire.last.sent[0]!.requestId });
    await expect(job.result()).rejects.toMatchObject({ code: "RATE_LIMIT_EXCEEDED", retryAfter: 61 });
  });

  it("that the server asked to be put off is not hastened by a new socket", async () => {
    await connected();
    longhaul.query("noop", "x");
    wire.last.say({ type: "error", content: "Slower.", data: { code: "RATE_LIMIT_EXCEEDED" }, retryAfter: 60, requestId: wire.last.sent[0]!.requestId });
    wire.last.drop();
    await pass(500);
    wire.last.open();
    expect(wire.last.said("query")).toEqual([]);
    await pass(67_500);
    expect(wire.last.said("query").length).toBe(1);
  });

  it("survives frames that are not JSON, not objects, or of types yet unknown", async () => {
    await connected();
    for (const text of ["", "null", "7", "{", '{"type":"news"}']) wire.last.onmessage!({ data: text });
    expect(longhaul.state.state).toBe("open");
  });
});
