/**
 * A server after PROTOCOL 3 behind a scripted wire: jobs with a log, followers, replays that collapse
 * progress and come in pages; sessions and their turns, topics and their subscriptions. Pushes can be lost, doubled and reordered as a test says. It runs nothing:
 * what happens to a job is the test's script.
 */
import type { Frame, JobEvent } from "../src/protocol.js";
import type { FarEnd, Wire } from "./scriptedSocket.js";

type Body<E> = E extends JobEvent ? Omit<E, "jobId" | "seq" | "timestamp"> : never;
export type EventBody = Body<JobEvent>;

export class ServedJob {
  readonly log: JobEvent[] = [];
  readonly followers = new Set<FarEnd>();

  constructor(
    readonly id: string,
    private readonly requestId?: string,
    /** Whose turn it is, and what was said. */
    readonly session?: string,
    readonly message?: string,
  ) {}

  /** Makes an event durable and gives it; pushing it is another step. */
  record(body: EventBody): JobEvent {
    const envelope = { jobId: this.id, seq: this.log.length + 1, timestamp: 1, requestId: this.requestId };
    this.log.push({ ...body, ...envelope } as JobEvent);
    return this.log.at(-1)!;
  }

  get status(): string {
    const type = this.log.at(-1)?.type ?? "";
    const ends: Record<string, string> = { job_queued: "queued", job_completed: "completed", job_failed: "failed", job_cancelled: "cancelled" };
    return ends[type] ?? "processing";
  }

  get isOver(): boolean {
    return ["completed", "failed", "cancelled"].includes(this.status);
  }

  /** The answer to `subscribe`: of progress only the latest, at most `page` events. */
  replay(after: number, page = 3): Frame {
    const latest = this.log.findLast((event) => event.type === "progress_update");
    const missing = this.log.filter(
      (event) => event.seq > after && (event.type !== "progress_update" || event === latest),
    );
    return {
      type: "subscribed",
      jobId: this.id,
      status: this.status,
      head: this.log.length,
      mode: "replay",
      events: missing.slice(0, page),
      more: missing.length > page,
    };
  }
}

/** What may befall one frame of the server's. */
export type Fate = "arrives" | "lost" | "doubled" | "late";

export class Server {
  readonly jobs = new Map<string, ServedJob>();
  readonly byKey = new Map<string, ServedJob>();
  readonly subscriptions = new Map<string, { topic: string; socket: FarEnd }>();
  private sessions = 0;
  private published = 0;
  private subscribed = 0;
  private readonly late: (() => void)[] = [];

  constructor(
    wire: Wire,
    private readonly fate: () => Fate = () => "arrives",
  ) {
    wire.dialled = (socket) => {
      socket.hears = (frame) => this.hear(socket, frame);
    };
  }

  /** Says what happens to a job, to whoever follows it. */
  happens(job: ServedJob, body: EventBody): void {
    const event = job.record(body);
    for (const follower of job.followers) this.push(follower, event);
  }

  /** Tells every subscription of a topic; gives its id. What is said to a socket that has dropped is lost. */
  publishes(topic: string, data: object = {}): string {
    const publishedId = `published-${++this.published}`;
    for (const [subscriptionId, subscribed] of this.subscriptions) {
      if (subscribed.topic !== topic) continue;
      const notificationId = `${publishedId} ${subscriptionId}`;
      this.push(subscribed.socket, { type: "deal", data, topic, subscriptionId, notificationId, publishedId, timestamp: 1 });
    }
    return publishedId;
  }

  /** Lets what was held up arrive, the latest first. */
  release(): void {
    for (const arrive of this.late.splice(0).reverse()) arrive();
  }

  private push(socket: FarEnd, frame: object): void {
    const fate = this.fate();
    const arrive = () => socket.isOpen && socket.say(frame);
    if (fate === "late") this.late.push(arrive);
    if (fate === "arrives" || fate === "doubled") arrive();
    if (fate === "doubled") arrive();
  }

  private hear(socket: FarEnd, frame: Frame): void {
    const { action, requestId } = frame;
    const answer = (fields: object) => this.push(socket, { ...fields, requestId, timestamp: 1 });
    if (action === "ping") answer({ type: "pong" });
    if (action === "query") {
      const key = String(frame.idempotencyKey);
      const known = this.byKey.get(key);
      const session = frame.sessionId as string | undefined;
      const job = known ?? new ServedJob(`job-${this.jobs.size + 1}`, requestId, session, String(frame.query));
      job.followers.add(socket);
      if (known) return answer(known.replay(0));
      this.jobs.set(job.id, job);
      this.byKey.set(key, job);
      this.happens(job, { type: "job_queued", message: "", query: String(frame.query), progress: 5 });
    }
    if (action === "startSession") answer({ type: "sessionStarted", sessionId: `session-${++this.sessions}`, keep: frame.keep });
    if (action === "endSession") answer({ type: "sessionEnded", sessionId: frame.sessionId });
    if (action === "getSession") {
      const jobs = [...this.jobs.values()].filter((job) => job.session === frame.sessionId);
      const turns = jobs.map(({ id, message, isOver, status }, at) => ({ turn: at + 1, jobId: id, message, status: isOver ? status : "open" }));
      const from = Number(frame.cursor ?? 1);
      const to = from + Number(frame.limit ?? 100);
      answer({ type: "session", turns: turns.slice(from - 1, to - 1), cursor: to <= turns.length ? String(to) : undefined });
    }
    if (action === "subscribe" && frame.topic) {
      const subscriptionId = `${frame.topic}.${++this.subscribed}`;
      this.subscriptions.set(subscriptionId, { topic: String(frame.topic), socket });
      answer({ type: "subscriptionConfirmed", data: { subscriptionId, topic: frame.topic, status: "active" } });
    } else if (action === "unsubscribe" && frame.subscriptionId) {
      this.subscriptions.delete(String(frame.subscriptionId));
      answer({ type: "unsubscribed", data: { subscriptionId: frame.subscriptionId } });
    } else if (action === "notificationAck") {
      answer({ type: "ackConfirmed", data: { ...(frame.data as object), status: "read" } });
    } else if (action === "subscribe") {
      const job = this.jobs.get(String(frame.jobId));
      if (!job) return answer({ type: "subscribed", jobId: frame.jobId, status: "gone", head: 0, mode: "gone", events: [], more: false });
      job.followers.add(socket);
      answer(job.replay(Number(frame.after)));
    }
    if (action === "cancel") {
      const job = this.jobs.get(String(frame.jobId))!;
      answer({ type: "cancelling", jobId: job.id });
      this.happens(job, { type: "job_cancelled", by: "alice" });
    }
  }
}
