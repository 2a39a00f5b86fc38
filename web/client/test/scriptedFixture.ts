/**
 * A client of a scripted server, anew for each test of whichever file imports this; time stands till a test lets
 * it pass. It knows no test.
 */
import { afterEach, beforeEach, expect, vi } from "vitest";
import { connect, type ConnectOptions, type Longhaul } from "../src/index.js";
import { type Fate, Server } from "./scriptedServer.js";
import { chance, token, Wire } from "./scriptedSocket.js";

export let wire: Wire;
export let server: Server;
export let longhaul: Longhaul;

export const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** Another wire and server, whose frames have these fates. */
export function renew(fate?: () => Fate): void {
  wire = new Wire();
  server = new Server(wire, fate);
}

export function start(options: Partial<ConnectOptions> = {}): Longhaul {
  longhaul = connect({ url: "wss://longhaul.test", token: token("alice", 86_400), WebSocket: wire.WebSocket, environment: chance(0.5), store: null, ...options });
  return longhaul;
}

export async function connected(options: Partial<ConnectOptions> = {}): Promise<void> {
  start(options);
  await pass(0);
  wire.last.open();
}

/** The socket drops, and the next one opens. */
export async function dropped(): Promise<void> {
  wire.last.drop();
  await pass(500);
  wire.last.open();
  await pass(0);
}

beforeEach(() => {
  vi.useFakeTimers();
  renew();
});
afterEach(() => {
  longhaul.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});
