/**
 * A job handle: an async iterable of the job's events and a promise of its result. It subscribes again when events
 * are missing or overdue.
 */
import type { Connection } from "./connection.js";
import { callSafely, isDetached, LonghaulError } from "./error.js";
import type { Environment } from "./options.js";
import type { Frame, JobEvent, JobView, Subscribed } from "./protocol.js";
import { initial, isBehind, isOver, type JobState, reduce } from "./reduce.js";
import { fetchResult } from "./result.js";

/** What a job needs from its client. */
export interface JobContext {
  request: Connection["request"];
  after: Environment["after"];
  /** Sends an idempotent frame until it is answered. Rejects with a `LonghaulError`. */
  ask(frame: Frame): Promise<Frame>;
  get(jobId: string): Promise<JobView | undefined>;
  /** Whether another handle follows the job. */
  isFollowed(jobId: string): boolean;
  /** Called when the server has assigned the job's id. */
  acknowledged(job: Job<any>): void;
  /** Called when the job receives no further events. */
  ended(job: Job<any>): void;
  /** Milliseconds without an event after which to subscribe again. */
  silence: number;
  /** Milliseconds to wait before the next subscribe if a reply did not close a gap. */
  backoff: number;
}

/** Errors of a `subscribe` after which the job stays followed: a later attempt or the next socket may succeed. */
const TRANSIENT_CODES = ["CONNECTION_LOST", "QUEUE_FULL", "RATE_LIMIT_EXCEEDED", "INTERNAL_ERROR", "AUTHENTICATION_ERROR"];
const NOT_FOUND = "Job not found.";

export class Job<R = unknown> implements Promise<R>, AsyncIterable<JobEvent<R>> {
  readonly [Symbol.toStringTag] = "Job";
  /** The current state of the job; a new object after each change. */
  state: JobState<R>;
  /** Why the job receives no further events, if the reason is not one of its events. */
  failure?: LonghaulError;

  /** All events so far, in order. It grows. */
  readonly events: readonly JobEvent<R>[] = [];
  private readonly listeners = new Set<() => void>();
  private isDone = false;
  private isSubscribing = false;
  private isEndRequested = false;
  private outcome?: Promise<R>;
  private cancelTimer?: () => void;
  private withdraw?: () => boolean;

  /** Use `query` or `follow` to create one. */
  constructor(
    private readonly context: JobContext,
    jobId?: string,
    after = 0,
  ) {
    this.state = { ...initial<R>(after), jobId };
  }

  /** The job's id; `undefined` until the server has accepted the job. */
  get id(): string | undefined {
    return this.state.jobId;
  }

  /** Percent, 0 to 100. */
  get progress(): number {
    return this.state.progress;
  }

  /** The result; a large one is downloaded. Rejects with a `LonghaulError`. */
  result(): Promise<R> {
    this.outcome ??= this.waitUntil(() => this.isDone).then(() => this.loadResult());
    return this.outcome;
  }

  then<A = R, B = never>(
    resolved?: ((result: R) => A | PromiseLike<A>) | null,
    rejected?: ((reason: any) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.result().then(resolved, rejected);
  }

  catch<B = never>(rejected?: ((reason: any) => B | PromiseLike<B>) | null): Promise<R | B> {
    return this.result().catch(rejected);
  }

  finally(settled?: (() => void) | null): Promise<R> {
    return this.result().finally(settled);
  }

  /**
   * The events that this handle receives, each once and in order, from its first one on, whenever the iteration starts.
   * Ends with the job. Those are all events if the handle was there from the start and no connection was lost. After a
   * reload or a gap, superseded progress and attempts that are over are left out: `history` has them too.
   */
  [Symbol.asyncIterator](): AsyncGenerator<JobEvent<R>, void, undefined> {
    return this.read(false);
  }

  /**
   * Every event of the job, each once and in order, from `job_queued` on, also those of earlier runs and those that this
   * handle never received. Continues with new ones until the job ends. Only what the handle lacks is asked for, by pages.
   */
  history(): AsyncGenerator<JobEvent<R>, void, undefined> {
    return this.read(true);
  }

  /** Calls `listener` after each change of `state`. The returned function removes it. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Requests cancellation. Resolves when the server has accepted the request; the job then ends with an event. */
  async cancel(): Promise<void> {
    if (!this.id && this.withdraw?.()) {
      this.fail(new LonghaulError("CANCELLED", "The job was never sent."));
    }
    await this.waitUntil(() => this.isDone || this.id);
    if (this.isDone) return;
    await this.context.ask({ action: "cancel", jobId: this.id });
  }

  /** Stops following the job. The job keeps running. */
  leave(): void {
    if (this.isDone) return;
    this.fail(new LonghaulError("LEFT", "The job is no longer followed."));
    // The server has one subscription for all handles of this client.
    if (this.id && !this.context.isFollowed(this.id)) this.context.request({ action: "unsubscribe", jobId: this.id }, () => {}, true);
  }

  /** @internal Submits the job. `mayWithdraw`: the frame was not sent by an earlier page, so an unsent one can be dropped. */
  submit(frame: Frame, mayWithdraw: boolean): void {
    const withdraw = this.context.request(frame, (reply) => {
      if (reply instanceof LonghaulError) return this.fail(reply);
      if (this.isDone) return;
      this.state = { ...this.state, jobId: String(reply.jobId) };
      this.context.acknowledged(this);
      // A `job_queued` reply is also routed as an event. A `subscribed` reply, to a known key, arrives only here.
      if (reply.type === "subscribed") this.receive(reply as unknown as Subscribed<R>);
      else this.subscribeAfter(this.context.silence);
      this.notify();
    });
    if (mayWithdraw) this.withdraw = withdraw;
  }

  /** @internal Subscribes on the active socket, from the last applied event on. */
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

  /** @internal Handles an event of this job, or a reply to `subscribe`. */
  receive(message: JobEvent<R> | Subscribed<R>): void {
    if (this.isDone) return;
    const before = this.state.applied;
    this.state = reduce(this.state, message, (event) => (this.events as JobEvent<R>[]).push(event));
    const advanced = this.state.applied > before;
    const status = this.state.status;
    if (status === "gone") {
      this.fail(new LonghaulError("GONE", NOT_FOUND));
    } else if (isOver(this.state)) {
      if (/^job_(?!queued)/.test(this.events.at(-1)?.type ?? "")) this.finish();
      else this.requestEnd();
    } else if (isBehind(this.state) && !this.isSubscribing && (advanced || message.type !== "subscribed")) {
      this.subscribe();
    } else {
      // A reply computed before the gap opened does not close it; one requested after the backoff does.
      this.subscribeAfter(isBehind(this.state) && !this.isSubscribing ? this.context.backoff : this.context.silence);
    }
    this.notify();
  }

  /** @internal Ends the handle for a reason that is not an event. */
  fail(failure: LonghaulError): void {
    if (this.isDone) return;
    this.failure = failure;
    const { code, message, retryable = false } = failure;
    const ended = code === "GONE" ? "gone" : code === "CANCELLED" ? "cancelled" : "refused";
    this.state = { ...this.state, status: isDetached(code) ? this.state.status : ended, error: { code, message, retryable } };
    this.finish();
    this.notify();
  }

  /** Subscribes from one event earlier: the caller had applied the last event elsewhere, so it is not replayed. */
  private requestEnd(): void {
    if (this.isEndRequested) return this.fail(new LonghaulError("GONE", NOT_FOUND));
    this.isEndRequested = true;
    this.state = { ...initial<R>(this.state.applied - 1), jobId: this.id };
    this.subscribe();
  }

  /** The events of this handle; `isWhole`: and those between them, from pages of `getEvents`. */
  private async *read(isWhole: boolean): AsyncGenerator<JobEvent<R>, void, undefined> {
    // `last`: the `seq` up to which events were given. `next`: the index of the first event not looked at.
    for (let last = 0, next = 0; ; ) {
      for (let event; (event = this.events[next]) && !(isWhole && event.seq > last + 1); next++) {
        if (event.seq <= last) continue;
        yield event;
        last = event.seq;
      }
      const lacks = () => isWhole && this.id && (last || -1) < this.state.applied;
      if (lacks()) {
        const page = await this.context.ask({ action: "getEvents", jobId: this.id, after: last });
        if (page.status === "gone") throw new LonghaulError("GONE", NOT_FOUND);
        for (const event of page.events as JobEvent<R>[]) {
          yield event;
          last = event.seq;
        }
        if (!page.more) last = page.head as number;
      } else if (this.isDone) {
        break;
      } else {
        await this.waitUntil(() => this.isDone || next < this.events.length || lacks());
      }
    }
    if (this.failure && !/LEFT|CANCELLED/.test(this.failure.code)) throw this.failure;
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
    const fetched = (await fetchResult(resultRef)
      .catch(async (error) => {
        // The presigned URL expires after some minutes; `getJob` returns a new one.
        const fresh = (await this.context.get(this.id!))?.resultRef;
        if (!fresh) throw error;
        return fetchResult(fresh);
      })
      .catch(({ code, message }: LonghaulError) => {
        // The next call downloads it again.
        this.outcome = undefined;
        this.state = { ...this.state, error: { code, message, retryable: true } };
        this.notify();
        throw new LonghaulError(code, message, {}, undefined, true);
      })) as R;
    this.state = { ...this.state, result: fetched, error: undefined };
    this.notify();
    return fetched;
  }

  private waitUntil(condition: () => unknown): Promise<void> {
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
    for (const listener of [...this.listeners]) callSafely(listener);
  }
}
