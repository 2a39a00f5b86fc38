/**
 * Conversations: each message is the next turn of a session, and its answer a job that is followed like any other,
 * so that no drop, reload or death of a worker loses a word. It refuses to know sockets and the order of events.
 */
import type { Longhaul, QueryOptions } from "./client.js";
import { LonghaulError } from "./error.js";
import type { Job } from "./job.js";

export interface SayOptions extends Omit<QueryOptions, "sessionId"> {
  /** What answers; `chat` if left out. */
  kind?: string;
  /** Ends what is being answered, rather than waits for it. */
  supersede?: boolean;
}

/** The next piece of an answer. */
export interface Piece {
  /** What is new. Empty where a retry took back something that was said before. */
  text: string;
  /** The answer as far as it holds: what to show. */
  whole: string;
}

/** A turn of a session, as it is kept. */
export interface Turn {
  /** 1 for the first. */
  turn: number;
  jobId: string;
  message: string;
  /** `open` until it is answered: `chat.follow(jobId)` hears the answer. */
  status: "open" | "completed" | "failed" | "cancelled";
  /** Its beginning, of at most 24 KiB. */
  answer?: string;
  /** ISO 8601. */
  at: string;
}

/** Wrapped, since a job is a promise of its result. */
type JobRef = { job: Job<{ response?: string } | undefined> };

/** One answer: an async iterable of its pieces and a promise of the whole. */
export class Answer implements PromiseLike<string>, AsyncIterable<Piece> {
  private outcome?: Promise<string>;

  /** Made by `say` and `follow`. */
  constructor(private readonly jobRef: Promise<JobRef>) {
    // Whoever iterates or awaits is told; an answer that nobody asked for rejects nobody.
    jobRef.catch(() => {});
  }

  then<A = string, B = never>(
    resolved?: ((answer: string) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.outcome ??= this.jobRef.then(async ({ job }) => {
      for await (const _ of job);
      // What is streamed need not be fetched, and what is not streamed is in the result.
      return (job.state.status === "completed" && job.state.content) || (await job.result())?.response || "";
    });
    return this.outcome.then(resolved, rejected);
  }

  /** Every piece from the first on, whenever you start. Throws where the answer failed or was cancelled. */
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

  /** The job that answers; resolves once the message is on its way. */
  job(): Promise<JobRef> {
    return this.jobRef;
  }

  /** Asks for the answer's end. */
  async cancel(): Promise<void> {
    return (await this.jobRef).job.cancel();
  }
}

/** One conversation. */
export class Chat {
  private startedSession?: Promise<string>;
  /** Settles when the message before has its place in the session. */
  private previousAccepted: Promise<unknown> = Promise.resolve();

  /** Made by `chat`. */
  constructor(
    private readonly longhaul: Longhaul,
    sessionId?: string,
  ) {
    if (sessionId) this.startedSession = Promise.resolve(sessionId);
  }

  /** The session's id, to go on with it elsewhere; a session that lasts is begun with the first message. */
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

  /** Says a message. Messages are sent in the order of the calls, and answered one after the other. */
  say(message: string, { kind = "chat", ...options }: SayOptions = {}): Answer {
    // Made before it waits, so that a signal that is aborted meanwhile is heard.
    const { signal } = options;
    const jobRef = this.previousAccepted.then(async () => {
      const sessionId = await this.sessionId();
      if (signal?.aborted) throw new LonghaulError("CANCELLED", "The message was never sent.");
      return { job: this.longhaul.query<string>(kind, message, { ...options, sessionId }) as JobRef["job"] };
    });
    // Frames may overtake each other on their way: the next one goes when this one has arrived.
    this.previousAccepted = jobRef.then(({ job }) => whenAccepted(job), () => {});
    return new Answer(jobRef);
  }

  /** The answer to an earlier message, such as one that was open when the page was reloaded. */
  follow(jobId: string): Answer {
    return new Answer(Promise.resolve({ job: this.longhaul.follow(jobId) }));
  }

  /** What was said and answered, oldest first; pages are fetched as you go. */
  async *turns(options: { pageSize?: number } = {}): AsyncGenerator<Turn, void, undefined> {
    const sessionId = await this.sessionId();
    let cursor: unknown;
    do {
      const page = await this.longhaul.request({ action: "getSession", sessionId, limit: options.pageSize, cursor });
      yield* page.turns as Turn[];
      cursor = page.cursor;
    } while (cursor);
  }

  /** Ends the session, which can be read from then on; what is being answered goes on. */
  async end(): Promise<void> {
    await this.longhaul.request({ action: "endSession", sessionId: await this.sessionId() });
  }
}

/** A new conversation, or an earlier one by its session's id. */
export function chat(longhaul: Longhaul, sessionId?: string): Chat {
  return new Chat(longhaul, sessionId);
}

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
