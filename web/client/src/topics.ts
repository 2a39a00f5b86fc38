/**
 * What back ends publish: topics, which are subscribed to anew on each socket, and the user's inbox, which the
 * server keeps. It refuses to know sockets; it hears every frame and takes those that are its own.
 */
import type { Longhaul } from "./client.js";
import { LonghaulError } from "./error.js";
import type { Frame } from "./protocol.js";

/** What a payload must have: equality, `minX` and `maxX` for a number `x`, a list for one of several. */
export type Filters = Record<string, string | number | boolean | readonly (string | number | boolean)[]>;

/** What was published on a topic. */
export interface Notification<T = Record<string, unknown>> {
  type: string;
  data: T;
  topic: string;
  /** The same for every subscriber. */
  publishedId: string;
  /** Unix seconds. */
  timestamp: number;
}

/** What was sent to the user: a notification, or with `type` `message` a message from somebody. */
export interface Mail<T = Record<string, unknown>> {
  /** What to acknowledge it by. */
  id: string;
  type: string;
  data: T;
  topic?: string;
  /** Unix seconds. */
  timestamp: number;
  /** Says that it was shown: it does not come again, on any device. Resolves when the server has it. */
  acknowledge(): Promise<void>;
}

/** So many ids are remembered, to tell what comes twice. */
const MAX_SEEN_IDS = 1000;

/** What comes, in order, until it is closed; kept until somebody asks for it. One reader at a time. */
class BufferedStream<T> implements AsyncIterable<T> {
  private readonly items: T[] = [];
  private readonly seenIds = new Set<string>();
  private failure?: LonghaulError;
  private isClosed = false;
  private notifyReader = () => {};
  private stopListening: (() => void)[] = [];

  constructor(protected readonly longhaul: Longhaul) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      while (this.items.length) yield this.items.shift()!;
      if (this.isClosed) break;
      await new Promise<void>((resolve) => (this.notifyReader = resolve));
    }
    if (this.failure) throw this.failure;
  }

  /** Ends the iteration, after what has come already. */
  close(failure?: LonghaulError): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.failure = failure;
    for (const stop of this.stopListening) stop();
    this.notifyReader();
  }

  protected get closed(): boolean {
    return this.isClosed;
  }

  /** Gives an item to the reader, unless that has had one of this id. */
  protected enqueue(id: string, item: T): void {
    if (this.isClosed || this.seenIds.has(id)) return;
    this.seenIds.add(id);
    if (this.seenIds.size > MAX_SEEN_IDS) this.seenIds.delete(this.seenIds.values().next().value!);
    this.items.push(item);
    this.notifyReader();
  }

  /** Calls with each socket that takes over, the one of now too; and with each frame. */
  protected listen(onOpen: () => void, onFrame: (frame: Frame) => void): void {
    this.stopListening = [
      this.longhaul.on("frame", onFrame),
      this.longhaul.on("state", ({ state }) => {
        if (state === "open") onOpen();
        if (state === "closed") this.close();
      }),
    ];
    if (this.longhaul.state.state === "open") onOpen();
    if (this.longhaul.state.state === "closed") this.close();
  }
}

/** A subscription that outlives its sockets: an async iterable of what is published while there is one. */
export class Topic<T = Record<string, unknown>> extends BufferedStream<Notification<T>> {
  /** Resolves when the first subscription is confirmed; rejects where it is refused. */
  readonly ready: Promise<void>;
  /** The subscriptions of the socket before and of this one. */
  private subscriptionIds: string[] = [];
  /** What came while an answer is on its way that may say that it is ours. */
  private unmatched: Frame[] = [];
  private subscribeRound = 0;
  private confirmedRound = 0;
  private resolveReady!: () => void;
  private rejectReady!: (error: LonghaulError) => void;

  constructor(
    longhaul: Longhaul,
    private readonly name: string,
    private readonly filters: Filters,
  ) {
    super(longhaul);
    this.ready = new Promise((resolve, reject) => {
      this.resolveReady = resolve;
      this.rejectReady = reject;
    });
    this.ready.catch(() => {});
    this.listen(
      () => this.subscribe(),
      (frame) => {
        if (frame.subscriptionId === undefined || frame.topic !== this.name) return;
        if (this.subscriptionIds.includes(String(frame.subscriptionId))) this.deliver(frame);
        else if (this.subscribeRound > this.confirmedRound) this.unmatched.push(frame);
      },
    );
  }

  override close(failure?: LonghaulError): void {
    this.rejectReady(failure ?? new LonghaulError("CLOSED", "The topic was closed."));
    super.close(failure);
    for (const id of this.subscriptionIds) this.unsubscribe(id);
  }

  private subscribe(): void {
    const round = ++this.subscribeRound;
    const { name: topic, filters } = this;
    this.longhaul.request({ action: "subscribe", topic, filters }).then(
      (confirmed) => {
        const { subscriptionId } = confirmed.data as { subscriptionId: string };
        // Closed meanwhile, or there is a newer socket already.
        if (this.closed || round < this.subscribeRound) return this.unsubscribe(subscriptionId);
        this.confirmedRound = round;
        // That of the socket before ends with that, a while later: who is telling subscribers just now may have
        // been where this one is before it was there, and is yet to come to the other.
        this.subscriptionIds = [...this.subscriptionIds.slice(-1), subscriptionId];
        for (const frame of this.unmatched.splice(0)) if (frame.subscriptionId === subscriptionId) this.deliver(frame);
        this.resolveReady();
      },
      (error: LonghaulError) => round === this.subscribeRound && this.close(error),
    );
  }

  private deliver(frame: Frame): void {
    const { type, data, topic, publishedId, timestamp } = frame as unknown as Notification<T>;
    // The socket before and the next may both say it.
    this.enqueue(publishedId, { type, data, topic, publishedId, timestamp });
  }

  /** Whether it was there to be ended, nobody needs to know: it ends with its socket at the latest. */
  private unsubscribe(subscriptionId: string): void {
    this.longhaul.request({ action: "unsubscribe", subscriptionId }).catch(() => {});
  }
}

/** What is sent to the user, on every device and for a week until it is acknowledged. */
export class Inbox extends BufferedStream<Mail> {
  constructor(longhaul: Longhaul) {
    super(longhaul);
    // The server delivers it to each new connection by itself.
    this.listen(
      () => {},
      (frame) => {
        const { type, topic, timestamp } = frame as unknown as Mail;
        const data = (frame.data ?? {}) as Record<string, unknown>;
        const id = type === "message" ? data.messageId : frame.subscriptionId === undefined && frame.notificationId;
        if (typeof id !== "string") return;
        const acknowledge = async () => {
          await longhaul.request({ action: "notificationAck", data: { notificationId: id } });
        };
        this.enqueue(id, { id, type, data, topic, timestamp, acknowledge });
      },
    );
  }
}

/** Subscribes to a topic, now and with each further socket. */
export function topic<T = Record<string, unknown>>(longhaul: Longhaul, name: string, filters: Filters = {}): Topic<T> {
  return new Topic<T>(longhaul, name, filters);
}

/** Messages and notifications of the user; each is told once, and again by the next page until it is acknowledged. */
export function inbox(longhaul: Longhaul): Inbox {
  return new Inbox(longhaul);
}
