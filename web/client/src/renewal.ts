/** Renews the token of the active socket before it expires, by the server's clock. */
import { isAboutToken, LonghaulError } from "./error.js";
import type { Environment, Timing } from "./options.js";
import type { Frame } from "./protocol.js";
import type { Reply } from "./requests.js";
import { readClaims } from "./token.js";

/** When the token of a socket expires. */
export interface Expiry {
  /** By the server's clock, in epoch milliseconds. */
  expiresAt?: number;
  /** Milliseconds from the token's issue to its expiry. */
  lifetime?: number;
}

/** What the renewal needs from its connection. */
export interface RenewalOwner {
  /** The active socket. */
  line(): Expiry | undefined;
  /** Rejects with a `LonghaulError` if there is no token. */
  fetchToken(): Promise<string>;
  request(frame: Frame, onReply: (reply: Reply) => void, isTransient: boolean): void;
  /** Called after each renewal; with an error if there is no valid token. */
  renewed(error?: LonghaulError): void;
}

export class Renewal {
  readonly #owner: RenewalOwner;
  readonly #environment: Environment;
  readonly #timing: Timing;
  /** The server's clock less this machine's, in milliseconds. */
  #clockOffset = 0;
  #cancelTimer?: () => void;
  #running?: Promise<LonghaulError | undefined>;

  constructor(owner: RenewalOwner, environment: Environment, timing: Timing) {
    this.#owner = owner;
    this.#environment = environment;
    this.#timing = timing;
  }

  /** Epoch milliseconds by the server's clock, once it is known. */
  now(): number {
    return this.#environment.now() + this.#clockOffset;
  }

  /** Takes the server's time from a reply. Events are older than the frame that brings them. */
  readClock(frame: Frame): void {
    if (typeof frame.timestamp !== "number" || "seq" in frame) return;
    const offset = frame.timestamp * 1000 - this.#environment.now();
    // Timestamps are in whole seconds.
    if (Math.abs(offset - this.#clockOffset) < 2000) return;
    this.#clockOffset = offset;
    this.schedule();
  }

  /** Schedules the next renewal. `minWait` keeps a token that is not renewed from being asked for again at once. */
  schedule(minWait = this.#timing.backoff): void {
    this.stop();
    const { expiresAt, lifetime = Infinity } = this.#owner.line() ?? {};
    if (!expiresAt) return;
    // A token is never valid for longer than from its issue to its expiry, whatever this machine's clock says.
    const left = Math.min(expiresAt - this.now(), lifetime);
    const wait = Math.max(minWait, left - Math.min(60_000, left / 5));
    // A token that outlives the socket needs no renewal, and its delay could overflow a browser timer.
    if (wait < this.#timing.life) this.#renewAfter(wait);
  }

  /** Sends a fresh token. Resolves to the error if that fails. Concurrent callers share one renewal. */
  renew(): Promise<LonghaulError | undefined> {
    this.#running ??= this.#owner
      .fetchToken()
      .then((token) => this.#send(token), (error: LonghaulError) => error)
      .then((failure) => {
        this.#running = undefined;
        if (failure && this.#owner.line()) this.#renewAfter(this.#timing.backoffLimit / 3);
        this.#owner.renewed(failure && isAboutToken(failure) ? failure : undefined);
        return failure;
      });
    return this.#running;
  }

  stop(): void {
    this.#cancelTimer?.();
  }

  #send(token: string): Promise<LonghaulError | undefined> {
    return new Promise((resolve) => {
      const onReply = (reply: Reply) => {
        if (reply instanceof LonghaulError) return resolve(reply);
        const line = this.#owner.line();
        const expiresAt = (reply.expiresAt as number) * 1000;
        const isSame = expiresAt <= (line?.expiresAt ?? 0);
        if (line) Object.assign(line, { expiresAt, lifetime: readClaims(token).lifetime });
        this.schedule(isSame ? this.#timing.backoffLimit : undefined);
        resolve(undefined);
      };
      this.#owner.request({ action: "refreshToken", token }, onReply, true);
    });
  }

  #renewAfter(ms: number): void {
    this.stop();
    this.#cancelTimer = this.#environment.after(ms, () => void this.renew());
  }
}
