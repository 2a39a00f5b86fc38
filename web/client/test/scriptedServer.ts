/**
 * An in-memory server behind scripted sockets: jobs with an event log, followers and paged replays, sessions, topics.
 * A test emits the events of each job, and decides whether frames are lost, duplicated or delayed.
 */
import type { Frame, JobEvent } from "../src/protocol.js";
import type { ScriptedSocket, ScriptedSockets } from "./scriptedSocket.js";

type Body<E> = E extends JobEvent ? Omit<E, "jobId" | "seq" | "timestamp"> : never;
export type EventBody = Body<JobEvent>;

/** A job of the server. */
export class ServedJob {
  readonly log: JobEvent[] = [];
  readonly followers = new Set<ScriptedSocket>();

  constructor(
    readonly id: string,
    private readonly requestId?: string,
    /** The session that the job is a turn of, and the message of that turn. */
    readonly session?: string,
    readonly message?: string,
  ) {}

  /** Appends an event to the log and returns it, without pushing it to followers. */
  record(body: EventBody): JobEvent {
    const envelope = { jobId: this.id, seq: this.log.length + 1, timestamp: 1, requestId: this.requestId };
    this.log.push({ ...body, ...envelope } as JobEvent);
    return this.log.at(-1)!;
  }

  get status(): string {
    const type = this.log.at(-1)?.type ?? "";
    const ends: Record<string, string> = { job_queued: "queued", attempt_failed: "queued", handed_over: "queued", job_completed: "completed", job_failed: "failed", job_cancelled: "cancelled" };
    return ends[type] ?? "processing";
  }

  get isOver(): boolean {
    return ["completed", "failed", "cancelled"].includes(this.status);
  }

  /** The reply to `subscribe`: at most `page` events; only the latest progress update, and what ended its attempt. */
  replay(after: number, page = 3): Frame {
    const latest = this.log.findLast((event) => event.type === "progress_update");
    const counts = ({ type, seq }: JobEvent) => {
      if (["attempt_failed", "handed_over"].includes(type)) return seq > (latest?.seq ?? 0);
      return !["attempt_started", "worker_lost", "step"].includes(type);
    };
    const missing = this.log.filter(
      (event) => event.seq > after && (event.type !== "progress_update" || event === latest) && counts(event),
    );
    const skipped = this.log.findLast((event) => event.seq > after && !missing.includes(event));
    return {
      type: "subscribed",
      jobId: this.id,
      status: this.status,
      head: this.log.length,
      mode: "replay",
      events: missing.slice(0, page),
      more: missing.length > page,
      ...(skipped && { skippedThrough: skipped.seq }),
    };
  }

  /** The reply to `getEvents`. */
  page(after: number, limit: number): Frame {
    const missing = this.log.filter(({ seq }) => seq > after);
    return { type: "events", jobId: this.id, status: this.status, head: this.log.length, events: missing.slice(0, limit), more: missing.length > limit };
  }
}

/** What happens to a frame of the server. */
export type Delivery = "delivered" | "lost" | "duplicated" | "delayed";

/** The server. It answers the frames that the client library sends. */
export class ScriptedServer {
  readonly jobs = new Map<string, ServedJob>();
  readonly byKey = new Map<string, ServedJob>();
  readonly subscriptions = new Map<string, { topic: string; socket: ScriptedSocket }>();
  private sessions = 0;
  private published = 0;
  private subscribed = 0;
  private readonly delayed: (() => void)[] = [];
  /** The server's clock less the client's, in milliseconds. */
  clockOffset = 0;
  /** Events of a page of `getEvents`. */
  eventsPerPage = 2;

  constructor(
    sockets: ScriptedSockets,
    private readonly delivery: () => Delivery = () => "delivered",
  ) {
    sockets.onConnect = (socket) => {
      socket.onFrame = (frame) => this.handle(socket, frame);
    };
  }

  /** Records an event and pushes it to the job's followers. */
  emit(job: ServedJob, body: EventBody): void {
    const event = job.record(body);
    for (const follower of job.followers) this.push(follower, event);
  }

  /** Publishes to every subscription of a topic and returns the publication's id. Dropped sockets receive nothing. */
  publish(topic: string, data: object = {}): string {
    const publishedId = `published-${++this.published}`;
    for (const [subscriptionId, subscribed] of this.subscriptions) {
      if (subscribed.topic !== topic) continue;
      const notificationId = `${publishedId} ${subscriptionId}`;
      this.push(subscribed.socket, { type: "deal", data, topic, subscriptionId, notificationId, publishedId, timestamp: 1 });
    }
    return publishedId;
  }

  /** Delivers the delayed frames, the latest first. */
  releaseDelayed(): void {
    for (const deliver of this.delayed.splice(0).reverse()) deliver();
  }

  private push(socket: ScriptedSocket, frame: object): void {
    const delivery = this.delivery();
    const deliver = () => socket.isOpen && socket.deliver(frame);
    if (delivery === "delayed") this.delayed.push(deliver);
    if (delivery === "delivered" || delivery === "duplicated") deliver();
    if (delivery === "duplicated") deliver();
  }

  private handle(socket: ScriptedSocket, frame: Frame): void {
    const { action, requestId } = frame;
    const reply = (fields: object) => this.push(socket, { ...fields, requestId, timestamp: Math.floor((Date.now() + this.clockOffset) / 1000) });
    if (action === "ping") reply({ type: "pong" });
    if (action === "query") {
      const key = String(frame.idempotencyKey);
      const known = this.byKey.get(key);
      const session = frame.sessionId as string | undefined;
      const job = known ?? new ServedJob(`job-${this.jobs.size + 1}`, requestId, session, String(frame.query));
      job.followers.add(socket);
      if (known) return reply(known.replay(0));
      this.jobs.set(job.id, job);
      this.byKey.set(key, job);
      this.emit(job, { type: "job_queued", message: "", query: String(frame.query), progress: 5 });
    }
    if (action === "startSession") reply({ type: "sessionStarted", sessionId: `session-${++this.sessions}`, keep: frame.keep });
    if (action === "endSession") reply({ type: "sessionEnded", sessionId: frame.sessionId });
    if (action === "getSession") {
      const jobs = [...this.jobs.values()].filter((job) => job.session === frame.sessionId);
      const turns = jobs.map(({ id, message, isOver, status }, at) => ({ turn: at + 1, jobId: id, message, status: isOver ? status : "open" }));
      const from = Number(frame.cursor ?? 1);
      const to = from + Number(frame.limit ?? 100);
      reply({ type: "session", turns: turns.slice(from - 1, to - 1), cursor: to <= turns.length ? String(to) : undefined });
    }
    if (action === "getEvents") {
      const job = this.jobs.get(String(frame.jobId));
      reply(job ? job.page(Number(frame.after), this.eventsPerPage) : { type: "events", jobId: frame.jobId, status: "gone", head: 0, events: [], more: false });
    }
    if (action === "subscribe" && frame.topic) {
      const subscriptionId = `${frame.topic}.${++this.subscribed}`;
      this.subscriptions.set(subscriptionId, { topic: String(frame.topic), socket });
      reply({ type: "subscriptionConfirmed", data: { subscriptionId, topic: frame.topic, status: "active" } });
    } else if (action === "unsubscribe" && frame.subscriptionId) {
      this.subscriptions.delete(String(frame.subscriptionId));
      reply({ type: "unsubscribed", data: { subscriptionId: frame.subscriptionId } });
    } else if (action === "notificationAck") {
      reply({ type: "ackConfirmed", data: { ...(frame.data as object), status: "read" } });
    } else if (action === "subscribe") {
      const job = this.jobs.get(String(frame.jobId));
      if (!job) return reply({ type: "subscribed", jobId: frame.jobId, status: "gone", head: 0, mode: "gone", events: [], more: false });
      job.followers.add(socket);
      reply(job.replay(Number(frame.after)));
    }
    if (action === "cancel") {
      const job = this.jobs.get(String(frame.jobId))!;
      reply({ type: "cancelling", jobId: job.id });
      this.emit(job, { type: "job_cancelled", by: "alice" });
    }
  }
}
