/**
 * `connect` and what it gives: the composition of connection, jobs and store. It refuses to know sockets and
 * the order of events; it routes each event to the jobs that it is of.
 */
import { Connection } from "./connection.js";
import { LonghaulError } from "./error.js";
import { type JobContext, Job } from "./job.js";
import { type Environment, type SocketConstructor, type StateChange, TIMING, type Timing } from "./options.js";
import { type Frame, isEvent, type JobView, type ResultOf } from "./protocol.js";
import { defaultStore, type Saved, type Store } from "./store.js";

export interface ConnectOptions {
  /** `wss://...`; `https://...` is read as that. */
  url: string;
  /** A JWT, or what gets a fresh one: it is asked before each socket and before the token expires. */
  token: string | (() => string | Promise<string>);
  /** Where the token stands in the handshake; in a URL it ends in logs. Default `subprotocol`. */
  tokenIn?: "subprotocol" | "url";
  /** Needed where there is no global one: in Node 20, that of the package `ws`. */
  WebSocket?: SocketConstructor;
  /** Where submitted jobs are noted to be resumed after a reload; `localStorage` in a page, `null` for nowhere. */
  store?: Store | null;
  /** Failed tries in a row after which it gives up with `CONNECTION_LOST`. Default: never. */
  attempts?: number;
  /** Requests that may wait while there is no connection; the next fails with `QUEUE_FULL`. Default 100. */
  queue?: number;
  /** For gateways with other limits than API Gateway's, and for tests. */
  timing?: Partial<Timing>;
  /** For tests. */
  environment?: Partial<Environment>;
}

export interface QueryOptions {
  /** The same key is the same job, on any device; made if none is given. */
  idempotencyKey?: string;
  params?: Record<string, unknown>;
  deadlineSeconds?: number;
  /** Makes it the next turn of this session; `longhaul-client/chat` does all of that for you. */
  sessionId?: string;
  /** Of a turn: ends what is being answered, rather than waits for it. */
  supersede?: boolean;
  /** Aborting it cancels the job. */
  signal?: AbortSignal;
}

/** Without a job id an entry this old is no longer what anyone waits for. */
const UNACKNOWLEDGED_TTL_MS = 3_600_000;

export class Longhaul {
  /** The jobs that the page before had submitted and not seen end; known once connected. */
  readonly resumed: Promise<Job<any>[]>;

  readonly #connection: Connection;
  readonly #environment: Environment;
  readonly #context: JobContext;
  readonly #store?: Store | null;
  readonly #openJobs = new Set<Job<any>>();
  readonly #savedJobs = new Map<Job<any>, Saved>();
  readonly #listeners = { state: new Set<(change: StateChange) => void>(), frame: new Set<(frame: Frame) => void>() };
  readonly #onOnline = () => this.#connection.probe();
  #user?: string;
  #resolveResumed: (jobs: Job<any>[] | Promise<Job<any>[]>) => void = () => {};

  constructor(options: ConnectOptions) {
    const url = new URL(options.url);
    url.protocol = url.protocol.replace("http", "ws");
    const WebSocket = options.WebSocket ?? (globalThis.WebSocket as SocketConstructor | undefined);
    if (!WebSocket) throw new TypeError("There is no global WebSocket here: pass that of the package 'ws' as WebSocket.");
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
    const timing = { ...TIMING, ...options.timing };
    this.#context = {
      request: (...args) => this.#connection.request(...args),
      after: this.#environment.after,
      get: (jobId) => this.get(jobId),
      acknowledged: (job) => this.#save(job),
      ended: (job) => this.#remove(job),
      silence: timing.silence,
      backoff: timing.backoff,
    };
    this.resumed = new Promise((resolve) => (this.#resolveResumed = resolve));
    this.#connection = new Connection(
      { attempts: Infinity, queue: 100, ...options, url: url.href, WebSocket, timing },
      this.#environment,
      {
        opened: (user) => this.#opened(user),
        frame: (frame) => this.#receive(frame),
        state: (change) => this.#emit("state", change),
        closed: (error) => {
          globalThis.removeEventListener?.("online", this.#onOnline);
          for (const job of [...this.#openJobs]) job.fail(error);
          this.#resolveResumed([]);
        },
      },
    );
    globalThis.addEventListener?.("online", this.#onOnline);
  }

  /** `connecting`, `open`, `waiting` for the next try, or `closed`. */
  get state(): StateChange {
    return this.#connection.state;
  }

  /**
   * Calls on each change of the connection's state (`open` with each socket that takes over), or with each frame of
   * the server's; gives a function that stops it.
   */
  on(event: "state", listener: (change: StateChange) => void): () => void;
  on(event: "frame", listener: (frame: Frame) => void): () => void;
  on(event: "state" | "frame", listener: (value: any) => void): () => void {
    this.#listeners[event].add(listener);
    return () => this.#listeners[event].delete(listener);
  }

  /** Submits a job, now or when there is a connection; never twice, whatever drops. */
  query<K extends string>(kind: K, text: string, options: QueryOptions = {}): Job<ResultOf<K>> {
    const { signal, idempotencyKey = newIdempotencyKey(), ...rest } = options;
    for (const [job, saved] of this.#savedJobs) {
      if (saved.idempotencyKey === idempotencyKey && saved.kind === kind && saved.text === text) return job;
    }
    const at = this.#environment.now();
    const job = this.#submit({ ...rest, idempotencyKey, kind, text, at, user: "" }, !signal?.aborted, true);
    // Where the wish can't be heard, the end of the job is the end of waiting for it.
    const abort = () => void job.cancel().catch(() => {});
    signal?.addEventListener("abort", abort, { once: true });
    return job;
  }

  /** Follows a job from `after`, the last seq applied elsewhere; by default all of it. */
  follow<R = unknown>(jobId: string, options: { after?: number } = {}): Job<R> {
    for (const job of this.#openJobs) if (job.id === jobId) return job;
    const job = new Job<R>(this.#context, jobId, options.after);
    this.#openJobs.add(job);
    // Otherwise it begins with the next socket.
    if (["open", "closed"].includes(this.state.state)) job.subscribe();
    return job;
  }

  /** One job as it is now, with its result; `undefined` if there is no such job of yours. */
  async get<R = unknown>(jobId: string): Promise<JobView<R> | undefined> {
    const { job } = await this.request({ action: "getJob", jobId });
    return (job as { status: string }).status === "gone" ? undefined : (job as JobView<R>);
  }

  /** Your jobs, newest first, without results; pages are fetched as you go. Admins may name another user. */
  async *jobs({ pageSize: limit, ...filter }: { status?: JobView["status"]; userId?: string; pageSize?: number } = {}): AsyncGenerator<JobView, void, undefined> {
    let cursor: unknown;
    do {
      const page = await this.request({ action: "listJobs", ...filter, limit, cursor });
      yield* page.jobs as JobView[];
      cursor = page.cursor;
    } while (cursor);
  }

  /**
   * Any other frame, answered. It waits for a connection, and is said again until it is answered: only for what may
   * be said twice. Rejects with a `LonghaulError`.
   */
  request(frame: Frame): Promise<Frame> {
    return new Promise((resolve, reject) => {
      this.#connection.request(frame, (reply) => (reply instanceof LonghaulError ? reject(reply) : resolve(reply)));
    });
  }

  /** Ends the connection and every wait, with `CLOSED`. The jobs go on, and are resumed by the next page. */
  close(): void {
    this.#connection.close();
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

  #opened(user?: string): void {
    const isFirst = this.#user === undefined;
    this.#user = user;
    for (const job of this.#openJobs) {
      job.subscribe();
      this.#save(job);
    }
    if (isFirst && user !== undefined) this.#resolveResumed(this.#loadSaved(user));
    else this.#resolveResumed([]);
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
    for (const job of [...this.#openJobs]) if (job.id === frame.jobId) job.receive(frame);
  }

  #emit(event: "state" | "frame", value: any): void {
    for (const listener of [...this.#listeners[event]]) listener(value);
  }

  /** Notes a submitted job for the next page, once it is known whose it is. */
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
    // It was only we who stopped listening.
    if (["CLOSED", "CONNECTION_LOST"].includes(job.failure?.code ?? "")) return;
    if (saved) this.#updateStore((store) => store.remove(saved.idempotencyKey));
  }

  #updateStore(update: (store: Store) => void): void {
    try {
      if (this.#store) update(this.#store);
    } catch {
      // A full or forbidden store costs the resumption and nothing else.
    }
  }
}

/** Opens a connection that lasts; nothing is to be awaited before asking. Throws on a `url` that is none. */
export function connect(options: ConnectOptions): Longhaul {
  return new Longhaul(options);
}

function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}
