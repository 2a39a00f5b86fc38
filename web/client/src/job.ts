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
export interface Host {
  request: Connection["request"];
  after: Environment["after"];
  get(jobId: string): Promise<JobView | undefined>;
  /** The server has given it an id. */
  acknowledged(job: Job<any>): void;
  /** Nothing more will be heard of it. */
  over(job: Job<any>): void;
  /** Milliseconds. */
  silence: number;
  backoff: number;
}

/** What the server, asked for the job, says when time or the next socket mends it. */
const PASSING = ["CONNECTION_LOST", "QUEUE_FULL", "RATE_LIMIT_EXCEEDED", "INTERNAL_ERROR", "AUTHENTICATION_ERROR"];
const ENDS = ["job_completed", "job_failed", "job_cancelled"];

export class Job<R = unknown> implements PromiseLike<R>, AsyncIterable<JobEvent<R>> {
  /** All that is known of it now; another object after each change. */
  state: JobState<R>;
  /** Why nothing more will be heard of it, if that is not one of its events. */
  failure?: LonghaulError;

  private readonly events: JobEvent<R>[] = [];
  private readonly listeners = new Set<() => void>();
  private isDone = false;
  private asking = false;
  private endAsked = false;
  private outcome?: Promise<R>;
  private hush?: () => void;
  private withdraw?: () => boolean;

  /** Made by `query` and `follow`. */
  constructor(
    private readonly host: Host,
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
    this.outcome ??= this.until(() => this.isDone).then(() => this.unwrap());
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
    for (let at = 0; ; ) {
      while (at < this.events.length) yield this.events[at++]!;
      if (this.isDone) break;
      await this.until(() => this.isDone || at < this.events.length);
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
    await this.until(() => this.isDone || this.id !== undefined);
    if (this.isDone) return;
    await new Promise<void>((done, failed) => {
      this.host.request({ action: "cancel", jobId: this.id }, (answer) =>
        answer instanceof LonghaulError ? failed(answer) : done(),
      );
    });
  }

  /** Hears no more of the job, which goes on. */
  leave(): void {
    if (this.isDone) return;
    if (this.id) this.host.request({ action: "unsubscribe", jobId: this.id }, () => {}, true);
    this.fail(new LonghaulError("LEFT", "The job was left."));
  }

  /** @internal Submits it; `mayWithdraw`: no earlier page can have done so. */
  submit(frame: Frame, mayWithdraw: boolean): void {
    const withdraw = this.host.request(frame, (answer) => {
      if (answer instanceof LonghaulError) return this.fail(answer);
      if (this.isDone) return;
      this.state = { ...this.state, jobId: String(answer.jobId) };
      this.host.acknowledged(this);
      // An event is heard like any other; the answer to a key that was known already is for us alone.
      if (answer.type === "subscribed") this.hear(answer as unknown as Subscribed<R>);
      else this.listen(this.host.silence);
      this.wake();
    });
    if (mayWithdraw) this.withdraw = withdraw;
  }

  /** @internal Follows it on the socket of now, from where it stands. */
  ask(): void {
    if (!this.id || this.isDone) return;
    this.listen(this.host.silence);
    this.asking = true;
    this.host.request(
      { action: "subscribe", jobId: this.id, after: this.state.applied },
      (answer) => {
        this.asking = false;
        if (!(answer instanceof LonghaulError)) this.hear(answer as unknown as Subscribed<R>);
        else if (!PASSING.includes(answer.code)) this.fail(answer);
      },
      true,
    );
  }

  /** @internal An event of this job, or the answer to `subscribe`. */
  hear(message: JobEvent<R> | Subscribed<R>): void {
    if (this.isDone) return;
    const before = this.state.applied;
    this.state = reduce(this.state, message, (event) => this.events.push(event));
    const moved = this.state.applied > before;
    const status = this.state.status;
    if (status === "gone") {
      this.fail(new LonghaulError("GONE", "There is no such job of yours."));
    } else if (isOver(this.state)) {
      if (ENDS.includes(this.events.at(-1)?.type ?? "")) this.end();
      else this.askForEnd();
    } else if (isBehind(this.state) && !this.asking && (moved || message.type !== "subscribed")) {
      this.ask();
    } else {
      // An answer that was under way before the gap opened brings nothing; one a moment later does.
      this.listen(isBehind(this.state) && !this.asking ? this.host.backoff : this.host.silence);
    }
    this.wake();
  }

  /** @internal Nothing more will be heard, for a reason that is not an event. */
  fail(failure: LonghaulError): void {
    if (this.isDone) return;
    this.failure = failure;
    this.state = { ...this.state };
    this.end();
    this.wake();
  }

  /** Whoever follows from the very end on has applied the last event, and we have not. */
  private askForEnd(): void {
    if (this.endAsked) return this.fail(new LonghaulError("GONE", "The job's end is lost."));
    this.endAsked = true;
    this.state = { ...initial<R>(this.state.applied - 1), jobId: this.id };
    this.ask();
  }

  private end(): void {
    this.isDone = true;
    this.hush?.();
    this.host.over(this);
  }

  private listen(ms: number): void {
    this.hush?.();
    this.hush = this.host.after(ms, () => this.ask());
  }

  private async unwrap(): Promise<R> {
    const { status, error, resultRef, result } = this.state;
    if (this.failure) throw this.failure;
    if (error) {
      throw new LonghaulError(error.code, error.message, { jobId: this.id }, undefined, error.retryable);
    }
    if (status === "cancelled") throw new LonghaulError("CANCELLED", "The job was cancelled.");
    if (!resultRef) return result as R;
    const fetched = (await fetchResult(resultRef).catch(async (error) => {
      // The URL lapses after some minutes; asking for the job gives a fresh one.
      const fresh = (await this.host.get(this.id!))?.resultRef;
      if (!fresh) throw error;
      return fetchResult(fresh);
    })) as R;
    this.state = { ...this.state, result: fetched };
    this.wake();
    return fetched;
  }

  private until(holds: () => boolean): Promise<void> {
    return new Promise((done) => {
      const look = () => {
        if (!holds()) return;
        this.listeners.delete(look);
        done();
      };
      this.listeners.add(look);
      look();
    });
  }

  private wake(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
