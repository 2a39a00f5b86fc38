/** A fixture for tests with fake timers: a fresh scripted server for each test, and a client connected to it. */
import { afterEach, beforeEach, expect, vi } from "vitest";
import { connect, type ConnectOptions, type Longhaul } from "../src/index.js";
import { type Delivery, ScriptedServer } from "./scriptedServer.js";
import { fixedRandom, ScriptedSockets, unsignedToken } from "./scriptedSocket.js";

export let sockets: ScriptedSockets;
export let server: ScriptedServer;
export let longhaul: Longhaul;

/** Advances the fake clock by `ms` milliseconds. */
export const advance = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** Replaces sockets and server. `delivery` decides about each frame of the server. */
export function resetServer(delivery?: () => Delivery): void {
  sockets = new ScriptedSockets();
  server = new ScriptedServer(sockets, delivery);
}

/** Creates the client without opening its socket. */
export function startClient(options: Partial<ConnectOptions> = {}): Longhaul {
  longhaul = connect({ url: "wss://longhaul.test", token: unsignedToken("alice", 86_400), WebSocket: sockets.WebSocket, lazy: false, environment: fixedRandom(0.5), store: null, ...options });
  return longhaul;
}

/** Creates the client and opens its socket. */
export async function connectClient(options: Partial<ConnectOptions> = {}): Promise<void> {
  startClient(options);
  await advance(0);
  sockets.last.open();
}

/** Drops the socket and opens the next one. */
export async function dropAndReconnect(): Promise<void> {
  sockets.last.drop();
  await advance(500);
  sockets.last.open();
  await advance(0);
}

beforeEach(() => {
  vi.useFakeTimers();
  resetServer();
});
afterEach(() => {
  longhaul?.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});
