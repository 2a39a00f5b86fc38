/**
 * A scripted socket: the far end of every WebSocket that a client opens, in a test's hands. It knows no
 * protocol; what is said, and when a socket opens or drops, is up to the test.
 */
import type { Environment, Socket, SocketConstructor } from "../src/options.js";
import type { Frame } from "../src/protocol.js";

export class FarEnd implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  readonly sent: Frame[] = [];
  isOpen = false;
  /** Whether the client has closed it. */
  isClosed = false;
  /** Called with each frame of the client's. */
  hears: (frame: Frame) => void = () => {};

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  open(): this {
    this.isOpen = true;
    this.onopen?.({});
    return this;
  }

  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** The network or the server ends it. */
  drop(): void {
    this.isOpen = false;
    this.onclose?.({});
  }

  send(text: string): void {
    if (!this.isOpen) throw new Error("a WebSocket that is not open can't send");
    this.sent.push(JSON.parse(text));
    this.hears(this.sent.at(-1)!);
  }

  close(): void {
    this.isClosed = true;
    this.isOpen = false;
  }

  /** The frames of one action. */
  said(action: string): Frame[] {
    return this.sent.filter((frame) => frame.action === action);
  }
}

export class Wire {
  readonly sockets: FarEnd[] = [];
  readonly WebSocket: SocketConstructor;
  /** Called with each socket that a client opens. */
  dialled: (socket: FarEnd) => void = () => {};

  constructor() {
    const wire = this;
    this.WebSocket = class extends FarEnd {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        wire.sockets.push(this);
        wire.dialled(this);
      }
    };
  }

  get last(): FarEnd {
    return this.sockets.at(-1)!;
  }
}

/** A JWT of this user that ends after so many seconds; its signature is none. */
export function token(user: string, seconds: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + seconds;
  return `${part({ alg: "HS256" })}.${part({ sub: user, exp })}.x`;
}

/** Chance that always says the same, so that waits are what a test computes. */
export function chance(value: number): Partial<Environment> {
  return { random: () => value };
}
