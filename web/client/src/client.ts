/** `connect` and the client it returns: connects the connection, the jobs and the store, and routes events to jobs. */
import { Connection } from "./connection.js";
import { callSafely, isDetached, LonghaulError } from "./error.js";
import { Job, type JobContext } from "./job.js";
import { type ConnectionSettings, type Environment, type SocketConstructor, type StateChange, TIMING, type Timing } from "./options.js";
import { isLocal, watchPage } from "./pageEvents.js";
import { type Frame, isEvent, type JobView, type ResultOf } from "./protocol.js";
import { defaultStore, type Saved, type Store } from "./store.js";
import { readClaims } from "./token.js";

export interface ConnectOptions {
  /** `wss://...`; `https://...` is accepted too. A `TypeError` if no connection to it can ever work. */
  url: string;
  /** A JWT, or a function that returns a fresh one. It is called before each handshake and before the token expires. */
  token: string | (() => string | Promise<string>);
  /**
   * Who submits, for the store: only this user's jobs are resumed. Default: the `sub` of the token. Set it if `token` takes
   * long or needs the network, because a job that is submitted before the user is known does not survive a reload.
   */
  user?: string;
  /**
   * Opens the connection with the first use (`query`, `follow`, `request`, `open`) instead of at once. Default: `true`
   * without a document, so that a server that renders pages opens no connection.
   */
  lazy?: boolean;
  /** Where the handshake carries the token. Default `subprotocol`; URLs end up in logs. */
  tokenIn?: "subprotocol" | "url";
  /** Required where there is no global `WebSocket`: in Node 20, use that of the package `ws`. */
  WebSocket?: SocketConstructor;
  /** Where submitted jobs are stored for a resume after a reload. Default `localStorage` in a page; `null` disables it. */
  store?: Store | null;
  /** Failed connection attempts in a row after which the client gives up with `CONNECTION_LOST`. Default: never. */
  attempts?: number;
  /** Maximum number of requests that wait for a connection; the next one fails with `QUEUE_FULL`. Default 100. */
  queue?: number;
  /** Timeouts in milliseconds, for gateways whose limits differ from API Gateway's. */
  timing?: Partial<Timing>;
  /** Clock, timers and randomness, for tests. */
  environment?: Partial<Environment>;
}

export interface QueryOptions {
  /** Submits with the same key are one job, on any device. Default: a random key. */
  idempotencyKey?: string;
  params?: Record<string, unknown>;
  deadlineSeconds?: number;
  /** Makes the job the next turn of this session. `longhaul-client/chat` manages sessions for you. */
  sessionId?: string;
  /** With `sessionId`: cancels the running turn instead of waiting for it. */
  supersede?: boolean;
  /** Cancels the job when aborted. */
  signal?: AbortSignal;
}

/** Which jobs to list. */
export interface JobFilter {
  status?: JobView["status"];
  kind?: string;
  /** For admins: the jobs of this user. */
  userId?: string;
  /** Jobs fetched at once, at most 100. */
  pageSize?: number;
}

/** A stored job without an id that is older than this is discarded instead of submitted again. */
const UNACKNOWLEDGED_TTL_MS = 3_600_000;

type Listeners = Record<"state" | "frame" | "open", Set<(value: any) => void>>;

/** A client. Create one with `connect`. */
export class Longhaul {
  readonly #connection: Connection;
  readonly #environment: Environment;
  readonly #context: JobContext;
  readonly #store?: Store | null;
  readonly #openJobs = new Set<Job<any>>();
  readonly #savedJobs = new Map<Job<any>, Saved>();
  readonly #listeners: Listeners = { state: new Set(), frame: new Set(), open: new Set() };
  readonly #settings: ConnectionSettings;
  readonly #resumed: Promise<Job<any>[]>;
  #stopWatching?: () => void;
  /** Known from the options, a constant token, or the first token fetched. */
  #user?: string;
  #isResumed = false;
  #resolveResumed: (jobs: Job<any>[] | Promise<Job<any>[]>) => void = () => {};

  constructor(options: ConnectOptions) {
    this.#environment = {
      now: Date.now,
      random: Math.random,
      after(ms, run) {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
      ...options.environment,
    };
    this.#store = options.store === undefined ? defaultStore() : options.store;
    this.#user = options.user ?? (typeof options.token === "string" ? readClaims(options.token).user : undefined);
    const timing = { ...TIMING, ...options.timing };
    this.#context = {
      request: (...args) => this.#connection.request(...args),
      isFollowed: (jobId) => this.find(jobId) !== undefined,
      after: this.#environment.after,
      ask: (frame) => this.request(frame),
      get: (jobId) => this.get(jobId),
      acknowledged: (job) => this.#save(job),
      ended: (job) => this.#remove(job),
      silence: timing.silence,
      backoff: timing.backoff,
    };
    this.#resumed = new Promise((resolve) => (this.#resolveResumed = resolve));
    const WebSocket = options.WebSocket ?? (globalThis.WebSocket as SocketConstructor);
    this.#settings = { attempts: Infinity, queue: 100, ...options, url: webSocketUrl(options.url), WebSocket, timing };
    this.#connection = new Connection(
      this.#settings,
      this.#environment,
      {
        identified: (user) => {
          this.#user ??= user;
          for (const job of this.#openJobs) this.#save(job);
        },
        opened: () => this.#opened(),
        frame: (frame) => this.#receive(frame),
        state: (change) => this.#emit("state", change),
        closed: (error) => {
          this.#stopWatching?.();
          for (const job of [...this.#openJobs]) job.fail(error);
          this.#resolveResumed([]);
        },
      },
    );
    if (!(options.lazy ?? typeof document === "undefined")) this.open();
  }

  /** Opens the connection, if it was not opened yet. Throws a `TypeError` if there is no `WebSocket`. */
  open(): void {
    if (!this.#settings.WebSocket) throw new TypeError("No global WebSocket: pass the one of the package 'ws' as WebSocket.");
    if (this.state.state !== "closed") this.#stopWatching ??= watchPage(() => this.#connection.probe(), () => this.#connection.goOffline());
    this.#connection.open();
  }

  /** Jobs of the previous page that had not ended. Resolves after the first connection. */
  get resumed(): Promise<Job<any>[]> {
    this.open();
    return this.#resumed;
  }

  /** Epoch milliseconds by the server's clock, once it is known: the times in events and jobs are by that clock. */
  now(): number {
    return this.#connection.now();
  }

  /** The connection's state: `connecting`, `open`, `waiting` for the next attempt, or `closed`; and why it is not open. */
  get state(): StateChange {
    return this.#connection.state;
  }

  /**
   * Calls `listener` on each change of the connection's state, with each frame from the server, or after each new socket
   * has become active (`open`). The returned function removes it.
   */
  on(event: "state", listener: (change: StateChange) => void): () => void;
  on(event: "frame", listener: (frame: Frame) => void): () => void;
  on(event: "open", listener: () => void): () => void;
  on(event: keyof Listeners, listener: (value: any) => void): () => void {
    this.#listeners[event].add(listener);
    return () => this.#listeners[event].delete(listener);
  }

  /** Submits a job, now or once connected. Reconnects never submit it twice. */
  query<K extends string>(kind: K, text: string, options: QueryOptions = {}): Job<ResultOf<K>> {
    this.open();
    const { signal, idempotencyKey = newIdempotencyKey(), ...rest } = options;
    for (const [job, saved] of this.#savedJobs) {
      if (saved.idempotencyKey === idempotencyKey && saved.kind === kind && saved.text === text) return job;
    }
    const at = this.#environment.now();
    const job = this.#submit({ ...rest, idempotencyKey, kind, text, at, user: "" }, !signal?.aborted, true);
    // A cancel that fails because the client was closed needs no handling: the job has failed with that error.
    const abort = () => void job.cancel().catch(() => {});
    signal?.addEventListener("abort", abort, { once: true });
    return job;
  }

  /** Follows a job. `after` is the last `seq` applied elsewhere; by default all events are replayed. */
  follow<R = unknown>(jobId: string, options: { after?: number } = {}): Job<R> {
    this.open();
    const known = this.find(jobId);
    if (known) return known;
    const job = new Job<R>(this.#context, jobId, options.after);
    this.#openJobs.add(job);
    // In other states the next socket subscribes.
    if (["open", "closed"].includes(this.state.state)) job.subscribe();
    return job;
  }

  /** @internal The job with this id, if it is followed and has not ended. */
  find(jobId: string): Job<any> | undefined {
    for (const job of this.#openJobs) if (job.id === jobId) return job;
    return undefined;
  }

  /** The current row of a job, with its result. `undefined` if you have no such job. */
  async get<R = unknown>(jobId: string): Promise<JobView<R> | undefined> {
    const { job } = await this.request({ action: "getJob", jobId });
    return (job as { status: string }).status === "gone" ? undefined : (job as JobView<R>);
  }

  /**
   * Your jobs, newest first, without results. Pages are fetched on demand. Admins may list another user's jobs. The server
   * cannot look for a kind, so with `kind` all pages are read until enough jobs are found.
   */
  async *jobs({ pageSize: limit, kind, ...filter }: JobFilter = {}): AsyncGenerator<JobView, void, undefined> {
    let cursor: unknown;
    do {
      const page = await this.request({ action: "listJobs", ...filter, limit, cursor });
      yield* (page.jobs as JobView[]).filter((job) => !kind || job.kind === kind);
      cursor = page.cursor;
    } while (cursor);
  }

  /**
   * Sends any frame and returns its reply. The frame waits for a connection and is sent again until it is answered,
   * so use it for idempotent actions only. Rejects with a `LonghaulError`.
   */
  request(frame: Frame): Promise<Frame> {
    this.open();
    return new Promise((resolve, reject) => {
      this.#connection.request(frame, (reply) => (reply instanceof LonghaulError ? reject(reply) : resolve(reply)));
    });
  }

  /** Closes the connection and rejects everything pending with `CLOSED`. Jobs keep running; the next page resumes them. */
  close(): void {
    this.#connection.close();
  }

  /** Closes the connection and deletes what was stored for its user: call it when the user signs out. Jobs keep running. */
  async forget(): Promise<void> {
    this.close();
    try {
      const entries = (await this.#store?.load()) ?? [];
      for (const { user, idempotencyKey } of entries) if (user === this.#user) await this.#store!.remove(idempotencyKey);
    } catch {
      // A store that cannot be read holds nothing that the next page could show.
    }
  }

  #submit(saved: Saved, shouldSend: boolean, isNew: boolean): Job<any> {
    const job = new Job<any>(this.#context, saved.jobId);
    this.#openJobs.add(job);
    this.#savedJobs.set(job, saved);
    const { text: query, user, at, jobId, ...rest } = saved;
    if (!shouldSend) job.fail(new LonghaulError("CANCELLED", "The job was never sent."));
    else if (jobId) job.subscribe();
    else job.submit({ action: "query", query, ...rest }, isNew);
    if (this.#openJobs.has(job)) this.#save(job);
    return job;
  }

  #opened(): void {
    for (const job of this.#openJobs) job.subscribe();
    if (!this.#isResumed) this.#resolveResumed(this.#user === undefined ? [] : this.#loadSaved(this.#user));
    this.#isResumed = true;
    this.#emit("open", undefined);
  }

  async #loadSaved(user: string): Promise<Job<any>[]> {
    const known = () => [...this.#savedJobs.values()].map((saved) => saved.idempotencyKey);
    try {
      const entries = ((await this.#store?.load()) ?? []).filter((entry) => entry.user === user);
      const isStale = (entry: Saved) => !entry.jobId && entry.at < this.#environment.now() - UNACKNOWLEDGED_TTL_MS;
      for (const entry of entries.filter(isStale)) this.#store?.remove(entry.idempotencyKey);
      return entries
        .filter((entry) => !isStale(entry) && !known().includes(entry.idempotencyKey))
        .map((entry) => this.#submit(entry, true, false));
    } catch {
      return [];
    }
  }

  #receive(frame: Frame): void {
    this.#emit("frame", frame);
    if (!isEvent(frame)) return;
    for (const job of [...this.#openJobs]) if (job.id === frame.jobId) callSafely(() => job.receive(frame));
  }

  #emit(event: keyof Listeners, value: any): void {
    for (const listener of [...this.#listeners[event]]) callSafely(listener, value);
  }

  /** Stores a submitted job for the next page, once the user is known. */
  #save(job: Job<any>): void {
    const saved = this.#savedJobs.get(job);
    if (!saved || this.#user === undefined) return;
    Object.assign(saved, { user: this.#user, jobId: job.id });
    this.#updateStore((store) => store.save(saved));
  }

  #remove(job: Job<any>): void {
    const saved = this.#savedJobs.get(job);
    this.#openJobs.delete(job);
    this.#savedJobs.delete(job);
    // Only this client stopped following; the next page resumes the job.
    if (isDetached(job.failure?.code) && job.failure?.code !== "LEFT") return;
    if (saved) this.#updateStore((store) => store.remove(saved.idempotencyKey));
  }

  #updateStore(update: (store: Store) => unknown): void {
    // If the store is full or forbidden, the job is not resumed; nothing else fails.
    if (this.#store) void new Promise((done) => done(update(this.#store!))).catch(() => {});
  }
}

/** The URL of the handshake. Throws a `TypeError` if no connection to it can ever work. */
function webSocketUrl(text: string): string {
  const refuse = (rule: string) => {
    throw new TypeError(`The option 'url' is "${text}": ${rule}.`);
  };
  if (!/^(ws|http)s?:\/\/[^/]/i.test(text)) refuse("it must start with wss://, ws://, https:// or http://");
  const url = new URL(text.replace(/^http/i, "ws"));
  url.hash = "";
  if (url.protocol === "ws:" && globalThis.location?.protocol === "https:" && !isLocal(url.hostname)) refuse("a page of https can only connect to wss://");
  return url.href;
}

/** Opens a connection and keeps it open. Jobs can be submitted at once. Throws a `TypeError` on an invalid `url`. */
export function connect(options: ConnectOptions): Longhaul {
  return new Longhaul(options);
}

/** @internal */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}
