/**
 * Tests with clients that do not use this library, against a real stack: four hand-written clients in the usual styles
 * of existing front ends. They share no code with `src`.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { isBuilt, Stack } from "./stack.js";

/** Authenticates after connecting, sends one query at a time, and switches on `type`. */
class FinopsClient {
  onProgress: (progress: number, message: string) => void = () => {};
  onJobQueued: (jobId: string) => void = () => {};
  private ws?: WebSocket;
  private pending?: { resolve: (result: any) => void; reject: (error: Error) => void };

  constructor(
    private url: string,
    private user: { userId: string; username: string; token?: string },
  ) {}

  connect(): Promise<any> {
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject };
      this.ws = new WebSocket(this.url);
      this.ws.onopen = () => this.ws!.send(JSON.stringify({ action: "authenticate", ...this.user }));
      this.ws.onmessage = (event) => this.handleMessage(JSON.parse(String(event.data)));
      this.ws.onerror = (event) => reject(new Error(event.message));
    });
  }

  query(query: string): Promise<any> {
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject };
      const { userId, username } = this.user;
      this.ws!.send(JSON.stringify({ action: "finops_query", query, userId, username, timestamp: new Date().toISOString() }));
    });
  }

  disconnect() {
    this.ws?.close();
  }

  private handleMessage(message: any) {
    switch (message.type) {
      case "authenticated":
        this.pending?.resolve(message);
        break;
      case "job_queued":
        this.onJobQueued(message.jobId);
        this.onProgress(message.progress, message.message);
        break;
      case "progress_update":
        this.onProgress(message.progress, message.message);
        break;
      case "job_completed":
        this.pending?.resolve(message.result);
        break;
      case "job_failed":
        this.pending?.reject(new Error(message.error));
        break;
      case "error":
        this.pending?.reject(new Error(message.content));
        break;
    }
  }
}

/** Wraps every payload in `data` and matches concurrent replies by `requestId`. */
class EnvelopeClient {
  private ws!: WebSocket;
  private requests = new Map<string, { resolve: (message: any) => void; reject: (error: any) => void }>();
  private handlers = new Map<string, ((message: any) => void)[]>();
  private lastId = 0;

  connect(url: string): Promise<void> {
    this.ws = new WebSocket(url);
    this.ws.on("message", (text) => this.receive(JSON.parse(text.toString())));
    return new Promise((resolve, reject) => this.ws.once("open", resolve).once("error", reject));
  }

  on(type: string, handler: (message: any) => void) {
    this.handlers.set(type, [...(this.handlers.get(type) ?? []), handler]);
  }

  request(action: string, data: object = {}): Promise<any> {
    const requestId = `req-${++this.lastId}`;
    return new Promise((resolve, reject) => {
      this.requests.set(requestId, { resolve, reject });
      this.ws.send(JSON.stringify({ action, data, requestId }));
    });
  }

  close() {
    this.ws.close();
  }

  private receive(message: any) {
    const request = this.requests.get(message.requestId);
    if (request && message.type === "error") request.reject(Object.assign(new Error(message.data.message), { code: message.data.code }));
    else request?.resolve(message);
    this.requests.delete(message.requestId);
    for (const handler of this.handlers.get(message.type) ?? []) handler(message);
  }
}

/** Passes its token in the URL and appends chunks to the displayed message. */
class StreamingChat {
  messages: { role: "user" | "assistant" | "error"; content: string }[] = [];
  isStreaming = false;
  private ws!: WebSocket;
  private whenDone = () => {};

  connect(url: string, token: string): Promise<void> {
    this.ws = new WebSocket(`${url}?token=${token}`);
    this.ws.onmessage = (event) => {
      const data = JSON.parse(String(event.data));
      if (data.type === "chunk") {
        const last = this.messages.at(-1)!;
        if (last.role === "assistant") last.content += data.content;
        else this.messages.push({ role: "assistant", content: data.content });
      } else if (data.type === "complete") {
        this.done();
      } else if (data.type === "error") {
        this.messages.push({ role: "error", content: data.content });
        this.done();
      }
    };
    return new Promise((resolve, reject) => {
      this.ws.onopen = () => resolve();
      this.ws.onerror = (event) => reject(new Error(event.message));
    });
  }

  sendMessage(message: string, more: object = {}): Promise<void> {
    this.messages.push({ role: "user", content: message });
    this.isStreaming = true;
    this.ws.send(JSON.stringify({ action: "sendMessage", message, ...more }));
    return new Promise((resolve) => (this.whenDone = resolve));
  }

  close() {
    this.ws.close();
  }

  private done() {
    this.isStreaming = false;
    this.whenDone();
  }
}

/** Sends frames with a `type` and a payload in `data` instead of actions, and queues them until connected. */
class TypedClient {
  private ws: WebSocket;
  private waiting: string[] = [];
  private text = "";
  private listeners: ((text: string, done: boolean) => void)[] = [];

  constructor(url: string, token: string) {
    this.ws = new WebSocket(url, ["longhaul.v1", token]);
    this.ws.addEventListener("open", () => this.waiting.splice(0).forEach((frame) => this.ws.send(frame)));
    this.ws.addEventListener("message", (event) => {
      const { type, data } = JSON.parse(String(event.data));
      if (type === "error") this.emit(`! ${data.message}`, true);
      if (type !== "text_response") return;
      this.text += data.text;
      this.emit(this.text, data.done);
    });
  }

  onText(listener: (text: string, done: boolean) => void) {
    this.listeners.push(listener);
  }

  sendText(text: string, more: object = {}) {
    const frame = JSON.stringify({ type: "text_message", data: { text, ...more }, timestamp: Date.now() });
    if (this.ws.readyState === WebSocket.OPEN) this.ws.send(frame);
    else this.waiting.push(frame);
  }

  close() {
    this.ws.close();
  }

  private emit(text: string, done: boolean) {
    if (done) this.text = "";
    for (const listener of this.listeners) listener(text, done);
  }
}

describe.skipIf(!isBuilt)("a client without the library", () => {
  let stack: Stack;
  let trusting: Stack;
  beforeAll(async () => {
    [stack, trusting] = await Promise.all([Stack.start(), Stack.start("--trust-claims")]);
  });
  afterAll(() => Promise.all([stack.stop(), trusting.stop()]));

  const alice = () => ({ userId: "alice", username: "alice", token: stack.token("alice") });

  it("authenticates, sends finops_query, and receives progress and the answer", async () => {
    const client = new FinopsClient(stack.url, alice());
    let reported: number[] = [];
    client.onProgress = (progress) => reported.push(progress);
    expect(await client.connect()).toMatchObject({ type: "authenticated", userId: "alice", message: expect.stringContaining("Welcome alice!") });
    for (const service of ["S3", "EC2"]) {
      reported = [];
      const result = await client.query(`What was my ${service} spend in May?`);
      expect(result).toMatchObject({ agent: "finops", response: expect.stringContaining("USD"), cost_analysis: expect.any(Object) });
      expect(result.optimization_recommendations).toBeInstanceOf(Array);
      expect(reported.length).toBeGreaterThan(1);
      expect([reported[0], reported]).toEqual([5, [...reported].sort((a, b) => a - b)]);
    }
    client.disconnect();
  });

  it("without a token is served only where claims are trusted", async () => {
    const { token: _, ...claims } = alice();
    const trusted = new FinopsClient(trusting.url, claims);
    expect(await trusted.connect()).toMatchObject({ userId: "alice" });
    expect(await trusted.query("S3 in May")).toMatchObject({ agent: "finops" });
    trusted.disconnect();
    const refused = new FinopsClient(stack.url, claims);
    await expect(refused.connect()).rejects.toThrow(/token/i);
    refused.disconnect();
  });

  it("that claims another user than its token is refused", async () => {
    const client = new FinopsClient(stack.url, { ...alice(), userId: "bob" });
    await expect(client.connect()).rejects.toThrow();
    client.disconnect();
  });

  it("that sends an empty query gets an error and can continue", async () => {
    const client = new FinopsClient(stack.url, alice());
    await client.connect();
    await expect(client.query("  ")).rejects.toThrow("'query'");
    expect(await client.query("S3 in May")).toMatchObject({ agent: "finops" });
    client.disconnect();
  });

  it("that sends envelopes receives each reply under its request id", async () => {
    const client = new EnvelopeClient();
    await client.connect(stack.url);
    expect(await client.request("ping")).toMatchObject({ type: "pong", requestId: "req-1" });
    await expect(client.request("listJobs")).rejects.toMatchObject({ code: "AUTHENTICATION_ERROR" });
    expect(await client.request("authenticate", { token: stack.token("bob") })).toMatchObject({ type: "authenticated", userId: "bob" });
    await expect(client.request("nope")).rejects.toMatchObject({ code: "VALIDATION_ERROR", message: expect.stringContaining("nope") });
    const [pong, other] = await Promise.all([client.request("ping"), client.request("query", { kind: "nope", query: "x" }).catch((error) => error)]);
    expect([pong.type, other.code]).toEqual(["pong", "VALIDATION_ERROR"]);
    client.close();
  });

  it("that sends envelopes follows its jobs by their ids", async () => {
    const client = new EnvelopeClient();
    await client.connect(`${stack.url}?token=${stack.token("carol")}`);
    const ended = new Map<string, any>();
    const bothCompleted = new Promise<void>((done) =>
      client.on("job_completed", (message) => ended.set(message.jobId, message).size === 2 && done()),
    );
    const queued = await Promise.all(["S3 in May", "EC2 in May"].map((query) => client.request("finops_query", { query })));
    expect(queued.map((message) => [message.type, message.query])).toEqual([["job_queued", "S3 in May"], ["job_queued", "EC2 in May"]]);
    await bothCompleted;
    for (const { jobId, requestId } of queued) {
      expect(ended.get(jobId)).toMatchObject({ requestId, result: { agent: "finops" } });
      expect(await client.request("getJob", { jobId })).toMatchObject({ type: "job", job: { jobId, status: "completed" } });
    }
    expect((await client.request("listJobs", { limit: 10 })).jobs.length).toBe(2);
    client.close();
  });

  it("that streams into its messages shows complete answers and error texts, and continues", async () => {
    const client = new StreamingChat();
    await client.connect(stack.url, stack.token("dave"));
    await client.sendMessage("What was my S3 spend in May?");
    await client.sendMessage("Stream it", { kind: "noop", params: { steps: 3, stepMs: 400, text: 6 } });
    await client.sendMessage("Fail", { kind: "noop", params: { fail: "reject" } });
    await client.sendMessage("   ");
    await client.sendMessage("Tell me a joke");
    expect(client.messages.map(({ role, content }) => [role, content])).toEqual([
      ["user", "What was my S3 spend in May?"],
      ["assistant", expect.stringMatching(/^You were billed [^]*USD/)],
      ["user", "Stream it"],
      ["assistant", "1 1 1\n2 2 2\n3 3 3\n"],
      ["user", "Fail"],
      ["error", "It was asked to fail."],
      ["user", "   "],
      ["error", "'message' is missing or empty."],
      ["user", "Tell me a joke"],
      ["assistant", expect.stringContaining("No language model is configured")],
    ]);
    expect(client.isStreaming).toBe(false);
    client.close();
  });

  it("that sends types is answered in `data`, also for frames sent before it was connected", async () => {
    const client = new TypedClient(stack.url, stack.token("erin"));
    const answers: string[] = [];
    let partialTexts = 0;
    const allAnswered = new Promise<void>((resolve) => {
      client.onText((text, done) => {
        if (!done) partialTexts++;
        if (done && answers.push(text) === 1) client.sendText("Stream it", { kind: "noop", params: { steps: 3, stepMs: 400, text: 6 } });
        else if (done && answers.length === 2) client.sendText("Fail", { kind: "noop", params: { fail: "reject" } });
        else if (done) resolve();
      });
    });
    client.sendText("What was my S3 spend in May?");
    await allAnswered;
    expect(answers).toEqual([expect.stringMatching(/^You were billed [^]*USD/), "1 1 1\n2 2 2\n3 3 3\n", "! It was asked to fail."]);
    expect(partialTexts).toBeGreaterThan(2);
    client.close();
  });
});
