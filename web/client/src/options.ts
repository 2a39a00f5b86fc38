/**
 * What a connection is given: sockets, time and chance, the times that it keeps, and who hears of it. It
 * does nothing itself.
 */
import type { LonghaulError } from "./error.js";
import type { Frame } from "./protocol.js";

/** What is needed of a WebSocket: the browser's and that of the package `ws` both have it. */
export interface Socket {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(): void;
}
export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

/** Time and chance. */
export interface Environment {
  /** Epoch milliseconds. */
  now(): number;
  /** At least 0, below 1. */
  random(): number;
  /** Runs once after `ms`, unless what it returns is called first. */
  after(ms: number, run: () => void): () => void;
}

/** Milliseconds. The defaults are API Gateway's limits, less a margin. */
export interface Timing {
  /** Silence after which a ping goes out; API Gateway closes after 10 minutes. */
  ping: number;
  /** Age at which the next socket is opened; API Gateway closes at 2 hours. */
  life: number;
  /** How long a socket lives on beside the next one, for what is still on its way. */
  overlap: number;
  /** An answer later than this will not come (API Gateway gives a function 29 s): the socket is dead. */
  answer: number;
  /** Longest time for a token and a handshake. */
  dial: number;
  /** Upper bound of the first wait before a reconnect; each further one doubles it. */
  backoff: number;
  /** Upper bound of every wait before a reconnect. */
  backoffLimit: number;
  /** An open job that is silent for so long is subscribed to again. */
  silence: number;
}

export const TIMING: Timing = {
  ping: 5 * 60_000,
  life: 110 * 60_000,
  overlap: 10_000,
  answer: 30_000,
  dial: 15_000,
  backoff: 1000,
  backoffLimit: 30_000,
  silence: 30_000,
};

/** `waiting`: for the next try, since the network or the server is away. `closed` is final. */
export type State = "connecting" | "open" | "waiting" | "closed";

export interface StateChange {
  state: State;
  /** Of `waiting`: tries since the server was last heard. */
  attempt: number;
  /** Of `waiting`: when the next try starts, in epoch milliseconds. */
  retryAt?: number;
}

export interface ConnectionSettings {
  url: string;
  token: string | (() => string | Promise<string>);
  /** Where the token stands in the handshake. URLs end in logs: `url` only if a proxy drops subprotocols. */
  tokenIn?: "subprotocol" | "url";
  WebSocket: SocketConstructor;
  /** Failed tries in a row after which it gives up; for ever by default. */
  attempts: number;
  /** Requests that may wait for a connection. */
  queue: number;
  timing: Timing;
}

/** What the caller hears. */
export interface Observer {
  /** A socket has taken over: what was followed on the one before has to be followed anew. */
  opened(user?: string): void;
  /** Every frame, after the request that it answers has been told. */
  frame(frame: Frame): void;
  state(change: StateChange): void;
  /** The end, wanted or not. */
  closed(error: LonghaulError): void;
}
