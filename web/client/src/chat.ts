/**
 * Conversations. Each message is a turn of a session, and its answer is a job, so reconnects, reloads and worker
 * crashes lose nothing.
 */
import type { Longhaul, QueryOptions } from "./client.js";
import { LonghaulError } from "./error.js";
import type { Job } from "./job.js";

export interface SayOptions extends Omit<QueryOptions, "sessionId"> {
  /** The job kind that answers. Default `chat`. */
  kind?: string;
  /** Cancels the running answer instead of waiting for it. */
  supersede?: boolean;
}

/** The next piece of an answer. */
export interface Piece {
  /** The new text. Empty if a retry retracted text that was streamed before. */
  text: string;
  /** The answer so far, without retracted text. Display this. */
  whole: string;
}

/** A stored turn of a session. */
export interface Turn {
  /** Number of the turn, starting at 1. */
  turn: number;
  jobId: string;
  message: string;
  /** `open` until it is answered. `chat.follow(jobId)` follows an open answer. */
  status: "open" | "completed" | "failed" | "cancelled";
  /** The first 24 KiB of the answer. */
  answer?: string;
  /** ISO 8601. */
  at: string;
}

/** Wraps the job, because `await` on a job waits for its result. */
type JobRef = { job: Job<{ response?: string } | undefined> };

/** An answer: an async iterable of its pieces and a promise of the full text. */
export class Answer implements PromiseLike<string>, AsyncIterable<Piece> {
  private outcome?: Promise<string>;

  /** Use `say` or `follow` to create one. */
  constructor(private readonly jobRef: Promise<JobRef>) {
    // Callers that iterate or await get the error; without callers it must not become an unhandled rejection.
    jobRef.catch(() => {});
  }

  then<A = string, B = never>(
    resolved?: ((answer: string) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.outcome ??= this.jobRef.then(async ({ job }) => {
      for await (const _ of job);
      // A streamed answer is complete in `content`; otherwise it is in the result.
      return (job.state.status === "completed" && job.state.content) || (await job.result())?.response || "";
    });
    return this.outcome.then(resolved, rejected);
  }

  /** Every piece from the first one, whenever the iteration starts. Throws if the answer failed or was cancelled. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Piece, void, undefined> {
    const { job } = await this.jobRef;
    let chunks: { seq: number; content: string }[] = [];
    let whole = "";
    for await (const event of job) {
      if (event.type === "chunk") {
        chunks.push(event);
        yield { text: event.content, whole: (whole += event.content) };
      } else if (event.type === "stream_reset") {
        chunks = chunks.filter(({ seq }) => seq <= event.keepThrough);
        const remaining = chunks.map(({ content }) => content).join("");
        if (remaining !== whole) yield { text: "", whole: (whole = remaining) };
      }
    }
    const answer = await this;
    if (!whole && answer) yield { text: answer, whole: answer };
  }

  /** The job that answers. Resolves when the message has been submitted. */
  job(): Promise<JobRef> {
    return this.jobRef;
  }

  /** Requests cancellation of the answer. */
  async cancel(): Promise<void> {
    return (await this.jobRef).job.cancel();
  }
}

/** A conversation. Create one with `chat`. */
export class Chat {
  private startedSession?: Promise<string>;
  /** Resolves when the server has accepted the previous message. */
  private previousAccepted: Promise<unknown> = Promise.resolve();

  /** Use `chat` to create one. */
  constructor(
    private readonly longhaul: Longhaul,
    sessionId?: string,
  ) {
    if (sessionId) this.startedSession = Promise.resolve(sessionId);
  }

  /** The session's id, to continue the conversation elsewhere. Starts one if necessary, which lasts until `end()`. */
  sessionId(): Promise<string> {
    this.startedSession ??= this.longhaul.request({ action: "startSession", keep: true }).then(
      (started) => String(started.sessionId),
      (error) => {
        this.startedSession = undefined;
        throw error;
      },
    );
    return this.startedSession;
  }

  /** Sends a message. Messages are sent in the order of the calls and answered one at a time. */
  say(message: string, { kind = "chat", ...options }: SayOptions = {}): Answer {
    // The signal may be aborted while the message waits for its predecessor.
    const { signal } = options;
    const jobRef = this.previousAccepted.then(async () => {
      const sessionId = await this.sessionId();
      if (signal?.aborted) throw new LonghaulError("CANCELLED", "The message was never sent.");
      return { job: this.longhaul.query<string>(kind, message, { ...options, sessionId }) as JobRef["job"] };
    });
    // Frames may be reordered in transit, so the next message waits until this one is accepted.
    this.previousAccepted = jobRef.then(({ job }) => whenAccepted(job), () => {});
    return new Answer(jobRef);
  }

  /** The answer to an earlier message, for example one that was open when the page was reloaded. */
  follow(jobId: string): Answer {
    return new Answer(Promise.resolve({ job: this.longhaul.follow(jobId) }));
  }

  /** The turns of the session, oldest first. Pages are fetched on demand. */
  async *turns(options: { pageSize?: number } = {}): AsyncGenerator<Turn, void, undefined> {
    const sessionId = await this.sessionId();
    let cursor: unknown;
    do {
      const page = await this.longhaul.request({ action: "getSession", sessionId, limit: options.pageSize, cursor });
      yield* page.turns as Turn[];
      cursor = page.cursor;
    } while (cursor);
  }

  /** Ends the session. It stays readable, and a running answer continues. */
  async end(): Promise<void> {
    await this.longhaul.request({ action: "endSession", sessionId: await this.sessionId() });
  }
}

/** Starts a conversation, or continues the one with this session id. */
export function chat(longhaul: Longhaul, sessionId?: string): Chat {
  return new Chat(longhaul, sessionId);
}

/** Resolves when the server has accepted the job, or when the submit has failed. */
function whenAccepted(job: Job<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (job.id === undefined && !job.failure) return;
      off();
      resolve();
    };
    const off = job.onChange(check);
    check();
  });
}
