/** The settings of a connection: socket constructor, clock and randomness, timeouts, and the observer of its events. */
import type { LonghaulError } from "./error.js";
import type { Frame } from "./protocol.js";

/** The part of the WebSocket interface that is used. The browser's `WebSocket` and that of the package `ws` have it. */
export interface Socket {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(): void;
}
export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

/** Clock, timers and randomness. Tests replace them. */
export interface Environment {
  /** Epoch milliseconds. */
  now(): number;
  /** At least 0, below 1. */
  random(): number;
  /** Runs `run` once after `ms` milliseconds. The returned function cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** Timeouts in milliseconds. The defaults are API Gateway's limits less a margin. */
export interface Timing {
  /**
   * Time without a frame after which a ping is sent; a dead socket on which nothing is sent is noticed no earlier. API
   * Gateway closes idle connections after 10 minutes. Each ping is a frame: a million tabs send 3,300 a second with 5
   * minutes, and 17,000 with 1 minute.
   */
  ping: number;
  /**
   * Time without any frame after a request, after which the socket is considered dead. Half of it for the answer, half
   * for that of a ping. It doubles, up to `answer`, with each socket in a row that was considered dead.
   */
  acknowledge: number;
  /** Age of a socket at which its successor is opened. API Gateway closes connections after 2 hours. */
  life: number;
  /** How long the old socket stays open after a hand-over, to receive frames that are in flight. */
  overlap: number;
  /** Maximum wait for a reply, even if other frames arrive. API Gateway allows a function 29 s. */
  answer: number;
  /** Maximum time to get a token and complete the handshake. */
  dial: number;
  /** Upper bound of the first reconnect delay. It doubles with each attempt. */
  backoff: number;
  /** Upper bound of any reconnect delay. */
  backoffLimit: number;
  /** Time without an event after which an open job is subscribed to again. */
  silence: number;
}

export const TIMING: Timing = {
  ping: 5 * 60_000,
  acknowledge: 5000,
  life: 110 * 60_000,
  overlap: 10_000,
  answer: 30_000,
  dial: 15_000,
  backoff: 1000,
  backoffLimit: 30_000,
  silence: 30_000,
};

/** `waiting`: the network or the server is unreachable and the next attempt is scheduled. `closed` is final. */
export type State = "connecting" | "open" | "waiting" | "closed";

export interface StateChange {
  state: State;
  /** With `waiting`: connection attempts since the last frame from the server. */
  attempt: number;
  /** With `waiting`: when the next attempt starts, in epoch milliseconds. */
  retryAt?: number;
  /** Why there is no connection, once it is known; with `open`, why the token could not be renewed. */
  error?: LonghaulError;
}

/** What a connection needs to know. See `ConnectOptions` for the defaults. */
export interface ConnectionSettings {
  url: string;
  token: string | (() => string | Promise<string>);
  /** Where the handshake carries the token. Use `url` only if a proxy drops subprotocols: URLs end up in logs. */
  tokenIn?: "subprotocol" | "url";
  WebSocket: SocketConstructor;
  /** Failed connection attempts in a row after which the client gives up. */
  attempts: number;
  /** Maximum number of requests that wait for a connection. */
  queue: number;
  timing: Timing;
}

/** Callbacks of a connection. */
export interface Observer {
  /** A token was obtained. `user` is its `sub`; `undefined` if it is not a JWT. */
  identified(user?: string): void;
  /** A new socket has become active. Subscriptions of the previous one have to be renewed. */
  opened(): void;
  /** Any frame. If it is a reply, the request's callback has run already. */
  frame(frame: Frame): void;
  state(change: StateChange): void;
  /** The connection is permanently closed, by `close()` or after too many failed attempts. */
  closed(error: LonghaulError): void;
}
