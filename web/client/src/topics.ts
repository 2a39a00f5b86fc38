/**
 * Notifications from back ends: topics, which are subscribed to again on each socket, and the user's inbox, which the
 * server stores.
 */
import type { Longhaul } from "./client.js";
import { callSafely, LonghaulError } from "./error.js";
import type { Frame } from "./protocol.js";

/** Conditions on the payload: a value means equality, a list means any of its values, `minX` and `maxX` bound a number `x`. */
export type Filters = Record<string, string | number | boolean | readonly (string | number | boolean)[]>;

/** A time from which publications may be missing. In epoch milliseconds. */
export interface Gap {
  /** When the line was last known to be alive. */
  from: number;
  /** When the topic was subscribed to again. */
  to: number;
}

export interface TopicOptions {
  /**
   * Called when publications may be missing, because the connection was lost: what was published meanwhile is not
   * delivered later. Read again what the topic keeps up to date.
   */
  onGap?: (gap: Gap) => void;
}

/** A notification published on a topic. */
export interface Notification<T = Record<string, unknown>> {
  type: string;
  data: T;
  topic: string;
  /** Id of the publication, the same for every subscriber. */
  publishedId: string;
  /** Unix seconds. */
  timestamp: number;
}

/** An inbox entry: a notification for the user, or with `type` `message` a message from another user. */
export interface Mail<T = Record<string, unknown>> {
  /** Id for the acknowledgement. */
  id: string;
  type: string;
  data: T;
  topic?: string;
  /** Unix seconds. */
  timestamp: number;
  /** Marks the entry as read, so that it is not delivered again on any device. Resolves when the server has confirmed. */
  acknowledge(): Promise<void>;
}

/** Number of ids remembered to detect duplicates. */
const MAX_SEEN_IDS = 1000;

/** An ordered, buffered, deduplicated stream of items for a single reader. */
class BufferedStream<T> implements AsyncIterable<T> {
  private readonly items: T[] = [];
  private readonly seenIds = new Set<string>();
  private failure?: LonghaulError;
  private isClosed = false;
  private notifyReader = () => {};
  protected stopListening: (() => void)[] = [];

  constructor(protected readonly longhaul: Longhaul) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      while (this.items.length) yield this.items.shift()!;
      if (this.isClosed) break;
      await new Promise<void>((resolve) => (this.notifyReader = resolve));
    }
    if (this.failure) throw this.failure;
  }

  /** Ends the iteration after the buffered items, with `failure` if given. */
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

  /** Buffers an item unless its id was seen before. */
  protected enqueue(id: string, item: T): void {
    if (this.isClosed || this.seenIds.has(id)) return;
    this.seenIds.add(id);
    if (this.seenIds.size > MAX_SEEN_IDS) this.seenIds.delete(this.seenIds.values().next().value!);
    this.items.push(item);
    this.notifyReader();
  }

  /** Calls `onOpen` for the active socket and for each later one, and `onFrame` with each frame. */
  protected listen(onOpen: () => void, onFrame: (frame: Frame) => void): void {
    this.stopListening = [
      this.longhaul.on("frame", onFrame),
      this.longhaul.on("open", onOpen),
      this.longhaul.on("state", ({ state }) => {
        if (state === "closed") this.close();
      }),
    ];
    this.longhaul.open();
    if (this.longhaul.state.state === "open") onOpen();
    if (this.longhaul.state.state === "closed") this.close();
  }
}

/** A subscription that is renewed on each socket: an async iterable of what is published while connected. */
export class Topic<T = Record<string, unknown>> extends BufferedStream<Notification<T>> {
  /** Resolves when the first subscription is confirmed. Rejects if it is refused. */
  readonly ready: Promise<void>;
  /** Subscriptions on the previous and the active socket. */
  private subscriptionIds: string[] = [];
  /** Frames of this topic received before the reply that contains the subscription id. */
  private unmatched: Frame[] = [];
  private subscribeRound = 0;
  private confirmedRound = 0;
  /** When the line was last known to be alive, in epoch milliseconds. */
  private receivedAt = 0;
  private isInterrupted = false;
  private resolveReady!: () => void;
  private rejectReady!: (error: LonghaulError) => void;

  constructor(
    longhaul: Longhaul,
    private readonly name: string,
    private readonly filters: Filters,
    private readonly options: TopicOptions = {},
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
        if (!this.isInterrupted) this.receivedAt = Date.now();
        if (frame.subscriptionId === undefined || frame.topic !== this.name) return;
        if (this.subscriptionIds.includes(String(frame.subscriptionId))) this.deliver(frame);
        else if (this.subscribeRound > this.confirmedRound) this.unmatched.push(frame);
      },
    );
    const offState = longhaul.on("state", ({ state }) => {
      // During a hand-over the state stays `open`.
      if (state !== "open") this.isInterrupted = this.confirmedRound > 0;
    });
    this.stopListening.push(offState);
  }

  override close(failure?: LonghaulError): void {
    this.rejectReady(failure ?? new LonghaulError("CLOSED", "The topic was closed."));
    super.close(failure);
    for (const id of this.subscriptionIds) this.unsubscribe(id);
  }

  private subscribe(): void {
    // The subscription before this one may have ended before it could be replaced.
    if (this.confirmedRound > 0 && this.confirmedRound < this.subscribeRound) this.isInterrupted = true;
    const round = ++this.subscribeRound;
    const { name: topic, filters } = this;
    this.longhaul.request({ action: "subscribe", topic, filters }).then(
      (confirmed) => {
        const { subscriptionId } = confirmed.data as { subscriptionId: string };
        // The topic was closed in the meantime, or a newer socket is active.
        if (this.closed || round < this.subscribeRound) return this.unsubscribe(subscriptionId);
        this.confirmedRound = round;
        const gap = { from: this.receivedAt, to: Date.now() };
        const { onGap } = this.options;
        if (this.isInterrupted && onGap) callSafely(onGap, gap);
        this.isInterrupted = false;
        this.receivedAt = gap.to;
        // Keep the previous subscription until its socket closes: a fan-out in progress may have passed the position
        // of the new subscription before it existed, and reach the previous one only later.
        this.subscriptionIds = [...this.subscriptionIds.slice(-1), subscriptionId];
        for (const frame of this.unmatched.splice(0)) if (frame.subscriptionId === subscriptionId) this.deliver(frame);
        this.resolveReady();
      },
      (error: LonghaulError) => round === this.subscribeRound && this.close(error),
    );
  }

  private deliver(frame: Frame): void {
    const { type, data, topic, publishedId, timestamp } = frame as unknown as Notification<T>;
    // Both sockets may deliver it during a hand-over; `enqueue` drops duplicates.
    this.enqueue(publishedId, { type, data, topic, publishedId, timestamp });
  }

  /** Errors are ignored: a subscription ends with its socket at the latest. */
  private unsubscribe(subscriptionId: string): void {
    this.longhaul.request({ action: "unsubscribe", subscriptionId }).catch(() => {});
  }
}

/** The user's inbox. The server delivers an entry to every device, for a week or until it is acknowledged. */
export class Inbox extends BufferedStream<Mail> {
  constructor(longhaul: Longhaul) {
    super(longhaul);
    // The server delivers the inbox to each new connection without a request.
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

/** Subscribes to a topic, on the active socket and on each later one. */
export function topic<T = Record<string, unknown>>(longhaul: Longhaul, name: string, filters: Filters = {}, options: TopicOptions = {}): Topic<T> {
  return new Topic<T>(longhaul, name, filters, options);
}

/** Messages and notifications of the user. Each is delivered once per page load until it is acknowledged. */
export function inbox(longhaul: Longhaul): Inbox {
  return new Inbox(longhaul);
}
