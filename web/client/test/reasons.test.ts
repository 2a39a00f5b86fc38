/** Tests that the state says why there is no connection, and that what can never work is refused at once. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connect } from "../src/index.js";
import { advance, connectClient, longhaul, sockets, startClient } from "./scriptedFixture.js";
import { unsignedToken } from "./scriptedSocket.js";

/** Opens no socket: the handshake of the active attempt fails, as a browser reports it. */
async function failHandshake(): Promise<void> {
  await advance(0);
  sockets.last.drop();
}

beforeEach(() => void vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch"))));
afterEach(() => void vi.unstubAllGlobals());

describe("the URL", () => {
  it.each(["localhost:3001", "localhost", "/socket", "ftp://host/", "wss://", "", undefined as unknown as string])("%s is refused at once", (url) => {
    expect(() => connect({ url, token: "t", WebSocket: sockets.WebSocket })).toThrow(TypeError);
    expect(() => connect({ url, token: "t", WebSocket: sockets.WebSocket })).toThrow("'url'");
  });

  it("of an unencrypted server is refused on a page of https, except on this machine", () => {
    vi.stubGlobal("location", { protocol: "https:", hostname: "app.example", origin: "https://app.example" });
    expect(() => connect({ url: "ws://api.example", token: "t", WebSocket: sockets.WebSocket })).toThrow("wss://");
    expect(() => connect({ url: "http://localhost:3001", token: "t", WebSocket: sockets.WebSocket })).not.toThrow();
  });
});

describe("the state's error", () => {
  it("has the server's sentence about a token that the handshake refuses", async () => {
    startClient();
    await failHandshake();
    const asked = sockets.diagnoses[0]!.open();
    expect([asked.protocols, asked.sent]).toEqual([["longhaul.v1"], [{ action: "authenticate", token: unsignedToken("alice", 86_400) }]]);
    asked.deliver({ type: "error", content: "The token has expired.", data: { code: "AUTHENTICATION_ERROR" } });
    expect([longhaul.state, asked.isClosed]).toMatchObject([{ state: "waiting", error: { code: "AUTHENTICATION_ERROR", message: "The token has expired." } }, true]);
    await advance(500);
    expect(longhaul.state).toMatchObject({ state: "connecting", error: { code: "AUTHENTICATION_ERROR" } });
    sockets.last.open();
    expect(longhaul.state).toEqual({ state: "open", attempt: 0 });
  });

  it("says that the origin is not allowed, if the server answers HTTP but refuses each connection", async () => {
    vi.stubGlobal("location", { protocol: "http:", hostname: "app.example", origin: "http://app.example" });
    const asked = vi.fn(() => Promise.resolve({}));
    vi.stubGlobal("fetch", asked);
    startClient();
    await failHandshake();
    sockets.diagnoses[0]!.drop();
    await advance(0);
    expect(longhaul.state.error).toMatchObject({ code: "REFUSED", message: expect.stringContaining("http://app.example") });
    expect(asked).toHaveBeenCalledWith("https://longhaul.test/", expect.objectContaining({ mode: "no-cors" }));
  });

  it("says that the server does not answer", async () => {
    startClient();
    await failHandshake();
    sockets.diagnoses[0]!.drop();
    await advance(0);
    expect(longhaul.state.error).toMatchObject({ code: "UNREACHABLE", message: expect.stringContaining("wss://longhaul.test") });
  });

  it.each([
    ["throws", () => Promise.reject(new Error("signed out")), "signed out"],
    ["is empty", () => "", "gave no token"],
    ["is missing", () => undefined as unknown as string, "gave no token"],
    ["never arrives", () => new Promise<string>(() => {}), "in time"],
  ])("says that the token %s", async (_, token, message) => {
    startClient({ token });
    await advance(15_000);
    expect(longhaul.state).toMatchObject({ error: { code: "NO_TOKEN", message: expect.stringContaining(message) } });
    expect(sockets.all.length).toBe(0);
  });

  it("says that a token cannot be put into a handshake", async () => {
    startClient({
      WebSocket: class {
        constructor() {
          throw new SyntaxError("The subprotocol is invalid.");
        }
      } as never,
    });
    await advance(0);
    expect(longhaul.state.error).toMatchObject({ code: "UNREACHABLE", message: expect.stringContaining("The subprotocol is invalid.") });
  });

  it("appears while open if the token cannot be renewed, without a new `open`, and goes when it can", async () => {
    let isSignedOut = false;
    await connectClient({ token: () => (isSignedOut ? Promise.reject(new Error("signed out")) : unsignedToken("alice", 600)) });
    const opened = vi.fn();
    longhaul.on("open", opened);
    isSignedOut = true;
    const traffic = setInterval(() => sockets.last.deliver({ type: "pong" }), 1000);
    await advance(9 * 60_000);
    expect(longhaul.state).toMatchObject({ state: "open", error: { code: "NO_TOKEN" } });
    isSignedOut = false;
    sockets.last.onFrame = ({ requestId }) => sockets.last.deliver({ type: "tokenRefreshed", requestId, expiresAt: Date.now() / 1000 + 600 });
    await advance(11_000);
    clearInterval(traffic);
    expect([longhaul.state, opened.mock.calls.length]).toEqual([{ state: "open", attempt: 0, error: undefined }, 0]);
  });

  it("is the reason with which everything fails after the last attempt", async () => {
    startClient({ token: () => "", attempts: 1 });
    const job = longhaul.query("noop", "x");
    await advance(2000);
    expect(job.state.error).toMatchObject({ code: "CONNECTION_LOST", message: expect.stringContaining("gave no token") });
    expect(longhaul.state).toMatchObject({ state: "closed", error: { code: "CONNECTION_LOST" } });
  });

  it("is asked for rarely: not after the first drop of a connection, then after 2, 4, 8 attempts", async () => {
    await connectClient();
    sockets.last.deliver({ type: "pong" });
    const asked: number[] = [];
    for (let attempt = 1; attempt <= 9; attempt++) {
      const before = sockets.diagnoses.length;
      sockets.last.drop();
      await advance(0);
      if (sockets.diagnoses.length > before) asked.push(attempt);
      await advance(longhaul.state.retryAt! - Date.now());
    }
    expect(asked).toEqual([2, 4, 8]);
  });

  it("is warned about once, on the console of a page of this machine only", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    startClient({ token: () => "" });
    await advance(10_000);
    expect(warn).not.toHaveBeenCalled();
    longhaul.close();
    vi.stubGlobal("location", { protocol: "http:", hostname: "localhost", origin: "http://localhost:5173" });
    startClient({ token: () => "" });
    await advance(10_000);
    expect(warn.mock.calls).toEqual([[expect.stringContaining("gave no token")]]);
    warn.mockRestore();
  });
});

it("a real server that accepts no WebSockets differs from one that does not exist", async () => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  const { WebSocket } = await import("ws");
  const server = createServer((_, response) => response.writeHead(403).end()).listen(0, "127.0.0.1");
  await new Promise((ready) => server.once("listening", ready));
  const { port } = server.address() as AddressInfo;
  const reasonAt = (url: string) =>
    new Promise((done) => {
      const client = connect({ url, token: "a.b.c", WebSocket, lazy: false });
      client.on("state", ({ state, error }) => state === "waiting" && /answer|refuses/.test(error?.message ?? "") && (client.close(), done(error!.code)));
    });
  expect(await reasonAt(`http://127.0.0.1:${port}`)).toBe("REFUSED");
  await new Promise((closed) => server.close(closed));
  expect(await reasonAt(`http://127.0.0.1:${port}`)).toBe("UNREACHABLE");
  vi.useFakeTimers();
});
