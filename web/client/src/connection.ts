/**
 * One durable connection over many sockets: reconnects with backoff, hands over to a new socket before API Gateway's
 * two-hour limit, renews the token, detects dead sockets, and says why there is no connection.
 */
import { diagnose } from "./diagnosis.js";
import { callSafely, LonghaulError } from "./error.js";
import type { ConnectionSettings, Environment, Observer, Socket, StateChange } from "./options.js";
import type { Frame } from "./protocol.js";
import { isLocal } from "./pageEvents.js";
import { type Expiry, Renewal, type RenewalOwner } from "./renewal.js";
import { type Line, type LineOwner, type Reply, Requests } from "./requests.js";
import { readClaims } from "./token.js";

/** One socket with the identity of its token. */
interface Transport extends Line, Expiry {
  receivedAt: number;
  isProbed?: boolean;
}

const SUBPROTOCOL = "longhaul.v1";

export class Connection implements LineOwner, RenewalOwner {
  state: StateChange = { state: "connecting", attempt: 0 };
  #active?: Transport;
  /** Cancels the connection attempt that is running or scheduled; else `undefined`. */
  #cancelDial?: () => void;
  #cancelDiagnosis?: () => void;
  #attempt = 0;
  /** Why the latest attempt failed. */
  #error?: LonghaulError;
  /** The reason that was written to the console last. */
  #warned?: string;
  #isOpened = false;
  #wasConnected = false;
  /** The user of the first token. */
  #user?: string;
  readonly #timers: Record<string, () => void> = {};
  readonly #transports = new Set<Transport>();
  readonly #requests: Requests;
  readonly #renewal: Renewal;

  readonly #settings: ConnectionSettings;
  readonly #environment: Environment;
  readonly #observer: Observer;

  /** Opens nothing before `open` is called. */
  constructor(settings: ConnectionSettings, environment: Environment, observer: Observer) {
    this.#settings = settings;
    this.#environment = environment;
    this.#observer = observer;
    this.#requests = new Requests(this, environment, settings.timing, settings.queue);
    this.#renewal = new Renewal(this, environment, settings.timing);
  }

  /** Starts to connect, if that was not done before. */
  open(): void {
    if (this.#isOpened) return;
    this.#isOpened = true;
    this.#dial();
  }

  /**
   * Sends `frame` now or once connected, and again after a reconnect or when the server asks for a retry, until it is
   * answered. `isTransient`: only on the active socket, without retries. The returned function withdraws the request
   * and returns true, or returns false if it was already sent.
   */
  request(frame: Frame, onReply: (reply: Reply) => void, isTransient = false): () => boolean {
    return this.#requests.add(frame, onReply, isTransient);
  }

  /** Checks the connection now: reconnects, or pings a silent socket. Called when the page may have been asleep. */
  probe(): void {
    const active = this.#active;
    const { acknowledge } = this.#settings.timing;
    if (this.#error?.code === "OFFLINE") this.#error = undefined;
    if (this.state.state === "waiting") this.#dial();
    else if (active && this.#environment.now() - active.receivedAt >= acknowledge) this.suspect(active, acknowledge);
  }

  /** The network is gone: shows it at once, and tries to reconnect, because a browser may be wrong about it. */
  goOffline(): void {
    this.#error = new LonghaulError("OFFLINE", "The browser is offline.");
    if (this.#active) this.#active.end();
    else if (this.#isOpened && !this.isClosed()) this.#setState({ ...this.state, error: this.#error });
  }

  close(error = new LonghaulError("CLOSED", "The client was closed.")): void {
    if (this.isClosed()) return;
    this.#setState({ state: "closed", attempt: this.#attempt, error });
    this.#cancelDial?.();
    this.#cancelDiagnosis?.();
    for (const cancel of Object.values(this.#timers)) cancel();
    this.#renewal.stop();
    for (const transport of [...this.#transports]) transport.end();
    this.#requests.close(error);
    this.#observer.closed(error);
  }

  /** Epoch milliseconds by the server's clock, once it is known. */
  now(): number {
    return this.#renewal.now();
  }

  line(): Transport | undefined {
    return this.#active;
  }

  isClosed(): boolean {
    return this.state.state === "closed";
  }

  /** Pings a silent socket, and ends it if nothing is received on it in time. */
  suspect(line: Line, limit: number): void {
    const transport = line as Transport;
    if (transport.isProbed || transport !== this.#active) return;
    transport.isProbed = true;
    const { received } = transport;
    this.#setTimer("probe", limit, () => {
      transport.isProbed = false;
      if (transport.received > received) return;
      this.#requests.noteSilence();
      transport.end();
    });
    this.request({ action: "ping" }, () => {}, true);
  }

  replied(frame: Frame): void {
    this.#renewal.readClock(frame);
  }

  renewToken(): Promise<LonghaulError | undefined> {
    return this.#renewal.renew();
  }

  /** The token was renewed, or cannot be: then the socket stays open, but the server refuses what needs a valid token. */
  renewed(error?: LonghaulError): void {
    if (this.#active && this.state.error !== error) this.#setState({ ...this.state, error });
  }

  /** Gets a token and opens a socket. The current socket stays active until the new one is open. */
  #dial(): void {
    this.#cancelDial?.();
    if (!this.#active) this.#setState({ state: "connecting", attempt: this.#attempt, error: this.#error });
    // A listener may have closed the client.
    if (this.isClosed()) return;
    let transport: Transport | undefined;
    const stop = () => {
      cancel();
      isSettled = true;
      transport?.end();
    };
    // The attempt has succeeded, failed or been cancelled; later events of its socket are ignored.
    let isSettled = false;
    const failed = (error?: LonghaulError) => {
      if (isSettled) return;
      stop();
      this.#error = error ?? this.#error ?? new LonghaulError("UNREACHABLE", `No connection to ${this.#settings.url}.`);
      this.#scheduleDial();
    };
    const cancel = this.#environment.after(this.#settings.timing.dial, () =>
      failed(transport ? undefined : new LonghaulError("NO_TOKEN", "The option 'token' gave no token in time.")),
    );
    this.#cancelDial = stop;
    this.fetchToken()
      .then((token) => {
        if (isSettled) return;
        const { user } = readClaims(token);
        if (this.#user !== undefined && user !== undefined && user !== this.#user) {
          return this.close(new LonghaulError("USER_CHANGED", "The token is another user's. Create a client for each user."));
        }
        this.#user ??= user;
        this.#observer.identified(user);
        const refused = () => {
          if (isSettled) return;
          failed();
          this.#diagnose(token);
        };
        transport = this.#openTransport(token, refused, () => {
          cancel();
          isSettled = true;
          this.#cancelDial = undefined;
          this.#activate(transport!);
        });
      })
      .catch(failed);
  }

  /** Rejects with a `LonghaulError` if there is no token. */
  async fetchToken(): Promise<string> {
    const { token } = this.#settings;
    let reason: unknown = "it returned none.";
    try {
      const fetched = typeof token === "string" ? token : await token();
      if (fetched) return fetched;
    } catch (error) {
      reason = error;
    }
    throw new LonghaulError("NO_TOKEN", typeof token === "string" ? "The option 'token' is empty." : `The option 'token' gave no token: ${reason}`);
  }

  #openTransport(token: string, failed: () => void, opened: () => void): Transport {
    const url = new URL(this.#settings.url);
    const protocols = [SUBPROTOCOL];
    if (this.#settings.tokenIn === "url") url.searchParams.set("token", token);
    else protocols.push(token);
    let socket: Socket;
    try {
      socket = new this.#settings.WebSocket(url.href, protocols);
    } catch (error) {
      throw new LonghaulError("UNREACHABLE", `The WebSocket cannot be opened: ${error}`);
    }
    const end = (code?: number) => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      this.#transports.delete(transport);
      callSafely(() => socket.close());
      this.#requests.lost(transport, code);
      this.#handleClose(transport);
    };
    const transport: Transport = {
      ...readClaims(token),
      received: 0,
      receivedAt: this.#environment.now(),
      send: (text) => socket.send(text),
      end: () => end(),
    };
    this.#transports.add(transport);
    socket.onopen = opened;
    socket.onmessage = (event) => this.#receive(transport, event.data);
    socket.onclose = (event) => {
      end(event?.code);
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
      const reason = this.#error ? ` ${this.#error.message}` : "";
      this.close(new LonghaulError("CONNECTION_LOST", `No connection after ${this.#attempt} attempts.${reason}`));
      return;
    }
    const { backoff, backoffLimit } = this.#settings.timing;
    // A failed hand-over is not urgent: the current socket still works.
    const bound = this.#active ? backoffLimit : Math.min(backoffLimit, backoff * 2 ** this.#attempt++);
    const wait = this.#environment.random() * bound;
    this.#cancelDial = this.#environment.after(wait, () => this.#dial());
    if (this.#active) return;
    this.#warn();
    this.#setState({ state: "waiting", attempt: this.#attempt, retryAt: this.#environment.now() + wait, error: this.#error });
  }

  /**
   * Asks why the handshake failed, which browsers do not tell. Not after a single drop, when many clients reconnect, and
   * more rarely the longer it lasts.
   */
  #diagnose(token: string): void {
    const isDue = Number.isInteger(Math.log2(this.#attempt)) && (this.#attempt > 1 || !this.#wasConnected);
    if (!isDue || this.#active || this.isClosed() || this.#error?.code === "OFFLINE") return;
    this.#cancelDiagnosis?.();
    this.#cancelDiagnosis = diagnose(this.#settings, SUBPROTOCOL, token, this.#environment, (error) => {
      if (this.#active || this.isClosed()) return;
      this.#error = error;
      this.#warn();
      this.#setState({ ...this.state, error });
    });
  }

  #activate(transport: Transport): void {
    const previous = this.#active;
    this.#active = transport;
    this.#cancelDiagnosis?.();
    this.#error = undefined;
    this.#wasConnected = true;
    const { life, overlap } = this.#settings.timing;
    // Up to 10 % earlier, so that clients that connected together do not hand over together.
    this.#setTimer("life", life * (1 - this.#environment.random() / 10), () => this.#dial());
    this.#renewal.schedule();
    this.#restartPingTimer();
    if (previous) this.#setTimer("overlap", overlap, previous.end);
    this.#setState({ state: "open", attempt: 0 });
    // A listener may have closed the client.
    if (this.#active !== transport) return;
    this.#observer.opened();
    this.#requests.moveTo(transport);
  }

  #handleClose(transport: Transport): void {
    if (transport !== this.#active) return;
    this.#active = undefined;
    for (const name of ["ping", "probe", "life"]) this.#timers[name]?.();
    this.#renewal.stop();
    if (this.isClosed()) return;
    // A hand-over is in progress, so a socket is already opening.
    if (this.#cancelDial && this.#transports.size > 0) this.#setState({ state: "connecting", attempt: this.#attempt, error: this.#error });
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
    transport.received++;
    transport.receivedAt = this.#environment.now();
    if (transport === this.#active) this.#restartPingTimer();
    // A frame that cannot be handled must not keep later ones from being handled.
    callSafely(() => this.#requests.receive(transport, frame));
    if (frame.type) callSafely(() => this.#observer.frame(frame));
  }

  #restartPingTimer(): void {
    const { ping, acknowledge } = this.#settings.timing;
    this.#setTimer("ping", ping, () => this.#active && this.suspect(this.#active, acknowledge));
  }

  #setTimer(name: string, ms: number, run: () => void): void {
    this.#timers[name]?.();
    this.#timers[name] = this.#environment.after(ms, run);
  }

  #setState(change: StateChange): void {
    this.state = change;
    this.#observer.state(change);
  }

  /** Warns a developer, once for each reason, on the console of a page of this machine. */
  #warn(): void {
    if (!this.#error || this.#warned === this.#error.message || !isLocal(globalThis.location?.hostname)) return;
    this.#warned = this.#error.message;
    console.warn(`longhaul: ${this.#error.message} (${this.#error.code})`);
  }
}
