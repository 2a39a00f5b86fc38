/**
 * The unanswered requests: each is sent again on every new socket until it is answered, refused or withdrawn. Every
 * request must be idempotent (submits have an idempotency key).
 */
import { callSafely, isAboutToken, LonghaulError } from "./error.js";
import type { Environment, Timing } from "./options.js";
import { type Frame, FRAME_BYTES } from "./protocol.js";
import { hasDigest } from "./result.js";

export type Reply = Frame | LonghaulError;

/** One socket, as its requests see it. */
export interface Line {
  send(text: string): void;
  /** Closes the socket and detaches its requests. */
  end(): void;
  /** Number of frames received. */
  received: number;
}

/** What the requests need from their connection. */
export interface LineOwner {
  /** The socket to send on. */
  line(): Line | undefined;
  isClosed(): boolean;
  /** Checks a socket on which nothing was received since a request was sent. Ends it after `limit` milliseconds. */
  suspect(line: Line, limit: number): void;
  /** Sends a fresh token. Resolves to the error if that fails. */
  renewToken(): Promise<LonghaulError | undefined>;
  /** Called with each reply, before the request's own callback. */
  replied(frame: Frame): void;
}

interface Request {
  frame: Frame;
  /** Called exactly once. */
  onReply: (reply: Reply) => void;
  /** Fails with its socket instead of being sent again on the next one. */
  isTransient: boolean;
  /** The socket on which it was sent and not yet answered. */
  line?: Line;
  sentAt: number;
  /** Cancels the reply timeout, or without a `line` the wait before a retry. */
  cancelTimer?: () => void;
  wasSent?: boolean;
  /** Number of retries after an error of `RETRYABLE_CODES` or of the gateway. */
  retries: number;
  isTokenRenewed?: boolean;
}

/** A refusal that names no request, and the requests that it may be for. */
interface UnmatchedError {
  frame: Frame;
  candidates: Set<Request>;
}

/** Error codes after which a request is sent again, and the maximum number of such retries. */
const RETRYABLE_CODES = ["RATE_LIMIT_EXCEEDED", "INTERNAL_ERROR"];
const MAX_RETRIES = 5;
/** A request whose `retryAfter` is longer fails at once. In seconds. */
const MAX_RETRY_AFTER_S = 60;

export class Requests {
  readonly #all = new Map<string, Request>();
  readonly #owner: LineOwner;
  readonly #environment: Environment;
  readonly #timing: Timing;
  readonly #limit: number;
  readonly #idPrefix: string;
  #count = 0;
  #refusals: UnmatchedError[] = [];
  /** Number of sockets in a row that ended because they were silent. Doubles the acknowledgement time limit. */
  #silentLines = 0;
  #cancelResend?: () => void;

  /** `limit`: maximum number of requests that wait for a connection. */
  constructor(owner: LineOwner, environment: Environment, timing: Timing, limit: number) {
    this.#owner = owner;
    this.#environment = environment;
    this.#timing = timing;
    this.#limit = limit;
    // All followers of a job receive its `requestId`, so ids must be unique across clients.
    this.#idPrefix = Math.floor(environment.random() * 2 ** 48).toString(36);
  }

  /** See `Connection.request`. */
  add(frame: Frame, onReply: (reply: Reply) => void, isTransient: boolean): () => boolean {
    const id = `${this.#idPrefix}-${++this.#count}`;
    const request: Request = { frame: { ...frame, requestId: id }, onReply, isTransient, retries: 0, sentAt: 0 };
    const waiting = [...this.#all.values()].filter((other) => !other.line).length;
    const bytes = byteLength(request.frame);
    const rejection = this.#owner.isClosed()
      ? new LonghaulError("CLOSED", "The client was closed.")
      : bytes > FRAME_BYTES
        ? new LonghaulError("VALIDATION_ERROR", `The frame has ${bytes} bytes; the limit is ${FRAME_BYTES}.`, { field: "frame" })
        : !this.#owner.line() && (isTransient || waiting >= this.#limit)
          ? new LonghaulError("QUEUE_FULL", "Too many requests wait for a connection.")
          : undefined;
    this.#all.set(id, request);
    if (rejection) this.#complete(request, rejection);
    else this.#send(request);
    return () => !request.wasSent && this.#remove(request);
  }

  /** Sends on a new socket what is unanswered, also what the previous socket may still answer: later events would not reach this one. */
  moveTo(line: Line): void {
    for (const request of [...this.#all.values()]) {
      if (request.line !== line && !request.isTransient && !isBackingOff(request)) this.#send(request);
    }
  }

  /** A socket has closed. `code` is that of its close event. */
  lost(line: Line, code?: number): void {
    const unanswered = this.#unanswered(line);
    // The gateway closes the socket of a frame that is too large for it.
    if (code === 1009 && unanswered[0]) {
      const largest = unanswered.reduce((a, b) => (byteLength(a.frame) < byteLength(b.frame) ? b : a));
      this.#complete(largest, new LonghaulError("VALIDATION_ERROR", "The frame is too large for the gateway.", { field: "frame" }));
    }
    for (const request of this.#unanswered(line)) {
      this.#detach(request);
      if (request.isTransient) this.#complete(request, new LonghaulError("CONNECTION_LOST", "The socket was closed."));
    }
  }

  /** A socket has ended because nothing was received on it. */
  noteSilence(): void {
    this.#silentLines++;
  }

  /** Fails all requests. */
  close(error: LonghaulError): void {
    this.#cancelResend?.();
    for (const request of [...this.#all.values()]) this.#complete(request, error);
  }

  /** Handles any frame that was received on `line`. */
  receive(line: Line, frame: Frame): void {
    if (!frame.type) {
      // API Gateway's own errors carry no `requestId` of ours: send all unanswered requests again.
      this.#cancelResend?.();
      this.#cancelResend = this.#environment.after(this.#timing.backoff * (1 + this.#environment.random()), () => this.#resend(String(frame.message)));
      return;
    }
    const request = this.#all.get(frame.requestId!);
    if (request) this.#handleReply(request, frame);
    else if (frame.type === "error" && !frame.requestId && !frame.jobId) {
      const unanswered = this.#unanswered(line);
      // A server may name the frame that it could not parse, by its length and hash.
      const { bytes, sha256 } = LonghaulError.from(frame).details;
      const ofLength = unanswered.filter((request) => byteLength(request.frame) === bytes);
      const candidates = new Set(ofLength.length ? ofLength : unanswered);
      this.#refusals.push({ frame, candidates });
      if (ofLength.length > 1 && sha256) void this.#matchDigest(candidates, String(sha256));
    }
    this.#matchRefusals();
  }

  #handleReply(request: Request, frame: Frame): void {
    if (this.#environment.now() - request.sentAt < this.#timing.acknowledge) this.#silentLines = 0;
    this.#owner.replied(frame);
    if (frame.type !== "error") return this.#complete(request, frame);
    const error = LonghaulError.from(frame);
    if (error.code === "AUTHENTICATION_ERROR" && !request.isTokenRenewed && request.frame.action !== "refreshToken") {
      // The token expired unnoticed, for example while the machine slept.
      request.isTokenRenewed = true;
      this.#detach(request);
      void this.#owner.renewToken().then((failure) =>
        failure && isAboutToken(failure) ? this.#complete(request, error) : this.#send(request),
      );
    } else if (
      RETRYABLE_CODES.includes(error.code) &&
      !request.isTransient &&
      !(error.retryAfter! > MAX_RETRY_AFTER_S) &&
      request.retries++ < MAX_RETRIES
    ) {
      this.#detach(request);
      const wait = error.retryAfter ? error.retryAfter * 1000 : this.#timing.backoff * 2 ** request.retries;
      request.cancelTimer = this.#environment.after(wait * (1 + this.#environment.random() / 4), () => this.#send(request));
    } else {
      this.#complete(request, error);
    }
  }

  /** Sends the unanswered requests again after an error of the gateway itself; each fails after some such errors. */
  #resend(message: string): void {
    for (const request of [...this.#all.values()]) {
      if (isBackingOff(request)) continue;
      if (request.retries++ < MAX_RETRIES) this.#send(request);
      else this.#complete(request, new LonghaulError("INTERNAL_ERROR", message));
    }
  }

  /**
   * Fails the requests whose refusal named no request: the server answers a frame that it cannot parse in that way.
   * A refusal is for one of the requests that were unanswered when it arrived, so it waits until the others are answered.
   */
  #matchRefusals(): void {
    for (const { candidates } of this.#refusals) {
      for (const request of candidates) if (!request.line) candidates.delete(request);
    }
    this.#refusals = this.#refusals.filter(({ candidates }) => candidates.size > 0);
    const suspects = new Set(this.#refusals.flatMap(({ candidates }) => [...candidates]));
    const isClear = suspects.size > 0 && suspects.size <= this.#refusals.length;
    const match = isClear ? this.#refusals[0] : this.#refusals.find(({ candidates }) => candidates.size === 1);
    if (!match) return;
    this.#refusals.splice(this.#refusals.indexOf(match), 1);
    const [request] = match.candidates;
    this.#handleReply(request!, match.frame);
    this.#matchRefusals();
  }

  /** Removes the candidates with another hash. */
  async #matchDigest(candidates: Set<Request>, sha256: string): Promise<void> {
    for (const request of [...candidates]) if (!(await hasDigest(encode(request.frame), sha256))) candidates.delete(request);
    this.#matchRefusals();
  }

  #unanswered(line: Line): Request[] {
    return [...this.#all.values()].filter((request) => request.line === line);
  }

  #send(request: Request): void {
    const line = this.#owner.line();
    if (!this.#all.has(request.frame.requestId!)) return;
    this.#detach(request);
    if (!line) return;
    const { acknowledge, answer } = this.#timing;
    const { received } = line;
    // Half the time to be answered, half for a probe. A server that is slow to acknowledge gets more time with each socket.
    const half = Math.min(answer, acknowledge * 2 ** this.#silentLines) / 2;
    request.line = line;
    request.wasSent = true;
    request.sentAt = this.#environment.now();
    request.cancelTimer = this.#environment.after(half, () => {
      request.cancelTimer = this.#environment.after(answer - half, () => line.end());
      if (line.received === received) this.#owner.suspect(line, half);
    });
    try {
      line.send(JSON.stringify(request.frame));
    } catch {
      // A socket that cannot send is dead; the next one sends the request.
      line.end();
    }
  }

  #detach(request: Request): void {
    request.cancelTimer?.();
    request.cancelTimer = request.line = undefined;
  }

  #remove(request: Request): boolean {
    this.#detach(request);
    return this.#all.delete(request.frame.requestId!);
  }

  #complete(request: Request, reply: Reply): void {
    if (this.#remove(request)) callSafely(request.onReply, reply);
  }
}

function encode(frame: Frame): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(frame));
}

function byteLength(frame: Frame): number {
  return encode(frame).length;
}

/** Whether the request waits for a retry that the server asked for. */
function isBackingOff(request: Request): boolean {
  return !request.line && request.cancelTimer !== undefined;
}
