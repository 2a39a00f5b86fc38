/**
 * One durable connection over many sockets: reconnects with backoff, hands over to a new socket before API Gateway's
 * two-hour limit, renews the token, detects dead sockets, and sends unanswered requests again. Every request must be
 * idempotent (submits have an idempotency key).
 */
import { callSafely, LonghaulError } from "./error.js";
import type { ConnectionSettings, Environment, Observer, Socket, StateChange } from "./options.js";
import { type Frame, FRAME_BYTES } from "./protocol.js";
import { readClaims } from "./token.js";

type Reply = Frame | LonghaulError;

interface Request {
  frame: Frame;
  /** Called exactly once. */
  onReply: (reply: Reply) => void;
  /** Fails with its socket instead of being sent again on the next one. */
  isTransient: boolean;
  /** The socket on which it was sent and not yet answered. */
  transport?: Transport;
  /** Cancels the reply timeout, or without a `transport` the wait before a retry. */
  cancelTimer?: () => void;
  wasSent?: boolean;
  /** Number of retries after an error of `RETRYABLE_CODES`. */
  retries: number;
  isTokenRenewed?: boolean;
}

/** One socket with the identity of its token. */
interface Transport {
  socket: Socket;
  /** Closes the socket and detaches its requests. */
  end(): void;
  user?: string;
  expiresAt?: number;
}

/** A refusal that names no request, and the requests that it may be for. */
interface Refusal {
  frame: Frame;
  candidates: Set<Request>;
}

/** Whether the request waits for a retry that the server asked for. */
function isBackingOff(request: Request): boolean {
  return !request.transport && request.cancelTimer !== undefined;
}

/** Error codes after which a request is sent again, and the maximum number of such retries. */
const RETRYABLE_CODES = ["RATE_LIMIT_EXCEEDED", "INTERNAL_ERROR"];
const MAX_RETRIES = 5;
/** A request whose `retryAfter` is longer fails at once. In seconds. */
const MAX_RETRY_AFTER_S = 60;

export class Connection {
  state: StateChange = { state: "connecting", attempt: 0 };
  #active?: Transport;
  /** Cancels the connection attempt that is running or scheduled; else `undefined`. */
  #cancelDial?: () => void;
  #attempt = 0;
  readonly #requests = new Map<string, Request>();
  #refusals: Refusal[] = [];
  readonly #timers: Record<string, () => void> = {};
  readonly #transports = new Set<Transport>();
  #renewal?: Promise<LonghaulError | undefined>;
  #requestCount = 0;
  readonly #idPrefix: string;

  readonly #settings: ConnectionSettings;
  readonly #environment: Environment;
  readonly #observer: Observer;

  constructor(
    settings: ConnectionSettings,
    environment: Environment,
    observer: Observer,
  ) {
    this.#settings = settings;
    this.#environment = environment;
    this.#observer = observer;
    // All followers of a job receive its `requestId`, so ids must be unique across clients.
    this.#idPrefix = Math.floor(environment.random() * 2 ** 48).toString(36);
    this.#dial();
  }

  /**
   * Sends `frame` now or once connected, and again after a reconnect or when the server asks for a retry, until it is
   * answered. `isTransient`: only on the active socket, without retries. The returned function withdraws the request
   * and returns true, or returns false if it was already sent.
   */
  request(frame: Frame, onReply: (reply: Reply) => void, isTransient = false): () => boolean {
    const id = `${this.#idPrefix}-${++this.#requestCount}`;
    const request: Request = { frame: { ...frame, requestId: id }, onReply, isTransient, retries: 0 };
    const waiting = [...this.#requests.values()].filter((other) => !other.transport).length;
    const bytes = new TextEncoder().encode(JSON.stringify(request.frame)).length;
    const rejection =
      this.state.state === "closed"
        ? new LonghaulError("CLOSED", "The client was closed.")
        : bytes > FRAME_BYTES
          ? new LonghaulError("VALIDATION_ERROR", `The frame has ${bytes} bytes; the limit is ${FRAME_BYTES}.`, { field: "frame" })
          : !this.#active && (isTransient || waiting >= this.#settings.queue)
            ? new LonghaulError("QUEUE_FULL", "Too many requests wait for a connection.")
            : undefined;
    this.#requests.set(id, request);
    if (rejection) this.#complete(id, rejection);
    else this.#send(request);
    return () => !request.wasSent && this.#remove(id) !== undefined;
  }

  /** Checks the connection now: reconnects or pings. Called when the browser is back online. */
  probe(): void {
    if (this.state.state === "waiting") this.#dial();
    else if (this.#active) this.#ping(this.#settings.timing.dial);
  }

  close(error = new LonghaulError("CLOSED", "The client was closed.")): void {
    if (this.state.state === "closed") return;
    this.#setState({ state: "closed", attempt: this.#attempt });
    this.#cancelDial?.();
    for (const cancel of Object.values(this.#timers)) cancel();
    for (const transport of [...this.#transports]) transport.end();
    for (const id of [...this.#requests.keys()]) this.#complete(id, error);
    this.#observer.closed(error);
  }

  /** Gets a token and opens a socket. The current socket stays active until the new one is open. */
  #dial(): void {
    this.#cancelDial?.();
    if (!this.#active) this.#setState({ state: "connecting", attempt: this.#attempt });
    // A listener may have closed the client.
    if (this.state.state === "closed") return;
    let transport: Transport | undefined;
    const stop = () => {
      cancel();
      isSettled = true;
      transport?.end();
    };
    // The attempt has succeeded, failed or been cancelled; later events of its socket are ignored.
    let isSettled = false;
    const failed = () => {
      if (isSettled) return;
      stop();
      this.#scheduleDial();
    };
    const cancel = this.#environment.after(this.#settings.timing.dial, failed);
    this.#cancelDial = stop;
    this.#fetchToken()
      .then((token) => {
        if (isSettled) return;
        transport = this.#openTransport(token, failed, () => {
          cancel();
          isSettled = true;
          this.#cancelDial = undefined;
          this.#activate(transport!);
        });
      })
      .catch(failed);
  }

  async #fetchToken(): Promise<string> {
    const { token } = this.#settings;
    return typeof token === "string" ? token : token();
  }

  #openTransport(token: string, failed: () => void, opened: () => void): Transport {
    const url = new URL(this.#settings.url);
    const protocols = ["longhaul.v1"];
    if (this.#settings.tokenIn === "url") url.searchParams.set("token", token);
    else protocols.push(token);
    const socket = new this.#settings.WebSocket(url.href, protocols);
    const transport: Transport = {
      socket,
      ...readClaims(token),
      end: () => {
        socket.onopen = socket.onmessage = socket.onclose = null;
        this.#transports.delete(transport);
        callSafely(() => socket.close());
        this.#handleClose(transport);
      },
    };
    this.#transports.add(transport);
    socket.onopen = opened;
    socket.onmessage = (event) => this.#receive(transport, event.data);
    socket.onclose = (event) => {
      // The gateway closes the socket of a frame that is too large for it.
      if (event?.code === 1009) this.#refuseLargest(transport);
      transport.end();
      failed();
    };
    // A close event always follows. Without a listener `ws` would throw.
    socket.onerror = () => {};
    return transport;
  }

  /** Schedules the next attempt with full jitter (a random delay up to a doubling bound), to spread many clients. */
  #scheduleDial(): void {
    this.#cancelDial?.();
    if (!this.#active && this.#attempt >= this.#settings.attempts) {
      this.close(new LonghaulError("CONNECTION_LOST", `No connection after ${this.#attempt} attempts.`));
      return;
    }
    const { backoff, backoffLimit } = this.#settings.timing;
    // A failed hand-over is not urgent: the current socket still works.
    const bound = this.#active ? backoffLimit : Math.min(backoffLimit, backoff * 2 ** this.#attempt++);
    const wait = this.#environment.random() * bound;
    this.#cancelDial = this.#environment.after(wait, () => this.#dial());
    if (!this.#active) this.#setState({ state: "waiting", attempt: this.#attempt, retryAt: this.#environment.now() + wait });
  }

  #activate(transport: Transport): void {
    const previous = this.#active;
    this.#active = transport;
    const { life, overlap } = this.#settings.timing;
    // Up to 10 % earlier, so that clients that connected together do not hand over together.
    this.#setTimer("life", life * (1 - this.#environment.random() / 10), () => this.#dial());
    this.#scheduleRenewal(transport.expiresAt);
    this.#restartPingTimer();
    if (previous) this.#setTimer("overlap", overlap, previous.end);
    this.#setState({ state: "open", attempt: 0 });
    // A listener may have closed the client.
    if (this.#active !== transport) return;
    this.#observer.opened(transport.user);
    // Includes requests that the previous socket may still answer: later events would not reach this socket.
    this.#sendAll((request) => request.transport !== transport && !request.isTransient && !isBackingOff(request));
  }

  #handleClose(transport: Transport): void {
    for (const [id, request] of [...this.#requests]) {
      if (request.transport !== transport) continue;
      this.#detach(request);
      if (request.isTransient) this.#complete(id, new LonghaulError("CONNECTION_LOST", "The socket was closed."));
    }
    if (transport !== this.#active) return;
    this.#active = undefined;
    for (const name of ["ping", "life", "renew"]) this.#timers[name]?.();
    if (this.state.state === "closed") return;
    // A hand-over is in progress, so a socket is already opening.
    if (this.#cancelDial && this.#transports.size > 0) this.#setState({ state: "connecting", attempt: this.#attempt });
    else this.#scheduleDial();
  }

  #receive(transport: Transport, data: unknown): void {
    let frame: Frame;
    try {
      frame = JSON.parse(String(data));
    } catch {
      return;
    }
    if (typeof frame !== "object" || !frame) return;
    this.#attempt = 0;
    if (transport === this.#active) this.#restartPingTimer();
    if (!frame.type) {
      // API Gateway's own errors carry no `requestId` of ours: send all unanswered requests again.
      this.#setTimer("resend", this.#settings.timing.backoff * (1 + this.#environment.random()), () => this.#resend(String(frame.message)));
      return;
    }
    const request = this.#requests.get(frame.requestId!);
    if (!frame.requestId && frame.type === "error" && !frame.jobId) {
      this.#refusals.push({ frame, candidates: new Set(this.#unanswered(transport)) });
    }
    // A frame that cannot be handled must not keep later ones from being handled.
    if (request) callSafely(() => this.#handleReply(frame.requestId!, request, frame));
    callSafely(() => this.#observer.frame(frame));
    this.#matchRefusals();
  }

  #handleReply(id: string, request: Request, frame: Frame): void {
    if (frame.type !== "error") return this.#complete(id, frame);
    const error = LonghaulError.from(frame);
    if (error.code === "AUTHENTICATION_ERROR" && !request.isTokenRenewed && request.frame.action !== "refreshToken") {
      // The token expired unnoticed, for example while the machine slept.
      request.isTokenRenewed = true;
      this.#detach(request);
      void this.#renewToken().then((failure) =>
        failure?.code === error.code ? this.#complete(id, error) : this.#send(request),
      );
    } else if (
      RETRYABLE_CODES.includes(error.code) &&
      !request.isTransient &&
      !(error.retryAfter! > MAX_RETRY_AFTER_S) &&
      request.retries++ < MAX_RETRIES
    ) {
      this.#detach(request);
      const wait = error.retryAfter ? error.retryAfter * 1000 : this.#settings.timing.backoff * 2 ** request.retries;
      request.cancelTimer = this.#environment.after(wait * (1 + this.#environment.random() / 4), () => this.#send(request));
    } else {
      this.#complete(id, error);
    }
  }

  #unanswered(transport: Transport): Request[] {
    return [...this.#requests.values()].filter((request) => request.transport === transport);
  }

  /** Sends the unanswered requests again after an error of API Gateway itself; each fails after some such errors. */
  #resend(message: string): void {
    for (const [id, request] of [...this.#requests]) {
      if (isBackingOff(request)) continue;
      if (request.retries++ < MAX_RETRIES) this.#send(request);
      else this.#complete(id, new LonghaulError("INTERNAL_ERROR", message));
    }
  }

  /**
   * Fails the requests whose refusal named no request: the server answers a frame that it cannot parse in that way.
   * A refusal is for one of the requests that were unanswered when it arrived, so it waits until the others are answered.
   */
  #matchRefusals(): void {
    for (const { candidates } of this.#refusals) {
      for (const request of candidates) if (!request.transport) candidates.delete(request);
    }
    this.#refusals = this.#refusals.filter(({ candidates }) => candidates.size > 0);
    const suspects = new Set(this.#refusals.flatMap(({ candidates }) => [...candidates]));
    const isClear = suspects.size > 0 && suspects.size <= this.#refusals.length;
    const match = isClear ? this.#refusals[0] : this.#refusals.find(({ candidates }) => candidates.size === 1);
    if (!match) return;
    this.#refusals.splice(this.#refusals.indexOf(match), 1);
    const [request] = match.candidates;
    callSafely(() => this.#handleReply(request!.frame.requestId!, request!, match.frame));
    this.#matchRefusals();
  }

  #refuseLargest(transport: Transport): void {
    const size = ({ frame }: Request) => JSON.stringify(frame).length;
    const [largest] = this.#unanswered(transport).sort((a, b) => size(b) - size(a));
    if (!largest) return;
    const error = new LonghaulError("VALIDATION_ERROR", "The frame is too large for the gateway.", { field: "frame" });
    this.#complete(largest.frame.requestId!, error);
  }

  #send(request: Request): void {
    const transport = this.#active;
    if (!this.#requests.has(request.frame.requestId!)) return;
    this.#detach(request);
    if (!transport) return;
    request.transport = transport;
    request.wasSent = true;
    request.cancelTimer = this.#environment.after(this.#settings.timing.answer, () => transport.end());
    try {
      transport.socket.send(JSON.stringify(request.frame));
    } catch {
      // A socket that cannot send is dead; the next one sends the request.
      transport.end();
    }
  }

  #sendAll(matches: (request: Request) => boolean): void {
    for (const request of [...this.#requests.values()]) if (matches(request)) this.#send(request);
  }

  #detach(request: Request): void {
    request.cancelTimer?.();
    request.cancelTimer = request.transport = undefined;
  }

  #remove(id: string): Request | undefined {
    const request = this.#requests.get(id);
    if (request) this.#detach(request);
    this.#requests.delete(id);
    return request;
  }

  #complete(id: string, reply: Reply): void {
    this.#remove(id)?.onReply(reply);
  }

  #restartPingTimer(): void {
    this.#setTimer("ping", this.#settings.timing.ping, () => this.#ping(this.#settings.timing.answer));
  }

  #ping(deadline: number): void {
    const transport = this.#active;
    const cancelTimeout = this.#environment.after(deadline, () => transport?.end());
    this.request({ action: "ping" }, cancelTimeout, true);
  }

  #scheduleRenewal(expiresAt?: number): void {
    this.#timers.renew?.();
    if (!expiresAt) return;
    const left = expiresAt - this.#environment.now();
    const wait = Math.max(this.#settings.timing.backoff, left - Math.min(60_000, left / 5));
    // A token that outlives the socket needs no renewal, and its delay could overflow a browser timer.
    if (wait < this.#settings.timing.life) this.#setTimer("renew", wait, () => void this.#renewToken());
  }

  /** Sends a fresh token. Resolves to the error if that fails. Concurrent callers share one renewal. */
  #renewToken(): Promise<LonghaulError | undefined> {
    const renewal = (token: string) =>
      new Promise<LonghaulError | undefined>((resolve) => {
        const onReply = (reply: Reply) => {
          if (reply instanceof LonghaulError) return resolve(reply);
          this.#scheduleRenewal((reply.expiresAt as number) * 1000);
          resolve(undefined);
        };
        this.request({ action: "refreshToken", token }, onReply, true);
      });
    this.#renewal ??= this.#fetchToken()
      .then(renewal, (reason) => new LonghaulError("AUTHENTICATION_ERROR", `No token: ${reason}`))
      .then((failure) => {
        this.#renewal = undefined;
        if (failure && this.#active) this.#setTimer("renew", this.#settings.timing.backoffLimit / 3, () => void this.#renewToken());
        return failure;
      });
    return this.#renewal;
  }

  #setTimer(name: string, ms: number, run: () => void): void {
    this.#timers[name]?.();
    this.#timers[name] = this.#environment.after(ms, run);
  }

  #setState(change: StateChange): void {
    this.state = change;
    this.#observer.state(change);
  }
}
