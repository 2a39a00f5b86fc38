/** WebSockets under test control: a test opens and drops them, delivers frames and reads the frames sent. */
import type { Environment, Socket, SocketConstructor } from "../src/options.js";
import type { Frame } from "../src/protocol.js";

/** One socket, seen from the server's side. */
export class ScriptedSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  readonly sent: Frame[] = [];
  isOpen = false;
  /** Whether the client has closed it. */
  isClosed = false;
  /** Called with each frame that the client sends. */
  onFrame: (frame: Frame) => void = () => {};

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  open(): this {
    this.isOpen = true;
    this.onopen?.({});
    return this;
  }

  deliver(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** Closes the socket as the network or the server would. */
  drop(): void {
    this.isOpen = false;
    this.onclose?.({});
  }

  send(text: string): void {
    if (!this.isOpen) throw new Error("The WebSocket is not open.");
    this.sent.push(JSON.parse(text));
    this.onFrame(this.sent.at(-1)!);
  }

  close(): void {
    this.isClosed = true;
    this.isOpen = false;
  }

  /** The sent frames with this action. */
  sentFrames(action: string): Frame[] {
    return this.sent.filter((frame) => frame.action === action);
  }
}

/** All sockets of the clients under test, and the constructor that creates them. */
export class ScriptedSockets {
  readonly all: ScriptedSocket[] = [];
  /** Those opened without a token, to ask why a handshake failed. */
  readonly diagnoses: ScriptedSocket[] = [];
  readonly WebSocket: SocketConstructor;
  /** Called with each socket that a client opens. */
  onConnect: (socket: ScriptedSocket) => void = () => {};

  constructor() {
    const sockets = this;
    this.WebSocket = class extends ScriptedSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        const isDiagnosis = protocols.length === 1 && !url.includes("token=");
        sockets[isDiagnosis ? "diagnoses" : "all"].push(this);
        if (!isDiagnosis) sockets.onConnect(this);
      }
    };
  }

  get last(): ScriptedSocket {
    return this.all.at(-1)!;
  }
}

/** A JWT for this user that expires after `seconds`. Its signature is not valid. */
export function unsignedToken(user: string, seconds: number, claims: object = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + seconds;
  return `${part({ alg: "HS256" })}.${part({ sub: user, exp, ...claims })}.x`;
}

/** An environment whose random number is constant, so that delays can be computed. */
export function fixedRandom(value: number): Partial<Environment> {
  return { random: () => value };
}
