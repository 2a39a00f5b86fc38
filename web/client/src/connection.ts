/**
 * One lasting connection out of many sockets: dials, backs off, hands over before the two-hour limit,
 * renews the token, notices silence, and says again what was not answered. Everything that is sent through
 * it is safe to say twice (submits have an idempotency key), and that is all it knows of meaning: jobs are
 * its caller's. Clock, chance and sockets are arguments.
 */
import { LonghaulError } from "./error.js";
import type { Observer, Environment, ConnectionSettings, Socket, StateChange } from "./options.js";
import { FRAME_BYTES, type Frame } from "./protocol.js";
import { readClaims } from "./token.js";

type Reply = Frame | LonghaulError;

interface Request {
  frame: Frame;
  /** Called once. */
  onReply: (reply: Reply) => void;
  /** Dropped with its socket, not said again on the next. */
  isTransient: boolean;
  transport?: Transport;
  /** Until it is late; or, without a socket, until it is said again. */
  timer?: () => void;
  wasSent?: boolean;
  /** How often the server asked to try again later. */
  retries: number;
  isTokenRenewed?: boolean;
}

/** One socket, and how to be rid of it. */
interface Transport {
  socket: Socket;
  end(): void;
  user?: string;
  expiresAt?: number;
}

/** Whether it waits because the server asked it to. */
function isBackingOff(request: Request): boolean {
  return !request.transport && request.timer !== undefined;
}

/** Refusals that time mends, and how often one request waits for it. */
const RETRYABLE_CODES = ["RATE_LIMIT_EXCEEDED", "INTERNAL_ERROR"];
const MAX_RETRIES = 5;
/** Whoever is asked to wait longer is told so instead, in seconds. */
const MAX_RETRY_AFTER_S = 60;

export class Connection {
  state: StateChange = { state: "connecting", attempt: 0 };
  #active?: Transport;
  /** Set while there is a dial, a socket that is opening, or a wait for either. */
  #cancelDial?: () => void;
  #attempt = 0;
  readonly #requests = new Map<string, Request>();
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
    // Request ids come back on the events of a job to all its followers, so they are unlike anyone else's.
    this.#idPrefix = Math.floor(environment.random() * 2 ** 48).toString(36);
    this.#dial();
  }

  /**
   * Says `frame` now or when a connection is there, again after a drop or when the server asks for it, until
   * it is answered. `isTransient`: only now, only on this socket. Gives a function that takes it back if it was
   * never said, and tells whether it was so.
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
          ? new LonghaulError("VALIDATION_ERROR", `The frame has ${bytes} bytes of ${FRAME_BYTES}.`, { field: "frame" })
          : !this.#active && (isTransient || waiting >= this.#settings.queue)
            ? new LonghaulError("QUEUE_FULL", "Too much waits for a connection.")
            : undefined;
    this.#requests.set(id, request);
    if (rejection) this.#complete(id, rejection);
    else this.#send(request);
    return () => !request.wasSent && this.#remove(id) !== undefined;
  }

  /** Looks after the connection at once, as when the network is said to be back. */
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

  /** Gets a token and opens a socket; it takes over when it is open, and till then nothing ends. */
  #dial(): void {
    this.#cancelDial?.();
    if (!this.#active) this.#setState({ state: "connecting", attempt: this.#attempt });
    let transport: Transport | undefined;
    const stop = () => {
      cancel();
      isSettled = true;
      transport?.end();
    };
    // Or taken over: either way this dial can't fail any more.
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
        socket.close();
        this.#handleClose(transport);
      },
    };
    this.#transports.add(transport);
    socket.onopen = opened;
    socket.onmessage = (event) => this.#receive(transport, event.data);
    socket.onclose = () => {
      transport.end();
      failed();
    };
    // A close always follows; `ws` would throw if nobody listened.
    socket.onerror = () => {};
    return transport;
  }

  /** Full jitter: any time up to a bound that doubles, so that a thousand clients don't come back at once. */
  #scheduleDial(): void {
    this.#cancelDial?.();
    if (!this.#active && this.#attempt >= this.#settings.attempts) {
      this.close(new LonghaulError("CONNECTION_LOST", `No connection after ${this.#attempt} tries.`));
      return;
    }
    const { backoff, backoffLimit } = this.#settings.timing;
    // While there is a socket there is no hurry with the next one.
    const bound = this.#active ? backoffLimit : Math.min(backoffLimit, backoff * 2 ** this.#attempt++);
    const wait = this.#environment.random() * bound;
    this.#cancelDial = this.#environment.after(wait, () => this.#dial());
    if (!this.#active) this.#setState({ state: "waiting", attempt: this.#attempt, retryAt: this.#environment.now() + wait });
  }

  #activate(transport: Transport): void {
    const previous = this.#active;
    this.#active = transport;
    const { life, overlap } = this.#settings.timing;
    // Up to a tenth earlier, so that clients that came together don't hand over together.
    this.#setTimer("life", life * (1 - this.#environment.random() / 10), () => this.#dial());
    this.#scheduleRenewal(transport.expiresAt);
    this.#restartPingTimer();
    this.#setState({ state: "open", attempt: 0 });
    if (previous) this.#setTimer("overlap", overlap, previous.end);
    this.#observer.opened(transport.user);
    // Also what the socket before may yet answer: there nobody would hear how it goes on.
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
    // A socket that is opening already, for the hand-over, is as good as a new one.
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
      // API Gateway's own error names no request of ours; one of those on their way has failed.
      this.#setTimer("resend", this.#settings.timing.backoff * (1 + this.#environment.random()), () => this.#sendAll((request) => !isBackingOff(request)));
      return;
    }
    const request = this.#requests.get(frame.requestId!);
    if (request) this.#handleReply(frame.requestId!, request, frame);
    this.#observer.frame(frame);
  }

  #handleReply(id: string, request: Request, frame: Frame): void {
    if (frame.type !== "error") return this.#complete(id, frame);
    const error = LonghaulError.from(frame);
    if (error.code === "AUTHENTICATION_ERROR" && !request.isTokenRenewed && request.frame.action !== "refreshToken") {
      // The token ran out unnoticed, as in a laptop that slept.
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
      request.timer = this.#environment.after(wait * (1 + this.#environment.random() / 4), () => this.#send(request));
    } else {
      this.#complete(id, error);
    }
  }

  #send(request: Request): void {
    const transport = this.#active;
    if (!this.#requests.has(request.frame.requestId!)) return;
    this.#detach(request);
    if (!transport) return;
    request.transport = transport;
    request.wasSent = true;
    request.timer = this.#environment.after(this.#settings.timing.answer, () => transport.end());
    transport.socket.send(JSON.stringify(request.frame));
  }

  #sendAll(matches: (request: Request) => boolean): void {
    for (const request of [...this.#requests.values()]) if (matches(request)) this.#send(request);
  }

  #detach(request: Request): void {
    request.timer?.();
    request.timer = request.transport = undefined;
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
    // A longer life than the socket's needs no renewal, and would overflow a browser's timer.
    if (wait < this.#settings.timing.life) this.#setTimer("renew", wait, () => void this.#renewToken());
  }

  /** Gives the connection a newer token; gives why not. Several callers share one renewal. */
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
