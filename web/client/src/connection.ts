/**
 * One lasting connection out of many sockets: dials, backs off, hands over before the two-hour limit,
 * renews the token, notices silence, and says again what was not answered. Everything that is sent through
 * it is safe to say twice (submits have an idempotency key), and that is all it knows of meaning: jobs are
 * its caller's. Clock, chance and sockets are arguments.
 */
import { LonghaulError } from "./error.js";
import type { Ears, Environment, Options, Socket, StateChange } from "./options.js";
import { FRAME_BYTES, type Frame } from "./protocol.js";
import { claims } from "./token.js";

type Answer = Frame | LonghaulError;

interface Request {
  frame: Frame;
  /** Called once. */
  answer: (answer: Answer) => void;
  /** Dropped with its socket, not said again on the next. */
  passing: boolean;
  line?: Line;
  /** Until it is late; or, without a socket, until it is said again. */
  timer?: () => void;
  wasSaid?: boolean;
  /** How often the server asked to try again later. */
  refusals: number;
  renewed?: boolean;
}

/** One socket, and how to be rid of it. */
interface Line {
  socket: Socket;
  end(): void;
  user?: string;
  expiresAt?: number;
}

/** Whether it waits because the server asked it to. */
function isResting(request: Request): boolean {
  return !request.line && request.timer !== undefined;
}

/** Refusals that time mends, and how often one request waits for it. */
const MENDED_BY_TIME = ["RATE_LIMIT_EXCEEDED", "INTERNAL_ERROR"];
const REFUSALS = 5;
/** Whoever is asked to wait longer is told so instead, in seconds. */
const PATIENCE_S = 60;

export class Connection {
  state: StateChange = { state: "connecting", attempt: 0 };
  #line?: Line;
  /** Set while there is a dial, a socket that is opening, or a wait for either. */
  #dialling?: () => void;
  #attempt = 0;
  readonly #requests = new Map<string, Request>();
  readonly #timers: Record<string, () => void> = {};
  readonly #lines = new Set<Line>();
  #renewing?: Promise<LonghaulError | undefined>;
  #numbers = 0;
  readonly #name: string;

  readonly #options: Options;
  readonly #environment: Environment;
  readonly #ears: Ears;

  constructor(
    options: Options,
    environment: Environment,
    ears: Ears,
  ) {
    this.#options = options;
    this.#environment = environment;
    this.#ears = ears;
    // Request ids come back on the events of a job to all its followers, so they are unlike anyone else's.
    this.#name = Math.floor(environment.random() * 2 ** 48).toString(36);
    this.#dial();
  }

  /**
   * Says `frame` now or when a connection is there, again after a drop or when the server asks for it, until
   * it is answered. `passing`: only now, only on this socket. Gives a function that takes it back if it was
   * never said, and tells whether it was so.
   */
  request(frame: Frame, answer: (answer: Answer) => void, passing = false): () => boolean {
    const id = `${this.#name}-${++this.#numbers}`;
    const request: Request = { frame: { ...frame, requestId: id }, answer, passing, refusals: 0 };
    const waiting = [...this.#requests.values()].filter((other) => !other.line).length;
    const bytes = new TextEncoder().encode(JSON.stringify(request.frame)).length;
    const refusal =
      this.state.state === "closed"
        ? new LonghaulError("CLOSED", "The client was closed.")
        : bytes > FRAME_BYTES
          ? new LonghaulError("VALIDATION_ERROR", `The frame has ${bytes} bytes of ${FRAME_BYTES}.`, { field: "frame" })
          : !this.#line && (passing || waiting >= this.#options.queue)
            ? new LonghaulError("QUEUE_FULL", "Too much waits for a connection.")
            : undefined;
    this.#requests.set(id, request);
    if (refusal) this.#settle(id, refusal);
    else this.#say(request);
    return () => !request.wasSaid && this.#forget(id) !== undefined;
  }

  /** Looks after the connection at once, as when the network is said to be back. */
  probe(): void {
    if (this.state.state === "waiting") this.#dial();
    else if (this.#line) this.#ping(this.#options.timing.dial);
  }

  close(error = new LonghaulError("CLOSED", "The client was closed.")): void {
    if (this.state.state === "closed") return;
    this.#show({ state: "closed", attempt: this.#attempt });
    this.#dialling?.();
    for (const cancel of Object.values(this.#timers)) cancel();
    for (const line of [...this.#lines]) line.end();
    for (const id of [...this.#requests.keys()]) this.#settle(id, error);
    this.#ears.closed(error);
  }

  /** Gets a token and opens a socket; it takes over when it is open, and till then nothing ends. */
  #dial(): void {
    this.#dialling?.();
    if (!this.#line) this.#show({ state: "connecting", attempt: this.#attempt });
    let line: Line | undefined;
    const stop = () => {
      cancel();
      abandoned = true;
      line?.end();
    };
    // Or taken over: either way this dial can't fail any more.
    let abandoned = false;
    const failed = () => {
      if (abandoned) return;
      stop();
      this.#dialAgain();
    };
    const cancel = this.#environment.after(this.#options.timing.dial, failed);
    this.#dialling = stop;
    this.#token()
      .then((token) => {
        if (abandoned) return;
        line = this.#open(token, failed, () => {
          cancel();
          abandoned = true;
          this.#dialling = undefined;
          this.#take(line!);
        });
      })
      .catch(failed);
  }

  async #token(): Promise<string> {
    const { token } = this.#options;
    return typeof token === "string" ? token : token();
  }

  #open(token: string, failed: () => void, opened: () => void): Line {
    const url = new URL(this.#options.url);
    const protocols = ["longhaul.v1"];
    if (this.#options.tokenIn === "url") url.searchParams.set("token", token);
    else protocols.push(token);
    const socket = new this.#options.WebSocket(url.href, protocols);
    const line: Line = {
      socket,
      ...claims(token),
      end: () => {
        socket.onopen = socket.onmessage = socket.onclose = null;
        this.#lines.delete(line);
        socket.close();
        this.#lost(line);
      },
    };
    this.#lines.add(line);
    socket.onopen = opened;
    socket.onmessage = (event) => this.#hear(line, event.data);
    socket.onclose = () => {
      line.end();
      failed();
    };
    // A close always follows; `ws` would throw if nobody listened.
    socket.onerror = () => {};
    return line;
  }

  /** Full jitter: any time up to a bound that doubles, so that a thousand clients don't come back at once. */
  #dialAgain(): void {
    this.#dialling?.();
    if (!this.#line && this.#attempt >= this.#options.attempts) {
      this.close(new LonghaulError("CONNECTION_LOST", `No connection after ${this.#attempt} tries.`));
      return;
    }
    const { backoff, backoffLimit } = this.#options.timing;
    // While there is a socket there is no hurry with the next one.
    const bound = this.#line ? backoffLimit : Math.min(backoffLimit, backoff * 2 ** this.#attempt++);
    const wait = this.#environment.random() * bound;
    this.#dialling = this.#environment.after(wait, () => this.#dial());
    if (!this.#line) this.#show({ state: "waiting", attempt: this.#attempt, retryAt: this.#environment.now() + wait });
  }

  #take(line: Line): void {
    const before = this.#line;
    this.#line = line;
    const { life, overlap } = this.#options.timing;
    // Up to a tenth earlier, so that clients that came together don't hand over together.
    this.#timer("life", life * (1 - this.#environment.random() / 10), () => this.#dial());
    this.#renewBefore(line.expiresAt);
    this.#heard();
    this.#show({ state: "open", attempt: 0 });
    if (before) this.#timer("overlap", overlap, before.end);
    this.#ears.opened(line.user);
    // Also what the socket before may yet answer: there nobody would hear how it goes on.
    this.#sayAll((request) => request.line !== line && !request.passing && !isResting(request));
  }

  #lost(line: Line): void {
    for (const [id, request] of [...this.#requests]) {
      if (request.line !== line) continue;
      this.#unsay(request);
      if (request.passing) this.#settle(id, new LonghaulError("CONNECTION_LOST", "The socket was closed."));
    }
    if (line !== this.#line) return;
    this.#line = undefined;
    for (const name of ["ping", "life", "renew"]) this.#timers[name]?.();
    if (this.state.state === "closed") return;
    // A socket that is opening already, for the hand-over, is as good as a new one.
    if (this.#dialling && this.#lines.size > 0) this.#show({ state: "connecting", attempt: this.#attempt });
    else this.#dialAgain();
  }

  #hear(line: Line, data: unknown): void {
    let frame: Frame;
    try {
      frame = JSON.parse(String(data));
    } catch {
      return;
    }
    if (typeof frame !== "object" || !frame) return;
    this.#attempt = 0;
    if (line === this.#line) this.#heard();
    if (!frame.type) {
      // API Gateway's own error names no request of ours; one of those on their way has failed.
      this.#timer("again", this.#options.timing.backoff * (1 + this.#environment.random()), () => this.#sayAll((request) => !isResting(request)));
      return;
    }
    const request = this.#requests.get(frame.requestId!);
    if (request) this.#answered(frame.requestId!, request, frame);
    this.#ears.frame(frame);
  }

  #answered(id: string, request: Request, frame: Frame): void {
    if (frame.type !== "error") return this.#settle(id, frame);
    const error = LonghaulError.from(frame);
    if (error.code === "AUTHENTICATION_ERROR" && !request.renewed && request.frame.action !== "refreshToken") {
      // The token ran out unnoticed, as in a laptop that slept.
      request.renewed = true;
      this.#unsay(request);
      void this.#renew().then((failure) =>
        failure?.code === error.code ? this.#settle(id, error) : this.#say(request),
      );
    } else if (
      MENDED_BY_TIME.includes(error.code) &&
      !request.passing &&
      !(error.retryAfter! > PATIENCE_S) &&
      request.refusals++ < REFUSALS
    ) {
      this.#unsay(request);
      const wait = error.retryAfter ? error.retryAfter * 1000 : this.#options.timing.backoff * 2 ** request.refusals;
      request.timer = this.#environment.after(wait * (1 + this.#environment.random() / 4), () => this.#say(request));
    } else {
      this.#settle(id, error);
    }
  }

  #say(request: Request): void {
    const line = this.#line;
    if (!this.#requests.has(request.frame.requestId!)) return;
    this.#unsay(request);
    if (!line) return;
    request.line = line;
    request.wasSaid = true;
    request.timer = this.#environment.after(this.#options.timing.answer, () => line.end());
    line.socket.send(JSON.stringify(request.frame));
  }

  #sayAll(which: (request: Request) => boolean): void {
    for (const request of [...this.#requests.values()]) if (which(request)) this.#say(request);
  }

  #unsay(request: Request): void {
    request.timer?.();
    request.timer = request.line = undefined;
  }

  #forget(id: string): Request | undefined {
    const request = this.#requests.get(id);
    if (request) this.#unsay(request);
    this.#requests.delete(id);
    return request;
  }

  #settle(id: string, answer: Answer): void {
    this.#forget(id)?.answer(answer);
  }

  #heard(): void {
    this.#timer("ping", this.#options.timing.ping, () => this.#ping(this.#options.timing.answer));
  }

  #ping(deadline: number): void {
    const line = this.#line;
    const late = this.#environment.after(deadline, () => line?.end());
    this.request({ action: "ping" }, late, true);
  }

  #renewBefore(expiresAt?: number): void {
    this.#timers.renew?.();
    if (!expiresAt) return;
    const left = expiresAt - this.#environment.now();
    const wait = Math.max(this.#options.timing.backoff, left - Math.min(60_000, left / 5));
    // A longer life than the socket's needs no renewal, and would overflow a browser's timer.
    if (wait < this.#options.timing.life) this.#timer("renew", wait, () => void this.#renew());
  }

  /** Gives the connection a newer token; gives why not. Several callers share one renewal. */
  #renew(): Promise<LonghaulError | undefined> {
    const renewal = (token: string) =>
      new Promise<LonghaulError | undefined>((done) => {
        const answer = (answer: Answer) => {
          if (answer instanceof LonghaulError) return done(answer);
          this.#renewBefore((answer.expiresAt as number) * 1000);
          done(undefined);
        };
        this.request({ action: "refreshToken", token }, answer, true);
      });
    this.#renewing ??= this.#token()
      .then(renewal, (reason) => new LonghaulError("AUTHENTICATION_ERROR", `No token: ${reason}`))
      .then((failure) => {
        this.#renewing = undefined;
        if (failure && this.#line) this.#timer("renew", this.#options.timing.backoffLimit / 3, () => void this.#renew());
        return failure;
      });
    return this.#renewing;
  }

  #timer(name: string, ms: number, run: () => void): void {
    this.#timers[name]?.();
    this.#timers[name] = this.#environment.after(ms, run);
  }

  #show(change: StateChange): void {
    this.state = change;
    this.#ears.state(change);
  }
}
