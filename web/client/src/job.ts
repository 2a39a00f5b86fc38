/**
 * One job as its caller holds it: an async iterable of its events and a promise of its result. It asks again
 * for what is missing or overdue; how and over which socket is the connection's business, what the events
 * amount to is `reduce`'s.
 */
import type { Connection } from "./connection.js";
import { LonghaulError } from "./error.js";
import type { Environment } from "./options.js";
import type { Frame, JobEvent, JobView, Subscribed } from "./protocol.js";
import { type JobState, initial, isBehind, isOver, reduce } from "./reduce.js";
import { fetchResult } from "./result.js";

/** What a job needs of its client. */
export interface JobContext {
  request: Connection["request"];
  after: Environment["after"];
  get(jobId: string): Promise<JobView | undefined>;
  /** The server has given it an id. */
  acknowledged(job: Job<any>): void;
  /** Nothing more will be heard of it. */
  ended(job: Job<any>): void;
  /** Milliseconds. */
  silence: number;
  backoff: number;
}

/** What the server, asked for the job, says when time or the next socket mends it. */
const TRANSIENT_CODES = ["CONNECTION_LOST", "QUEUE_FULL", "RATE_LIMIT_EXCEEDED", "INTERNAL_ERROR", "AUTHENTICATION_ERROR"];
const END_EVENTS = ["job_completed", "job_failed", "job_cancelled"];

export class Job<R = unknown> implements PromiseLike<R>, AsyncIterable<JobEvent<R>> {
  /** All that is known of it now; another object after each change. */
  state: JobState<R>;
  /** Why nothing more will be heard of it, if that is not one of its events. */
  failure?: LonghaulError;

  private readonly events: JobEvent<R>[] = [];
  private readonly listeners = new Set<() => void>();
  private isDone = false;
  private isSubscribing = false;
  private isEndRequested = false;
  private outcome?: Promise<R>;
  private cancelTimer?: () => void;
  private withdraw?: () => boolean;

  /** Made by `query` and `follow`. */
  constructor(
    private readonly context: JobContext,
    jobId?: string,
    after = 0,
  ) {
    this.state = { ...initial<R>(after), jobId };
  }

  /** Known from the first event on. */
  get id(): string | undefined {
    return this.state.jobId;
  }

  /** 0 to 100. */
  get progress(): number {
    return this.state.progress;
  }

  /** The result, fetched from where it lies if it is large; rejects with a `LonghaulError`. */
  result(): Promise<R> {
    this.outcome ??= this.waitUntil(() => this.isDone).then(() => this.loadResult());
    return this.outcome;
  }

  then<A = R, B = never>(
    resolved?: ((result: R) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.result().then(resolved, rejected);
  }

  /** Every event from the first on, in order and once, whenever you start; ends with the job. */
  async *[Symbol.asyncIterator](): AsyncGenerator<JobEvent<R>, void, undefined> {
    for (let next = 0; ; ) {
      while (next < this.events.length) yield this.events[next++]!;
      if (this.isDone) break;
      await this.waitUntil(() => this.isDone || next < this.events.length);
    }
    if (this.failure && !["LEFT", "CANCELLED"].includes(this.failure.code)) throw this.failure;
  }

  /** Calls after each change of `state`; gives a function that stops it. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Asks for the job's end. Resolves when the server has the wish; the end itself is an event. */
  async cancel(): Promise<void> {
    if (!this.id && this.withdraw?.()) {
      this.fail(new LonghaulError("CANCELLED", "The job was never sent."));
    }
    await this.waitUntil(() => this.isDone || this.id !== undefined);
    if (this.isDone) return;
    await new Promise<void>((resolve, reject) => {
      this.context.request({ action: "cancel", jobId: this.id }, (reply) =>
        reply instanceof LonghaulError ? reject(reply) : resolve(),
      );
    });
  }

  /** Hears no more of the job, which goes on. */
  leave(): void {
    if (this.isDone) return;
    if (this.id) this.context.request({ action: "unsubscribe", jobId: this.id }, () => {}, true);
    this.fail(new LonghaulError("LEFT", "The job was left."));
  }

  /** @internal Submits it; `mayWithdraw`: no earlier page can have done so. */
  submit(frame: Frame, mayWithdraw: boolean): void {
    const withdraw = this.context.request(frame, (reply) => {
      if (reply instanceof LonghaulError) return this.fail(reply);
      if (this.isDone) return;
      this.state = { ...this.state, jobId: String(reply.jobId) };
      this.context.acknowledged(this);
      // An event is heard like any other; the answer to a key that was known already is for us alone.
      if (reply.type === "subscribed") this.receive(reply as unknown as Subscribed<R>);
      else this.subscribeAfter(this.context.silence);
      this.notify();
    });
    if (mayWithdraw) this.withdraw = withdraw;
  }

  /** @internal Follows it on the socket of now, from where it stands. */
  subscribe(): void {
    if (!this.id || this.isDone) return;
    this.subscribeAfter(this.context.silence);
    this.isSubscribing = true;
    this.context.request(
      { action: "subscribe", jobId: this.id, after: this.state.applied },
      (reply) => {
        this.isSubscribing = false;
        if (!(reply instanceof LonghaulError)) this.receive(reply as unknown as Subscribed<R>);
        else if (!TRANSIENT_CODES.includes(reply.code)) this.fail(reply);
      },
      true,
    );
  }

  /** @internal An event of this job, or the answer to `subscribe`. */
  receive(message: JobEvent<R> | Subscribed<R>): void {
    if (this.isDone) return;
    const before = this.state.applied;
    this.state = reduce(this.state, message, (event) => this.events.push(event));
    const advanced = this.state.applied > before;
    const status = this.state.status;
    if (status === "gone") {
      this.fail(new LonghaulError("GONE", "There is no such job of yours."));
    } else if (isOver(this.state)) {
      if (END_EVENTS.includes(this.events.at(-1)?.type ?? "")) this.finish();
      else this.requestEnd();
    } else if (isBehind(this.state) && !this.isSubscribing && (advanced || message.type !== "subscribed")) {
      this.subscribe();
    } else {
      // An answer that was under way before the gap opened brings nothing; one a moment later does.
      this.subscribeAfter(isBehind(this.state) && !this.isSubscribing ? this.context.backoff : this.context.silence);
    }
    this.notify();
  }

  /** @internal Nothing more will be heard, for a reason that is not an event. */
  fail(failure: LonghaulError): void {
    if (this.isDone) return;
    this.failure = failure;
    this.state = { ...this.state };
    this.finish();
    this.notify();
  }

  /** Whoever follows from the very end on has applied the last event, and we have not. */
  private requestEnd(): void {
    if (this.isEndRequested) return this.fail(new LonghaulError("GONE", "The job's end is lost."));
    this.isEndRequested = true;
    this.state = { ...initial<R>(this.state.applied - 1), jobId: this.id };
    this.subscribe();
  }

  private finish(): void {
    this.isDone = true;
    this.cancelTimer?.();
    this.context.ended(this);
  }

  private subscribeAfter(ms: number): void {
    this.cancelTimer?.();
    this.cancelTimer = this.context.after(ms, () => this.subscribe());
  }

  private async loadResult(): Promise<R> {
    const { status, error, resultRef, result } = this.state;
    if (this.failure) throw this.failure;
    if (error) {
      throw new LonghaulError(error.code, error.message, { jobId: this.id }, undefined, error.retryable);
    }
    if (status === "cancelled") throw new LonghaulError("CANCELLED", "The job was cancelled.");
    if (!resultRef) return result as R;
    const fetched = (await fetchResult(resultRef).catch(async (error) => {
      // The URL lapses after some minutes; asking for the job gives a fresh one.
      const fresh = (await this.context.get(this.id!))?.resultRef;
      if (!fresh) throw error;
      return fetchResult(fresh);
    })) as R;
    this.state = { ...this.state, result: fetched };
    this.notify();
    return fetched;
  }

  private waitUntil(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return;
        this.listeners.delete(check);
        resolve();
      };
      this.listeners.add(check);
      check();
    });
  }

  private notify(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
